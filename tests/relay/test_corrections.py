"""What upstreams say of their limits, through the story of requests."""

import pytest

from gateway.clock import FakeClock
from gateway.errors import ExhaustedError
from gateway.limits.meters import as_json, gauge
from gateway.limits.reported import Reported
from gateway.relay import Relay
from tests.fakes import DONE, HI, ROLE, STOP, FakeUpstream, Step, chat, refusal, stream

from .story import ask, held, last, make, used

CONFIG = """
providers:
  groq:
    base_url: https://groq.test/v1
    api_key: k1
    free: true
    models:
      llama: {limits: {requests_per_minute: 30, requests_per_day: 1000, tokens_per_minute: 6000}}
      qwen: {limits: {requests_per_day: 1000}}
  spare:
    base_url: https://spare.test/v1
    api_key: k2
    free: true
    models: {last: {}}
meta_models:
  base: {targets: [groq/llama, spare/last]}
"""
MINUTE = "model:groq/llama:requests_per_minute"
DAY = "model:groq/llama:requests_per_day"
TOKENS = "model:groq/llama:tokens_per_minute"
LLAMA, SPARE = "groq/llama", "spare/last"


def saying(step: Step, **headers: str) -> Step:
    """The same answer with `x-ratelimit-*` headers."""
    assert not isinstance(step, Exception)
    status, before, pieces = step
    told = {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in headers.items()}
    return status, {**before, **told}, pieces


LEFT = {"limit_requests": "1000", "remaining_requests": "0", "reset_requests": "20s"}
OF_A_DAY = (
    "Rate limit reached for model `llama` in organization `org_x` on requests per day (RPD): Limit 1000, Used 1000,"
    " Requested 1. Please try again in 7m12s."
)


def reported(relay: Relay, meter_id: str) -> Reported | None:
    """What the ledger was told of a limit."""
    meter = next(meter for meter in relay.state.catalog.meters if meter.id == meter_id)
    return relay.state.ledger.reported(meter, relay.state.clock.now())


async def served(relay: Relay) -> str:
    """Which target answers next."""
    return (await ask(relay))[0].headers["x-gateway-route"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_a_limit_that_others_used_up_sends_the_next_request_elsewhere(clock: FakeClock, streamed: bool) -> None:
    """The head of an answer says that nothing is left; the reset brings the target back."""
    step = stream(ROLE, HI, STOP, DONE) if streamed else chat()
    relay = make(FakeUpstream(saying(step, **LEFT), chat(), chat()), clock, CONFIG)
    answer, _ = await ask(relay, stream=streamed)
    assert answer.headers["x-gateway-route"] == LLAMA
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert await served(relay) == SPARE
    passed_over = last(relay).candidates[0]
    assert (passed_over.rule, passed_over.text) == ("requests_per_day", "1,000 of 1,000 today")
    clock.advance(20)
    assert await served(relay) == LLAMA
    assert (used(relay, DAY), held(relay)) == (2, 0)


async def test_what_somebody_else_used_is_shown(clock: FakeClock) -> None:
    """687 of 1,000 are left after our first: 312 went to others who have the key."""
    relay = make(FakeUpstream(saying(chat(), **{**LEFT, "remaining_requests": "687"})), clock, CONFIG)
    await served(relay)
    meter = next(meter for meter in relay.state.catalog.meters if meter.id == DAY)
    row = as_json(gauge(meter, relay.state.ledger, clock.now()))
    assert (row["used"], row["remaining"], row["source"]) == (1, 687, "reported")
    assert (row["reported"]["by"], row["reported"]["remaining"], row["reported"]["drift"]) == ("groq", 687, 312)
    assert reported(relay, MINUTE) is None


async def test_as_much_left_as_we_think_lifts_a_report(clock: FakeClock) -> None:
    """The next answer knows better than the last."""
    first, second = ({**LEFT, "remaining_requests": left} for left in ("500", "998"))
    relay = make(FakeUpstream(saying(chat(), **first), saying(chat(), **second)), clock, CONFIG)
    await served(relay)
    assert used(relay, DAY) == 500
    await served(relay)
    assert (used(relay, DAY), reported(relay, DAY)) == (2, None)


async def test_more_left_than_we_think_is_no_gift(clock: FakeClock) -> None:
    """The upstream may not have counted all of it yet."""
    relay = make(FakeUpstream(saying(chat(), **{**LEFT, "remaining_requests": "1000"})), clock, CONFIG)
    await served(relay)
    assert used(relay, DAY) == 1


async def test_a_refusal_that_names_the_day_fills_only_that_counter(clock: FakeClock) -> None:
    """Nobody rests: the day's requests are used up for as long as was said, past our own midnight; the rest stays."""
    relay = make(FakeUpstream(refusal(429, OF_A_DAY), chat(), chat(), chat()), clock, CONFIG)
    assert await served(relay) == SPARE
    assert last(relay).candidates[0].text.startswith("429 from upstream, retry in 432 s")
    assert (used(relay, DAY), used(relay, MINUTE), used(relay, TOKENS)) == (1000, 0, 0)
    assert not relay.state.cooldowns.dump(clock.now())
    clock.advance(431)
    assert await served(relay) == SPARE
    assert last(relay).candidates[0].rule == "requests_per_day"
    clock.advance(1)
    assert await served(relay) == LLAMA


async def test_what_refuses_one_model_leaves_the_others(clock: FakeClock) -> None:
    """The key's other model has a day of its own."""
    relay = make(FakeUpstream(refusal(429, OF_A_DAY), chat()), clock, CONFIG)
    with pytest.raises(ExhaustedError) as refused:
        await ask(relay, LLAMA)
    assert refused.value.retry_after_s == 432
    answer, _ = await ask(relay, "groq/qwen")
    assert answer.headers["x-gateway-route"] == "groq/qwen"


async def test_a_refusal_that_names_nothing_of_ours_rests_the_target(clock: FakeClock) -> None:
    """An hour is no limit here: as long as was said, the target is left alone."""
    step = refusal(429, "Rate limit reached on requests per hour", headers={"retry-after": "90"})
    relay = make(FakeUpstream(step, chat(), chat(), chat()), clock, CONFIG)
    assert await served(relay) == SPARE
    assert (used(relay, DAY), used(relay, MINUTE)) == (0, 0)
    assert await served(relay) == SPARE
    assert last(relay).candidates[0].rule == "cooldown"
    clock.advance(91)
    assert await served(relay) == LLAMA


async def test_an_unnamed_refusal_rests_and_corrects_what_its_headers_tell(clock: FakeClock) -> None:
    """Two limits have nothing left, so which one refused is not sure; both are lowered all the same."""
    told = {**LEFT, "limit_tokens": "6000", "remaining_tokens": "0", "reset_tokens": "30s"}
    relay = make(FakeUpstream(saying(refusal(429), **told), chat()), clock, CONFIG)
    assert await served(relay) == SPARE
    assert (used(relay, DAY), used(relay, TOKENS)) == (1000, 6000)
    assert relay.state.cooldowns.dump(clock.now())
