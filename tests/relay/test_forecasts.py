"""Answers of unknown length, in the story of a request: what is held, sent, learned and said."""

import orjson
import pytest

from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.errors import GatewayError
from gateway.limits.terms import Meter
from gateway.relay import Relay
from gateway.state import State
from tests.fakes import DONE, HI, ROLE, STOP, USAGE, FakeUpstream, broke, chat, event, stream

from .story import CONFIG, ask, held, last, make, used

STRICT = CONFIG.replace("tokens_per_minute: 10000", "tokens_per_minute: {amount: 10000, strict: true}")
BIG_TOKENS = "model:paid/big:tokens_per_minute"
BIG_COST = "model:paid/big:cost_per_day"


def meter(state: State, id_: str) -> Meter:
    return next(meter for meter in state.catalog.meters if meter.id == id_)


def weight(relay: Relay, client: str = "") -> float:
    """How many answers of `paid/big` the forecasts go by."""
    return relay.state.learned.past("paid/big", client).lengths.weight


async def test_a_strict_limit_sends_what_it_holds_and_says_so(clock: FakeClock) -> None:
    """The rest of the body is the client's, byte for byte."""
    upstream = FakeUpstream(chat())
    relay = make(upstream, clock, STRICT)
    await ask(relay, "big", max_tokens=8192, x=1.0)
    assert b'"max_tokens":6123,"x":1.0' in upstream.sent[0].body
    assert last(relay).candidates[0].text == "paid, as allowed; max_tokens 8192 -> 6123 by strict"


async def test_far_from_the_edge_no_body_is_touched(clock: FakeClock) -> None:
    """Nor where the limit is no strict one."""
    upstream = FakeUpstream(chat(), chat())
    await ask(make(upstream, clock), "big", max_tokens=8192)
    await ask(make(upstream, clock, STRICT.replace("10000", "1M")), "big", max_tokens=8192)
    assert [orjson.loads(sent.body)["max_tokens"] for sent in upstream.sent] == [8192, 8192]


async def test_a_bound_is_sent_where_there_was_none(clock: FakeClock) -> None:
    """Nobody named one, and the limit is strict in so many words."""
    upstream = FakeUpstream(chat())
    relay = make(upstream, clock, STRICT)
    await ask(relay, "big")
    assert orjson.loads(upstream.sent[0].body)["max_tokens"] == 4096
    assert last(relay).candidates[0].text.endswith("max_tokens unset -> 4096 by strict")


async def test_strict_without_any_bound_leaves_the_target_out(clock: FakeClock) -> None:
    """The body may not be touched and nothing bounds the answer: another target serves, and nothing is charged."""
    upstream = FakeUpstream(chat())
    text = STRICT.replace("api_key: k2", "api_key: k2\n    drop: [max_tokens, max_completion_tokens]")
    relay = make(upstream, clock, text.replace("targets: [free/small, paid/big]", "targets: [paid/big, spare/last]"))
    answer, _ = await ask(relay, "two", max_tokens=100)
    assert answer.headers["x-gateway-why"] == "paid/big:strict;spare/last:ok"
    assert last(relay).candidates[0].text == "strict needs max_tokens or max_output"
    assert (len(upstream.sent), held(relay), used(relay, BIG_TOKENS)) == (1, 0, 0)
    with pytest.raises(GatewayError, match="strict needs max_tokens or max_output"):
        await ask(relay, "paid/big", max_tokens=100)


async def test_what_answers_teach_is_held_next_time(clock: FakeClock) -> None:
    """Five tokens each: soon no one expects six hundred."""
    relay = make(FakeUpstream(*[chat()] * 40), clock)
    state = relay.state
    before = state.learned.past("paid/big", "aider").lengths.moments()[0]
    for _ in range(40):
        await ask(relay, "big")
        clock.advance(1)
    after = state.learned.past("paid/big", "").lengths.moments()[0]
    assert (before > 600, after < 60) == (True, True)
    assert weight(relay) == pytest.approx(39, abs=3)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([ROLE, HI, STOP, DONE], id="without usage"),
        pytest.param([ROLE, HI, broke()], id="broken off"),
        pytest.param([ROLE, HI, USAGE], id="never finished"),
    ],
)
async def test_what_did_not_end_by_itself_teaches_nothing(clock: FakeClock, pieces: list[bytes]) -> None:
    """Its length says nothing about answers."""
    relay = make(FakeUpstream(stream(*pieces)), clock)
    await ask(relay, "big", stream=True)
    assert weight(relay) == pytest.approx(2)


async def test_a_stream_teaches_how_fast_its_model_is(clock: FakeClock) -> None:
    """And what becomes of the text that went by."""
    relay = make(FakeUpstream(stream(ROLE, HI, STOP, USAGE, DONE)), clock)
    await ask(relay, "big", stream=True)
    pace = relay.state.learned.past("paid/big", "").model.pace
    assert (pace.n, pace.first_s, pace.per_seen > 1) == (1, 0, True)


async def test_the_hold_of_a_stream_grows_while_it_runs(clock: FakeClock) -> None:
    """At the end nothing is held, and what was reported is used."""
    long = [event(choices=[{"index": 0, "delta": {"content": "1234" * 1000}}]) for _ in range(4)]
    usage = event(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 4000})
    upstream = FakeUpstream(stream(ROLE, *long, STOP, usage, DONE))
    relay = make(upstream, clock, CONFIG.replace("tokens_per_minute: 10000", "tokens_per_minute: 1M"))
    state = relay.state
    body = {"model": "big", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    async with relay.answer(read_call(orjson.dumps(body), id="r"), None) as answer:
        seen = [state.ledger.held(meter(state, BIG_TOKENS)) async for _ in answer.chunks]
    assert seen == sorted(seen)
    assert seen[-1] > 4000 > seen[0]
    assert (held(relay), used(relay, BIG_TOKENS)) == (0, 4007)


async def test_an_answer_that_comes_as_a_whole_grows_by_the_learned_pace(clock: FakeClock) -> None:
    """Nothing is seen of it before its end, so the timer is all there is; it ends with the answer."""
    relay = make(FakeUpstream(chat()), clock)
    await ask(relay, "big")
    assert (held(relay), used(relay, BIG_TOKENS)) == (0, 12)


async def test_learned_numbers_survive_a_restart(clock: FakeClock) -> None:
    """With counters and cooldowns, in the snapshot; one of an earlier version has none, and none are needed."""
    relay = make(FakeUpstream(chat(), chat()), clock)
    for _ in range(2):
        await ask(relay, "big")
    dump = orjson.loads(orjson.dumps(relay.state.dump(clock.now())))
    other = make(FakeUpstream(), clock)
    other.state.restore(dump, clock.now())
    assert weight(other) == pytest.approx(weight(relay), rel=1e-6) != pytest.approx(2)
    del dump["learned"]
    other = make(FakeUpstream(), clock)
    other.state.restore(dump, clock.now())
    assert weight(other) == pytest.approx(2)
    assert used(other, BIG_COST) == used(relay, BIG_COST)


async def test_a_damaged_past_is_refused_with_the_whole_dump(clock: FakeClock) -> None:
    """Nothing of it is taken over."""
    relay = make(FakeUpstream(chat()), clock)
    await ask(relay, "big")
    dump = relay.state.dump(clock.now())
    dump["learned"]["paid/big"]["lengths"] = "?"
    other = make(FakeUpstream(), clock)
    with pytest.raises(ValueError, match="no dump of what was learned"):
        other.state.restore(dump, clock.now())
    assert used(other, BIG_COST) == 0
