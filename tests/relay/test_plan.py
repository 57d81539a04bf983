"""The dry run: it says what the next request will do, and changes nothing."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.catalog.catalog import Client
from gateway.catalog.schema import Server
from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.errors import ExhaustedError, GatewayError, ModelNotAllowedError, UnknownModelError
from gateway.limits.ledger import Need
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import Meter
from gateway.records import Candidate, Secret, Settled
from gateway.relay import Relay
from gateway.relay.plan import plan
from gateway.relay.waiting import Pause
from tests.fakes import FakeUpstream, Step, chat, refusal, waits

from .story import CONFIG, ask, last, make
from .test_journey import numbers, use


def planned(relay: Relay, model: str = "base", client: Client | None = None, **members: Any) -> Settled:
    """What would become of such a request now."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **members}
    now = relay.state.clock.now()
    call = read_call(orjson.dumps(body), id="dry", client=client.name if client else "", received=now)
    return plan(relay.state, relay.lines, call, client, now)


def rows(settled: Settled) -> list[tuple[str, str, str, str]]:
    """Who, verdict, rule and text, by place."""
    return [(each.id, each.verdict, each.rule, each.text) for each in settled.candidates]


def test_every_target_has_its_place_and_its_reason(clock: FakeClock) -> None:
    """What costs nothing first; who comes after the one that would answer is looked at too."""
    relay = make(FakeUpstream(), clock)
    use(relay, "model:paid/big:tokens_per_minute", Need(0, 10_000))
    found = planned(relay, max_tokens=500)
    assert rows(found) == [
        ("free/small", "chosen", "free_first", "free, 1 of 1 left today"),
        ("paid/big", "left_out", "tokens_per_minute", "10,000 of 10,000 tokens this minute"),
        ("spare/last", "not_needed", "order", "paid, as allowed"),
    ]
    small, big, spare = found.candidates
    assert numbers(small, clock) == (0, 1, None)
    assert numbers(big, clock) == (10_000, 10_000, 3.08)
    assert numbers(spare, clock) == (None, None, None)
    assert [each.place for each in found.candidates] == [1, 2, 3]
    assert (found.id, found.asked, found.attempts) == ("dry", "base", ())
    assert (found.estimated_tokens, found.reserved_tokens, found.cost_nanousd) == (5, 309, 0)


def test_money_is_expected_where_it_is_known(clock: FakeClock) -> None:
    """What such answers usually take, at 1 and 2 USD a million; unknown stays unknown, never zero."""
    text = CONFIG.replace("price: {input: 3, output: 3}", "")
    relay = make(FakeUpstream(), clock, text)
    use(relay, "model:paid/big:cost_per_day", Need(0, cost_nanousd=1_000_000_000))
    found = planned(relay, "big", max_tokens=500)
    assert found.cost_nanousd == 611_492
    assert rows(found) == [("paid/big", "chosen", "priority", "paid, as allowed, $4.00 of $5.00 left today")]
    assert numbers(found.candidates[0], clock) == (1, 5, None)
    assert planned(relay, "last").cost_nanousd is None


def test_what_cannot_serve_says_why(clock: FakeClock) -> None:
    """The money guard and the context, as in a real request."""
    relay = make(FakeUpstream(), clock, CONFIG + "server: {paid: never}\n")
    found = planned(relay, max_tokens=9000)
    assert [(each.id, each.rule) for each in found.candidates] == [
        ("free/small", "context"),
        ("paid/big", "paid"),
        ("spare/last", "paid"),
    ]
    assert {each.verdict for each in found.candidates} == {"left_out"}
    assert (found.reserved_tokens, found.cost_nanousd) == (None, 0)


async def test_a_cooldown_is_told_and_not_probed(clock: FakeClock) -> None:
    """After it, the dry run chooses the target, and the probe is left to the first real request."""
    relay = make(FakeUpstream(refusal(429, headers={"retry-after": "20"}), chat(), chat()), clock)
    await ask(relay)
    first = planned(relay).candidates[0]
    cause = "cooling down, 429 from upstream, retry in 20 s"
    assert (first.verdict, first.rule, first.text) == ("left_out", "cooldown", cause)
    assert numbers(first, clock) == (None, None, 20)
    clock.advance(20)
    assert planned(relay).route == planned(relay).route == "free/small"
    assert (await ask(relay))[0].headers["x-gateway-route"] == "free/small"


def test_a_clients_rules_apply(clock: FakeClock) -> None:
    """Its models, its word on money, its limits."""
    requests = Meter.of("client", "aider", "requests", "day", make_rule("requests", "day", 2))
    tokens = Meter.of("client", "aider", "tokens", "day", make_rule("tokens", "day", 100))
    client = Client(name="aider", secret=Secret("k"), models=("base",), paid="never", meters=(requests, tokens))
    relay = make(FakeUpstream(), clock)
    relay.state.ledger.adjust(requests, 1, clock.now())
    found = planned(relay, client=client, max_tokens=10)
    assert [(each.verdict, each.rule) for each in found.candidates] == [
        ("chosen", "free_first"),
        ("left_out", "paid"),
        ("left_out", "paid"),
    ]
    assert found.client == "aider"
    relay.state.ledger.adjust(tokens, 90, clock.now())
    lacking = planned(relay, client=client, max_tokens=10).candidates[0]
    assert (lacking.rule, lacking.text) == (
        "tokens_per_day",
        "needs 17, 10 of 100 tokens left today (client aider)",
    )
    relay.state.ledger.adjust(requests, 2, clock.now())
    assert {each.rule for each in planned(relay, client=client).candidates} == {"requests_per_day"}
    with pytest.raises(ModelNotAllowedError):
        planned(relay, "big", client=client)
    with pytest.raises(UnknownModelError):
        planned(relay, "nope")


def test_nothing_is_taken(clock: FakeClock) -> None:
    """However often it is asked, limits, cooldowns and turns stand as before, and no request is on record."""
    relay = make(FakeUpstream(), clock)
    state = relay.state
    before = orjson.dumps(state.dump(clock.now()))
    assert len({planned(relay, max_tokens=900).route for _ in range(50)}) == 1
    assert orjson.dumps(state.dump(clock.now())) == before
    assert (state.running, len(state.recent)) == (0, 0)


TURNS = """
providers:
  a:
    base_url: https://a.test/v1
    api_keys: {one: k1, two: k2, three: k3}
    rotation: round_robin
    models:
      m: {price: free, limits: {requests_per_minute: 3, tokens_per_hour: 60}}
      n: {price: {input: 1, output: 2}, limits: {requests_per_15m: 2}}
  b:
    base_url: https://b.test/v1
    api_key: k
    limits: {cost_per_day: 0.002}
    models: {m: {price: {input: 1, output: 2}}}
meta_models:
  base: {targets: [a/m, a/n, b/m]}
"""

DEEDS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 7.0, 31.0, 600.0]),
        st.lists(st.sampled_from([chat(), refusal(429), refusal(503), refusal(401)]), min_size=8, max_size=8),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(deeds=DEEDS)
def test_the_next_request_does_what_it_said(deeds: list[tuple[float, list[Step]]]) -> None:
    """Whatever happened before: who is passed over, and who is tried first."""
    clock = FakeClock(1769903970.0)
    upstream = FakeUpstream()
    relay = make(upstream, clock, TURNS)
    for pause_s, script in deeds:
        clock.advance(pause_s)
        upstream.script = list(script)
        said = planned(relay)
        failed = _asked(relay)
        done = last(relay)
        count = next((i for i, each in enumerate(said.candidates) if each.verdict == "chosen"), len(said.candidates))
        assert _told(done.candidates[:count]) == _told(said.candidates[:count])
        every = relay.state.catalog.resolve("base").targets
        assert sorted(each.id for each in done.candidates) == sorted(each.id for each in every)
        assert all(each.rule and each.text for each in done.candidates)
        if said.route:
            assert done.candidates[count].id == said.route
            assert done.candidates[count].verdict in {"chosen", "tried"}
        else:
            assert isinstance(failed, GatewayError)


def _asked(relay: Relay) -> GatewayError | None:
    try:
        asyncio.run(ask(relay))
    except GatewayError as error:
        return error
    return None


def _told(candidates: tuple[Candidate, ...]) -> list[tuple[object, ...]]:
    return [(each.id, each.rule, each.text, each.used, each.amount, each.opens_at) for each in candidates]


WAITING = """
providers:
  a: {base_url: "https://a.test/v1", api_key: k, models: {m: {price: free, limits: {requests_per_minute: 1}}}}
  b:
    base_url: https://b.test/v1
    api_keys: {one: k1, two: k2}
    models: {m: {price: free, limits: {requests_per_15s: 1}}}
meta_models:
  base: {targets: [a/m, b/m], max_wait: 30s}
  soon: {targets: [a/m], max_wait: 30s}
"""


async def test_who_would_wait_is_told_for_whom_and_until_when(clock: FakeClock) -> None:
    """The first to open is chosen, later; and there the next request goes, then."""
    relay = make(FakeUpstream(*[chat()] * 4), clock, WAITING)
    for _ in range(3):
        clock.advance(1)
        await ask(relay, max_tokens=5)
    found = planned(relay, max_tokens=5)
    assert rows(found) == [
        ("a/m", "left_out", "requests_per_minute", "1 of 1 this minute"),
        ("b/m", "chosen", "requests_per_15s", BY_THEN),
        ("b/m", "left_out", "requests_per_15s", "1 of 1 in 15s"),
    ]
    assert numbers(found.candidates[1], clock) == (1, 1, 14.015)
    assert (found.route, found.reserved_tokens, found.cost_nanousd) == ("b/m", 12, 0)
    before = clock.boot
    relay._wait = moved(clock)
    await ask(relay, max_tokens=5)
    assert last(relay).route == "b/m"
    assert clock.boot - before == pytest.approx(14.015)


BY_THEN = "1 of 1 in 15s; would wait in line until it opens at 23:59:48 UTC, in 14.1 s"


def moved(clock: FakeClock) -> Pause:
    """Waiting that takes no time but the clock's."""

    async def wait(woken: asyncio.Event, seconds: float) -> None:
        clock.advance(seconds)
        woken.clear()

    return wait


async def test_a_wait_that_is_too_long_is_none(clock: FakeClock) -> None:
    """Then the request would be refused, as without `max_wait`; so where the lines are full."""
    relay = make(FakeUpstream(*[chat()] * 3), clock, WAITING)
    await ask(relay, "soon")
    assert planned(relay, "soon").candidates[0].text == "1 of 1 this minute"
    clock.advance(40)
    assert planned(relay, "soon").candidates[0].verdict == "chosen"
    relay.state.catalog = replace(relay.state.catalog, server=Server(max_queue=1))
    with relay.lines.join("other", 1):
        assert planned(relay, "soon").candidates[0].verdict == "left_out"


def test_whoever_waits_comes_first(clock: FakeClock) -> None:
    """A target with room is for them; and a line that is full, or stands still, is no place to wait."""
    relay = make(FakeUpstream(), clock, WAITING)
    with relay.lines.join("soon", 9):
        text = "free, 1 of 1 left this minute; would stand in line behind 1"
        assert rows(planned(relay, "soon")) == [("a/m", "chosen", "free_first", text)]
        assert rows(planned(relay, "a/m")) == [("a/m", "chosen", "free_first", "free, 1 of 1 left this minute")]
        use(relay, "model:a/m:requests_per_minute", Need(1))
        clock.advance(40)
        [row] = rows(planned(relay, "soon"))
        assert row[3] == (
            "1 of 1 this minute; would wait in line behind 1, at least until it opens at 00:00:30 UTC, in 20.0 s"
        )
        clock.advance(20)
        relay.lines.expect("soon", clock.boot + 31)
        text = "1 are before it in line, which does not move within max_wait"
        assert rows(planned(relay, "soon")) == [("a/m", "left_out", "line", text)]
        use(relay, "model:a/m:requests_per_minute", Need(1))
        clock.advance(31)
        assert planned(relay, "soon").route == "a/m"
        relay.state.catalog = replace(relay.state.catalog, server=Server(max_queue=1))
        assert planned(relay, "soon").route == ""
        clock.advance(31)
        text = "1 are before it in line, which has no more places"
        assert rows(planned(relay, "soon")) == [("a/m", "left_out", "line", text)]


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param("requests_per_minute: 3", id="bucket"),
        pytest.param("requests_per_day: 3", id="calendar"),
        pytest.param("requests_per_15m: 3", id="rolling"),
        pytest.param("tokens_per_minute: 40", id="tokens in a bucket"),
        pytest.param("tokens_per_hour: 40", id="tokens by the clock"),
        pytest.param("requests_per_minute: 9, tokens_per_24h: 40", id="the longer of two"),
        pytest.param('requests_per_day: {amount: 3, reset: "10:30", timezone: Asia/Kolkata}', id="a reset of its own"),
        pytest.param("requests_per_5h: {amount: 3, algorithm: first_use}", id="from the first use"),
        pytest.param("tokens_per_5h: {amount: 40, algorithm: first_use}", id="tokens from the first use"),
        pytest.param("input_tokens_per_week: 20", id="the part of the prompt, by the week"),
        pytest.param("output_tokens_per_month: 14", id="the part of the answer, by the month"),
    ],
)
async def test_the_named_moment_is_right_to_the_second(limit: str, clock: FakeClock) -> None:
    """A second before, nobody answers; at the moment that the 429 named, the target does."""
    text = CONFIG.replace("{requests_per_day: 1}", f"{{{limit}}}")
    relay = make(FakeUpstream(*[chat()] * 9), clock, text)
    while planned(relay, "small", max_tokens=5).route:
        await ask(relay, "small", max_tokens=5)
        clock.advance(0.7)
    with pytest.raises(ExhaustedError) as caught:
        await ask(relay, "small", max_tokens=5)
    assert "about" not in caught.value.message
    assert planned(relay, "small", max_tokens=5).candidates[0].opens_at == last(relay).candidates[0].opens_at
    clock.advance(caught.value.retry_after_s - 1)
    assert planned(relay, "small", max_tokens=5).route == ""
    clock.advance(1)
    assert planned(relay, "small", max_tokens=5).route == "free/small"
    await ask(relay, "small", max_tokens=5)


async def test_a_moment_that_hangs_on_running_requests_is_called_an_estimate(clock: FakeClock) -> None:
    """Their place or their tokens may come back at any time: in the 429, and in the story of it."""
    for limit, text in (("concurrent_requests: 1", "1 of 1 running"), ("requests_per_hour: 1", "1 of 1 this hour")):
        upstream = FakeUpstream((200, {"content-type": "application/json"}, [waits()]))
        relay = make(upstream, clock, CONFIG.replace("{requests_per_day: 1}", f"{{{limit}}}"))
        running = asyncio.ensure_future(ask(relay, "small"))
        await asyncio.sleep(0)
        with pytest.raises(ExhaustedError) as caught:
            await ask(relay, "small")
        assert "at about" in caught.value.message
        assert last(relay).candidates[0].text.startswith(text)
        assert last(relay).candidates[0].text.endswith("opening estimated")
        assert planned(relay, "small").candidates == last(relay).candidates
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
