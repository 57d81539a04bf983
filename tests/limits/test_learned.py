"""What answers teach, whom, and for how long."""

from typing import Any

import orjson
import pytest

from gateway.limits import learned as module
from gateway.limits.learned import Ended, Learned, Pace, Past, Ratio

MODEL = "groq/llama"


def ended(output: int = 300, *, estimate: int = 100, input_: int = 100, cut: bool = False, **seen: Any) -> Ended:
    return Ended(estimate=estimate, input=input_, output=output, cut=cut, **seen)


def taught(*answers: Ended, client: str = "aider") -> Learned:
    """After these answers."""
    learned = Learned()
    for answer in answers:
        learned.add(MODEL, client, answer)
    return learned


def mean(past: Past) -> float:
    return past.lengths.moments()[0]


def test_nothing_is_known_of_a_model_that_never_answered() -> None:
    """The neutral past: a mean of 616, worth two answers; input 10 % above the estimate."""
    past = Learned().past(MODEL, "aider")
    assert past.weight == pytest.approx(2)
    assert past.ratio == Ratio(1.1, 0.15**2, 2)
    assert mean(past) == pytest.approx(616, rel=0.01)
    assert past.doubt == pytest.approx(0.15 / 2**0.5)
    assert past.model.highest == 1.25


def test_a_client_has_a_past_of_its_own_and_others_have_the_models() -> None:
    """One writes 30 tokens, the other 3,000; who is new is expected to be like both, but with little weight."""
    learned = Learned()
    for _ in range(50):
        learned.add(MODEL, "terse", ended(30))
        learned.add(MODEL, "writer", ended(3000))
    terse, writer, new = (learned.past(MODEL, client) for client in ("terse", "writer", "new"))
    assert mean(terse) < 100 < mean(new) < 2500 < mean(writer)
    assert terse.long < 100
    assert 2500 < writer.long < writer.longest < 13_000
    assert (new.weight, terse.weight > 40) == (8, True)
    assert learned.past("other/model", "terse").weight == pytest.approx(2)


def test_an_answer_that_was_cut_off_counts_as_what_it_would_have_become() -> None:
    """A client that bounds its answers does not make the model look terse."""
    cut, whole = taught(*[ended(50, cut=True)] * 50), taught(*[ended(50)] * 50)
    assert mean(cut.past(MODEL, "new")) > 8 * mean(whole.past(MODEL, "new"))


def test_real_input_by_estimated_input() -> None:
    """The mean of the ratios goes to what is reported, its doubt away; without an estimate there is no ratio."""
    learned = taught(*[ended(estimate=100, input_=120)] * 500)
    past = learned.past(MODEL, "aider")
    assert past.ratio.mean == pytest.approx(1.2, abs=0.001)
    assert past.ratio.n == 200
    assert past.doubt < 0.003
    blank = taught(ended(estimate=0, input_=7), ended(estimate=7, input_=0)).past(MODEL, "aider")
    assert (blank.ratio, blank.model.highest) == (Ratio(), 1.25)


def test_the_highest_ratio_of_the_last_256() -> None:
    """At least 1.25 until so many are known; a higher one is forgotten after 256 more."""
    learned = taught(ended(input_=160))
    model = learned.past(MODEL, "aider").model
    assert model.highest == 1.6
    for _ in range(255):
        learned.add(MODEL, "aider", ended(input_=110))
    assert model.highest == 1.6
    learned.add(MODEL, "aider", ended(input_=110))
    assert model.highest == 1.1


def test_pace() -> None:
    """Tokens a second after the first, seconds until then, and tokens reported for each one that was seen."""
    pace = Pace()
    assert (pace.tokens_per_s, pace.per_seen, pace.first_s) == (60, 1, 1)
    for _ in range(500):
        pace.add(ended(200, seen=160, first_s=0.5, duration_s=2.5))
    assert pace.tokens_per_s == pytest.approx(100, rel=0.01)
    assert pace.per_seen == pytest.approx(1.25, rel=0.01)
    assert pace.first_s == pytest.approx(0.5, rel=0.01)


def test_pace_of_answers_that_come_as_a_whole() -> None:
    """The first token was not seen, so it is where it usually is; an answer in no time says nothing."""
    pace = Pace()
    pace.add(ended(90, duration_s=4))
    assert (pace.first_s, pace.tokens, pace.speaking_s) == pytest.approx((1, 678, 12.8))
    before = pace.tokens_per_s
    pace.add(ended(90, duration_s=0.5))
    assert (pace.tokens_per_s, pace.per_seen, pace.n) == (before, 1, 2)


def test_a_model_that_says_nothing_still_has_a_pace() -> None:
    """Empty answers that take long do not stop the clock by which others are expected to end."""
    pace = Pace()
    for _ in range(500):
        pace.add(ended(0, duration_s=60))
    assert pace.tokens_per_s == 1


def test_of_too_many_the_longest_unused_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models and pairs alike; who was just used stays."""
    monkeypatch.setattr(module, "MOST", 2)
    learned = Learned()
    for model, client in (("a", "x"), ("b", "x"), ("a", "x"), ("c", "x")):
        learned.add(model, client, ended(3000))
    assert [learned.past(model, "x").model is learned.past("?", "").model for model in "abc"] == [False, True, False]
    assert sorted(learned.dump()) == ["a", "c"]
    assert learned.past("a", "x") is not learned.past("a", "new")


def test_a_restart_keeps_what_was_learned() -> None:
    """Through JSON, in under half a kilobyte for a pair."""
    learned = Learned()
    for _ in range(40):
        learned.add(MODEL, "aider", ended(3000, input_=130, seen=2000, first_s=0.4, duration_s=20.4))
        learned.add(MODEL, "terse", ended(30, input_=110))
    text = orjson.dumps(learned.dump())
    other = Learned()
    other.restore(orjson.loads(text))
    for client in ("aider", "terse", "new"):
        before, after = learned.past(MODEL, client), other.past(MODEL, client)
        assert mean(after) == pytest.approx(mean(before), rel=1e-5)
        assert (after.weight, after.long) == pytest.approx((before.weight, before.long), rel=1e-5)
        assert after.ratio == before.ratio
        assert (after.model.pace, after.model.highest) == (before.model.pace, before.model.highest)
    assert len(orjson.dumps(learned.dump()[MODEL]["clients"])) < 2 * 500


def _damaged(**fields: object) -> dict[str, Any]:
    return {MODEL: {**taught(ended()).dump()[MODEL], **fields}}


@pytest.mark.parametrize(
    "dump",
    [
        pytest.param({MODEL: {}}, id="nothing in it"),
        pytest.param(_damaged(lengths="AAAA"), id="lengths that are cut off"),
        pytest.param(_damaged(lengths="?"), id="lengths that are no base64"),
        pytest.param(_damaged(ratio={"mean": 1.1, "var": -1.0, "n": 2.0}), id="a variance below nothing"),
        pytest.param(_damaged(ratio={"mean": 1.1, "var": 0.1, "n": 0.0}), id="a mean of nothing"),
        pytest.param(_damaged(ratio={"mean": 1e999, "var": 0.1, "n": 2.0}), id="an endless mean"),
        pytest.param(_damaged(pace={"speaking_s": 0.0}), id="tokens in no time"),
        pytest.param(_damaged(pace={"seen": -1.0}), id="seen less than nothing"),
        pytest.param(_damaged(pace={"first_s": -1.0}), id="answered before it was asked"),
        pytest.param(_damaged(pace={"tokens": 1e999}), id="endless tokens"),
        pytest.param(_damaged(clients={"aider": {"lengths": ""}}), id="a damaged client"),
    ],
)
def test_a_damaged_dump_is_refused_whole(dump: dict[str, Any]) -> None:
    """What was known stays known."""
    learned = taught(*[ended(3000)] * 50)
    before = mean(learned.past(MODEL, "aider"))
    with pytest.raises(ValueError, match="no dump of what was learned"):
        learned.restore(dump)
    assert mean(learned.past(MODEL, "aider")) == before
