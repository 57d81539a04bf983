"""Waiting in line: first come, first served, and no longer than it is worth."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from gateway.catalog.schema import Server
from gateway.clock import FakeClock
from gateway.errors import ExhaustedError, OverloadedError, UpstreamTimeoutError
from gateway.records import UpstreamReply, UpstreamRequest
from gateway.relay import Relay
from tests.fakes import DONE, HI, ROLE, STOP, USAGE, FakeUpstream, Step, chat, refusal, stream

from .story import ask, held, last, make

TEXT = """
providers:
  p:
    base_url: https://p.test/v1
    api_key: k
    free: true
    models: {m: {limits: {requests_per_minute: {amount: 2, algorithm: rolling}}}}
meta_models:
  now: {targets: [p/m]}
  soon: {targets: [p/m], max_wait: 30s}
  later: {targets: [p/m], max_wait: 3m}
"""
IN_TURN = """
providers:
  p:
    base_url: https://p.test/v1
    api_key: k
    free: true
    models:
      m: {limits: {requests_per_minute: {amount: 1, algorithm: rolling}}}
      n: {limits: {requests_per_minute: {amount: 1, algorithm: rolling}}}
meta_models:
  turns: {targets: [p/m, p/n], strategy: round_robin, max_wait: 3m}
"""
LIVE = stream(ROLE, HI, STOP, USAGE, DONE)


def waiting(upstream: FakeUpstream, clock: FakeClock, text: str = TEXT) -> Relay:
    """A relay whose waiting takes no time but the clock's: the first to wait moves it."""
    relay = make(upstream, clock, text)

    async def wait(woken: asyncio.Event, seconds: float) -> None:
        await asyncio.sleep(0)
        if not woken.is_set():
            clock.advance(seconds)
        woken.clear()

    relay._wait = wait
    return relay


def ways(relay: Relay) -> list[tuple[str, str, str, str]]:
    """Of the last request: who, verdict, rule and text."""
    return [(each.id, each.verdict, each.rule, each.text) for each in last(relay).candidates]


async def full(relay: Relay) -> None:
    """Both requests of the minute are used."""
    await ask(relay, "p/m")
    await ask(relay, "p/m")


async def test_a_request_waits_for_the_window_and_is_answered(clock: FakeClock) -> None:
    """No 429 in between; the way tells only what is so when it is answered."""
    relay = waiting(FakeUpstream(*[chat()] * 3), clock)
    await full(relay)
    began = clock.boot
    answer, _ = await ask(relay, "later")
    assert (answer.status, answer.headers["x-gateway-why"]) == (200, "p/m:ok")
    assert 60 <= clock.boot - began < 61
    assert (relay.lines.waiting, held(relay)) == (0, 0)


@pytest.mark.parametrize("model", ["now", "soon"])
async def test_a_wait_known_to_be_too_long_is_429_at_once(model: str, clock: FakeClock) -> None:
    """The window opens in a minute: half a minute of patience is not spent on it."""
    relay = waiting(FakeUpstream(*[chat()] * 2), clock)
    await full(relay)
    began = clock.boot
    with pytest.raises(ExhaustedError) as caught:
        await ask(relay, model)
    assert (clock.boot, relay.lines.waiting) == (began, 0)
    assert 59 < caught.value.retry_after_s < 61


async def test_whoever_comes_later_stands_behind(clock: FakeClock) -> None:
    """Three wait for two places: the first two get them, in order, the third the next minute."""
    relay = waiting(FakeUpstream(*[chat()] * 5), clock)
    await full(relay)
    order: list[int] = []

    async def one(number: int) -> None:
        await ask(relay, "later")
        order.append(number)

    await asyncio.gather(*(one(number) for number in range(3)))
    assert order == [0, 1, 2]
    assert (relay.lines.waiting, relay.lines.busy("later")) == (0, False)


async def test_nobody_overtakes_and_a_line_that_stands_still_refuses(clock: FakeClock) -> None:
    """Room or not: behind others one waits, and is told at once if their wait alone is too long."""
    relay = waiting(FakeUpstream(chat()), clock)
    with relay.lines.join("soon", 10):
        relay.lines.expect("soon", clock.boot + 40)
        with pytest.raises(ExhaustedError, match="does not move for 40"):
            await ask(relay, "soon")
        relay.lines.expect("soon", clock.boot + 10)
        began = clock.boot
        with pytest.raises(ExhaustedError, match="1 are still before you"):
            await ask(relay, "soon")
        assert clock.boot - began == pytest.approx(30)
    answer, _ = await ask(relay, "soon")
    assert answer.status == 200


async def test_whoever_was_not_let_to_its_first_look_knows_its_way_too(clock: FakeClock) -> None:
    """Refused in line, with room or without, or gone: the story and the headers name every candidate."""
    relay = waiting(FakeUpstream(*[chat()] * 2), clock)
    with relay.lines.join("soon", 10):
        with pytest.raises(ExhaustedError) as caught:
            await ask(relay, "soon")
        assert ways(relay) == [("p/m", "left_out", "line", "others are before it in line")]
        assert caught.value.headers["x-gateway-why"] == "p/m:line"
        assert (last(relay).route, last(relay).status) == ("", 429)
        await full(relay)
        relay.lines.expect("soon", clock.boot + 40)
        with pytest.raises(ExhaustedError):
            await ask(relay, "soon")
        assert ways(relay) == [("p/m", "left_out", "requests_per_minute", "2 of 2 this minute")]
        assert last(relay).candidates[0].opens_at == pytest.approx(clock.wall + 60, abs=0.1)
        relay.lines.expect("soon", clock.boot + 1)
        body = ask(relay, "soon", stream=True)
        client = asyncio.ensure_future(body)
        await asyncio.sleep(0)
        client.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client
        assert (last(relay).outcome, len(last(relay).candidates)) == ("client_left", 1)
    relay.state.catalog = replace(relay.state.catalog, server=Server(max_queue=1))
    with relay.lines.join("other", 1), pytest.raises(OverloadedError):
        await ask(relay, "later")
    assert ways(relay) == [("p/m", "left_out", "requests_per_minute", "2 of 2 this minute")]


async def test_waiting_takes_one_turn(clock: FakeClock) -> None:
    """However often a request looks, it begins at its own model, and the next one at the next."""
    relay = waiting(FakeUpstream(*[chat()] * 4), clock, IN_TURN)
    for _ in range(2):
        await ask(relay, "turns")
    began = clock.boot
    await ask(relay, "turns")
    assert clock.boot - began >= 60
    clock.advance(120)
    await ask(relay, "turns")
    assert [each.route for each in relay.state.recent] == ["p/m", "p/n", "p/m", "p/n"]


async def test_the_line_is_bounded(clock: FakeClock) -> None:
    """`max_queue` over all lines."""
    relay = waiting(FakeUpstream(*[chat()] * 2), clock, TEXT + "server: {max_queue: 1}\n")
    await full(relay)
    with relay.lines.join("other", 1), pytest.raises(OverloadedError, match="max_queue"):
        await ask(relay, "later")


class HeldUp(FakeUpstream):
    """Its second request is held up on its way."""

    def __init__(self, *script: Step) -> None:
        super().__init__(*script)
        self.gate = asyncio.Event()

    @asynccontextmanager
    async def send(
        self, request: UpstreamRequest, tap: Callable[[bytes], None] | None = None
    ) -> AsyncIterator[UpstreamReply]:
        """As the script says, but for the second."""
        if len(self.sent) == 1:
            await self.gate.wait()
        async with super().send(request, tap) as reply:
            yield reply


async def test_room_that_is_given_back_wakes_the_first(clock: FakeClock) -> None:
    """A target that was refused costs nothing: whoever waits behind it is answered before the window opens."""
    upstream = HeldUp(chat(), refusal(400, "no such thing"), chat(), chat())
    relay = make(upstream, clock, TEXT)
    await ask(relay, "p/m")
    refused = asyncio.ensure_future(ask(relay, "p/m"))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(ask(relay, "later"))
    await asyncio.sleep(0)
    assert relay.lines.waiting == 1
    upstream.gate.set()
    assert [(await each)[0].status for each in (refused, second)] == [400, 200]
    assert clock.boot == 1000.0


async def test_a_stream_hears_comments_then_the_way_then_the_answer(clock: FakeClock) -> None:
    """After five seconds its head goes out; what would have been headers comes as one comment."""
    relay = waiting(FakeUpstream(chat(), chat(), LIVE), clock)
    await full(relay)
    answer, body = await ask(relay, "later", stream=True)
    assert (answer.status, answer.headers) == (200, {"content-type": "text/event-stream"})
    said = body.split(b"\n\n")
    assert set(said[:11]) == {b": waiting for room"}
    assert said[12].startswith(b": x-gateway-attempts: 1, x-gateway-route: p/m")
    assert body.endswith(ROLE + HI + STOP + DONE)
    assert (last(relay).status, last(relay).outcome) == (200, "ok")


async def test_being_woken_often_is_not_said_often(clock: FakeClock) -> None:
    """A comment each five seconds, however often the line moves."""
    relay = waiting(FakeUpstream(chat(), chat(), LIVE), clock)
    await full(relay)
    slow = relay._wait

    async def wait(woken: asyncio.Event, seconds: float) -> None:
        await slow(woken, min(seconds, 1.0))

    relay._wait = wait
    _, body = await ask(relay, "later", stream=True)
    assert body.count(b": waiting for room") == 12


async def test_a_stream_that_waited_in_vain_ends_with_an_error_event(clock: FakeClock) -> None:
    """Its head has gone out, so the refusal is an event."""
    upstream = FakeUpstream(chat(), chat(), refusal(429, headers={"retry-after": "600"}))
    relay = waiting(upstream, clock)
    await full(relay)
    _, body = await ask(relay, "later", stream=True)
    assert b'"code":"rate_limit_exceeded"' in body.split(b"\n\n")[-2]
    assert (last(relay).status, last(relay).outcome) == (429, "rate_limit_exceeded")


async def test_request_timeout_ends_a_late_stream(clock: FakeClock) -> None:
    """However long `max_wait` is."""
    relay = waiting(FakeUpstream(chat(), chat()), clock, TEXT + "server: {request_timeout: 400ms}\n")
    await full(relay)

    async def wait(_: asyncio.Event, seconds: float) -> None:
        clock.advance(seconds)
        await asyncio.sleep(0.2)

    relay._wait = wait
    _, body = await ask(relay, "later", stream=True)
    assert UpstreamTimeoutError.code is not None
    assert UpstreamTimeoutError.code.encode() in body
