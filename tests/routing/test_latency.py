"""Smoothed times to the first token: what is measured, for how long it holds, and what a restart keeps."""

from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from gateway.records import AttemptRecord, Settled, Usage
from gateway.routing.latency import REMEMBERED_S, Latencies

RECEIVED = 1000.0


def attempt(target: str = "a/m", *, began: float = RECEIVED) -> AttemptRecord:
    return AttemptRecord(target=target, status=200, cause="ok", started_at=began, first_byte_s=0.1, duration_s=1.0)


def settled(first_token_s: float | None, *attempts: AttemptRecord, **other: Any) -> Settled:
    """A request received at 1000 that took four seconds."""
    values = {"route": "a/m", "at": RECEIVED + 4, "stream": True, **other}
    return Settled(
        id="r",
        client="",
        asked="base",
        provider="a",
        status=200,
        outcome="ok",
        usage=Usage(),
        cost_nanousd=0,
        list_price_nanousd=None,
        attempts=attempts,
        candidates=(),
        first_token_s=first_token_s,
        duration_s=4.0,
        overhead_s=0.0,
        **values,
    )


def after(*requests: Settled) -> Latencies:
    latencies = Latencies()
    for each in requests:
        latencies.note(each)
    return latencies


def test_what_a_target_took_itself() -> None:
    """Not the time that went to the targets before it."""
    latencies = after(settled(3.0, attempt("b/m"), attempt(began=RECEIVED + 2.5)))
    assert latencies.seconds("a/m", stream=True, wall=RECEIVED + 4) == pytest.approx(0.5)
    assert latencies.seconds("b/m", stream=True, wall=RECEIVED + 4) is None


def test_a_target_that_was_given_up_took_that_long_at_least() -> None:
    """One that hangs is not taken for one that nobody has tried. Other failures say nothing of speed."""
    hangs = replace(attempt("b/m"), cause="timeout", duration_s=60.0)
    broken = replace(attempt("c/m"), cause="500", duration_s=60.0)
    for latencies in (after(settled(3.0, hangs, broken, attempt())), after(settled(None, hangs, broken, route=""))):
        assert latencies.seconds("b/m", stream=True, wall=RECEIVED) == 60.0
        assert latencies.seconds("c/m", stream=True, wall=RECEIVED) is None


def test_a_stream_that_falls_silent_later_was_measured_before() -> None:
    """It is its first token that counts."""
    latencies = after(settled(0.5, replace(attempt(), cause="timeout", duration_s=60.0)))
    assert latencies.seconds("a/m", stream=True, wall=RECEIVED) == 0.5


def test_streams_and_whole_answers_are_two_things() -> None:
    """The first token of a whole answer is its last."""
    latencies = after(settled(3.0, attempt(), stream=False), settled(0.5, attempt()))
    assert latencies.seconds("a/m", stream=False, wall=RECEIVED) == 3.0
    assert latencies.seconds("a/m", stream=True, wall=RECEIVED) == 0.5


def test_it_is_smoothed() -> None:
    """Three tenths of the newest, seven of what was known."""
    latencies = after(settled(1.0, attempt()), settled(2.0, attempt()))
    assert latencies.seconds("a/m", stream=True, wall=RECEIVED) == pytest.approx(1.3)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(settled(None, attempt()), id="nothing came"),
        pytest.param(settled(1.0), id="nothing was tried"),
        pytest.param(settled(1.0, attempt("b/m"), route="a/m"), id="another one was tried last"),
    ],
)
def test_what_did_not_answer_is_not_measured(request_: Settled) -> None:
    """A failure rests its target anyway."""
    assert after(request_).dump() == []


def test_a_clock_that_was_set_makes_nothing_negative() -> None:
    """The attempt seems to have begun after its first token."""
    assert after(settled(1.0, attempt(began=RECEIVED + 500))).seconds("a/m", stream=True, wall=RECEIVED) == 0.0


def test_an_hour_later_it_is_unknown_again() -> None:
    """And the next measurement stands alone."""
    latencies = after(settled(1.0, attempt()))
    at = RECEIVED + 4 + REMEMBERED_S
    assert latencies.seconds("a/m", stream=True, wall=at - 1) == 1.0
    assert latencies.seconds("a/m", stream=True, wall=at) is None
    latencies.note(settled(3.0, attempt(began=at - 4), at=at))
    assert latencies.seconds("a/m", stream=True, wall=at) == 3.0


def test_a_restart_keeps_it() -> None:
    """The dump is JSON."""
    later = Latencies()
    later.restore(orjson.loads(orjson.dumps(after(settled(1.5, attempt())).dump())))
    assert later.seconds("a/m", stream=True, wall=RECEIVED + 60) == 1.5


@pytest.mark.parametrize("values", [None, [1], [{"target": "a", "stream": True, "seconds": -1, "at": 0}]])
def test_what_is_no_dump_is_refused(values: object) -> None:
    """And changes nothing."""
    latencies = after(settled(1.5, attempt()))
    with pytest.raises(ValueError, match="no latencies"):
        latencies.restore(values)
    assert latencies.seconds("a/m", stream=True, wall=RECEIVED) == 1.5


def test_there_is_an_end_to_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was heard of last is kept longest."""
    monkeypatch.setattr("gateway.routing.latency._MOST", 2)
    requests = [settled(1.0, attempt(name), route=name) for name in ("a/1", "a/2", "a/1", "a/3")]
    latencies = after(*requests)
    assert [each["target"] for each in latencies.dump()] == ["a/1", "a/3"]
