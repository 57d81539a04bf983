"""Limits of every kind and scope, through the whole story."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
import pytest

from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.errors import ExhaustedError, RequestTooLargeError, UpstreamFailedError
from gateway.records import Call, UpstreamReply, UpstreamRequest
from gateway.relay import Relay
from tests.fakes import DONE, HI, ROLE, STOP, FakeUpstream, Step, broke, chat, refusal, stream

from .story import ask, held, make, used

SCOPES = ("provider", "key", "model", "pool", "client")
KINDS = {
    "bucket": "requests_per_minute: 500",
    "calendar": 'requests_per_day: {amount: 500, reset: "10:30", timezone: Asia/Kolkata}',
    "rolling": "requests_per_15m: 500",
    "first use": "requests_per_5h: {amount: 500, algorithm: first_use}",
    "at once": "concurrent_requests: 500",
}


def config(**limits: str) -> str:
    """Two providers whose models share a pool, under a client; the limits of each scope as YAML."""
    of = {scope: limits.get(scope, "") for scope in SCOPES}
    return f"""
clients: {{aider: {{key: secret-of-aider, limits: {{{of["client"]}}}}}}}
providers:
  one:
    base_url: https://one.test/v1
    api_keys: {{home: {{key: k1, limits: {{{of["key"]}}}}}}}
    free: true
    limits: {{{of["provider"]}}}
    models: {{small: {{pools: [shared], limits: {{{of["model"]}}}}}}}
  two: {{base_url: https://two.test/v1, api_key: k2, free: true, models: {{"*": {{pools: [shared]}}}}}}
pools: {{shared: {{limits: {{{of["pool"]}}}}}}}
meta_models: {{both: {{targets: [one/small, two/large]}}}}
"""


class Gated(FakeUpstream):
    """Answers nobody until the gate opens: all are in flight together."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    @asynccontextmanager
    async def send(
        self, request: UpstreamRequest, tap: Callable[[bytes], None] | None = None
    ) -> AsyncIterator[UpstreamReply]:
        """A whole answer, later."""
        self.script.append(chat())
        async with super().send(request, tap) as reply:
            await self.gate.wait()
            yield reply


async def thousand(text: str, clock: FakeClock, model: str) -> tuple[Relay, int]:
    """A thousand that start together and end together: how many were sent. All others were told to come later."""
    upstream = Gated()
    relay = make(upstream, clock, text)
    client = relay.state.catalog.clients["aider"]
    asking = asyncio.gather(*(ask(relay, model, client=client) for _ in range(1000)), return_exceptions=True)
    await asyncio.sleep(0)  # each goes as far as it can: to the gate, or to its refusal
    sent = len(upstream.sent)
    assert upstream.open == relay.state.running == sent
    upstream.gate.set()
    assert sum(isinstance(each, ExhaustedError) for each in await asking) == 1000 - sent
    assert (len(upstream.sent), held(relay), relay.state.running) == (sent, 0, 0)
    return relay, sent


@pytest.mark.parametrize("kind", KINDS)
async def test_of_a_thousand_at_once_five_hundred_pass_each_kind(kind: str, clock: FakeClock) -> None:
    """Over a pool of two providers, whichever the requests are for."""
    relay, sent = await thousand(config(pool=KINDS[kind]), clock, "both")
    assert sent == 500
    (meter,) = relay.state.catalog.meters
    assert relay.state.ledger.used(meter, clock.now()) == (0 if kind == "at once" else 500)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("kind", ["rolling", "at once"])
async def test_of_a_thousand_at_once_five_hundred_pass_each_scope(scope: str, kind: str, clock: FakeClock) -> None:
    """Provider, key, model, pool and client alike."""
    _, sent = await thousand(config(**{scope: KINDS[kind]}), clock, "one/small")
    assert sent == 500


async def test_of_several_limits_the_smallest_lets_through_what_it_has(clock: FakeClock) -> None:
    """Another kind in each scope: 500 counted in all of them, none touched by those that were refused."""
    text = config(
        provider="requests_per_minute: 900",
        key="requests_per_15m: 800, concurrent_requests: 950",
        model="requests_per_5h: {amount: 700, algorithm: first_use}, tokens_per_request: 8k",
        pool=KINDS["calendar"],
        client="requests_per_month: 1000, concurrent_requests: 990",
    )
    relay, sent = await thousand(text, clock, "one/small")
    assert sent == 500
    counted = {meter.name: relay.state.ledger.used(meter, clock.now()) for meter in relay.state.catalog.meters}
    assert counted == {
        "requests_per_minute": 500,
        "requests_per_15m": 500,
        "concurrent_requests": 0,
        "requests_per_5h": 500,
        "tokens_per_request": 0,
        "requests_per_day": 500,
        "requests_per_month": 500,
    }


async def test_a_pool_is_one_allowance_for_two_providers(clock: FakeClock) -> None:
    """What one provider's model used, the other's lacks; the message names the moment the pool's own day begins."""
    text = config(pool='requests_per_day: {amount: 3, reset: "05:30", timezone: Asia/Kolkata}')
    relay = make(FakeUpstream(*[chat()] * 4), clock, text)
    for model in ("one/small", "two/any", "two/other"):
        await ask(relay, model)
    for model in ("one/small", "two/new", "both"):
        with pytest.raises(ExhaustedError, match=r"00:00:00 UTC, in 30\.0 s \(3 of 3 today \(pool shared\)\)"):
            await ask(relay, model)
    clock.advance(30)
    assert (await ask(relay, "both"))[0].headers["x-gateway-route"] == "one/small"
    assert used(relay, "pool:shared:requests_per_day") == 1


async def test_a_refused_attempt_costs_the_pool_nothing(clock: FakeClock) -> None:
    """An error status gives its place back, and the next provider takes it."""
    relay = make(FakeUpstream(refusal(503), chat()), clock, config(pool="requests_per_day: 1, concurrent_requests: 1"))
    assert (await ask(relay, "both"))[0].headers["x-gateway-why"] == "one/small:503;two/large:ok"
    assert (used(relay, "pool:shared:requests_per_day"), held(relay)) == (1, 0)


def call(relay: Relay, model: str = "one/small", **members: object) -> Call:
    """A stream that is asked for."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": True, **members}
    return read_call(orjson.dumps(body), id="first", client="aider", received=relay.state.clock.now())


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_place_is_taken_until_the_answer_ends(scope: str, clock: FakeClock) -> None:
    """Its judged head frees nothing; whoever comes meanwhile is told to come soon, and reaches no socket."""
    upstream = FakeUpstream(stream(ROLE, HI, STOP, DONE), chat())
    relay = make(upstream, clock, config(**{scope: "concurrent_requests: 1"}))
    client = relay.state.catalog.clients["aider"]
    async with relay.answer(call(relay), client) as answer:
        pieces = [await anext(aiter(answer.chunks))]
        clock.advance(86_400)
        with pytest.raises(ExhaustedError, match="1 of 1 running") as caught:
            await ask(relay, "one/small", client=client)
        assert (caught.value.retry_after_s, caught.value.type) == (1.0, "rate_limit_error")
        assert (len(upstream.sent), held(relay)) == (1, 1)
        pieces += [piece async for piece in answer.chunks]
    assert held(relay) == 0
    assert (await ask(relay, "one/small", client=client))[0].status == 200


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    ("step", "error"),
    [
        pytest.param(refusal(503), UpstreamFailedError, id="an error status"),
        pytest.param(broke("connect", sent=False), UpstreamFailedError, id="no connection"),
        pytest.param(stream(ROLE, broke()), UpstreamFailedError, id="reset before the first content"),
        pytest.param((200, {}, [asyncio.CancelledError()]), asyncio.CancelledError, id="the client leaves early"),
    ],
)
async def test_a_place_is_free_when_nothing_came_of_it(
    scope: str, step: Step, error: type[BaseException], clock: FakeClock
) -> None:
    """Whatever ended it."""
    relay = make(FakeUpstream(step), clock, config(**{scope: "concurrent_requests: 1"}))
    with pytest.raises(error):
        async with relay.answer(call(relay), relay.state.catalog.clients["aider"]):
            pytest.fail("it has no answer")
    assert held(relay) == 0


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_place_is_free_when_the_client_leaves_half_way(scope: str, clock: FakeClock) -> None:
    """Between two pieces of its answer."""
    upstream = FakeUpstream(stream(ROLE, HI, HI, STOP, DONE))
    relay = make(upstream, clock, config(**{scope: "concurrent_requests: 1"}))
    with pytest.raises(ConnectionResetError):
        await leave_after_one_piece(relay)
    assert (held(relay), upstream.open) == (0, 0)


async def leave_after_one_piece(relay: Relay) -> None:
    async with relay.answer(call(relay), relay.state.catalog.clients["aider"]) as answer:
        async for _ in answer.chunks:
            assert held(relay) == 1
            raise ConnectionResetError


async def test_a_client_has_one_place_however_many_targets_it_takes(clock: FakeClock) -> None:
    """A second attempt of the same request is not a second request."""
    relay = make(
        FakeUpstream(refusal(503), chat()), clock, config(client="concurrent_requests: 1, requests_per_day: 1")
    )
    answer, _ = await ask(relay, "both", client=relay.state.catalog.clients["aider"])
    assert answer.headers["x-gateway-attempts"] == "2"
    assert (used(relay, "client:aider:requests_per_day"), held(relay)) == (1, 0)


@pytest.mark.parametrize("unit", ["concurrent_requests", "requests_per_day"])
async def test_a_client_that_may_ask_nothing_is_not_told_to_wait(unit: str, clock: FakeClock) -> None:
    """0 allows nothing, and no moment comes."""
    relay = make(FakeUpstream(), clock, config(client=f"{unit}: 0"))
    with pytest.raises(ExhaustedError, match=r"It allows nothing\.$"):
        await ask(relay, "both", client=relay.state.catalog.clients["aider"])


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_request_larger_than_one_may_be_reaches_no_socket(scope: str, clock: FakeClock) -> None:
    """Waiting would not help: too large, by what it asks for or by its prompt. A smaller one passes, and another."""
    upstream = FakeUpstream(chat(), chat())
    relay = make(upstream, clock, config(**{scope: "tokens_per_request: 1k"}))
    client = relay.state.catalog.clients["aider"]
    for max_tokens, content in ((1000, "hi"), (1, "word " * 4000)):
        messages = [{"role": "user", "content": content}]
        with pytest.raises(RequestTooLargeError, match="a request may be 1,000") as caught:
            await ask(relay, "one/small", client=client, max_tokens=max_tokens, messages=messages)
        assert (caught.value.status, upstream.sent, held(relay)) == (413, [], 0)
    for _ in range(2):
        await ask(relay, "one/small", client=client, max_tokens=900)
    assert (len(upstream.sent), held(relay)) == (2, 0)


async def test_what_is_too_large_for_one_target_goes_to_the_next(clock: FakeClock) -> None:
    """The order stays, the small one is passed over."""
    relay = make(FakeUpstream(chat(), chat()), clock, config(model="tokens_per_request: 1k"))
    served = [(await ask(relay, "both", max_tokens=n))[0].headers["x-gateway-why"] for n in (8000, 10)]
    assert served == ["one/small:limit;two/large:ok", "one/small:ok"]
