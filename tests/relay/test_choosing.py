"""The story of choosing, end to end: what a request needs, and every strategy."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.clock import FakeClock
from gateway.records import UpstreamReply, UpstreamRequest
from tests.fakes import DONE, HI, ROLE, STOP, USAGE, FakeUpstream, Step, chat, refusal, stream

from .choices import CONFIG, relay_of, route
from .story import ask, last, make

PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
LIVE = stream(ROLE, HI, STOP, USAGE, DONE)


@pytest.mark.parametrize(
    ("model", "members", "expected"),
    [
        pytest.param("turns", {"messages": PICTURE}, "dear/all", id="an image"),
        pytest.param("cheapest", {"messages": PICTURE}, "dear/all", id="an image, whatever it costs"),
        pytest.param("cheapest", {"tools": [{"type": "function"}]}, "cheap/small", id="tools"),
        pytest.param("cheapest", {"response_format": {"type": "json_schema"}}, "dear/all", id="a JSON schema"),
        pytest.param("cheapest", {"response_format": {"type": "json_object"}}, "cheap/small", id="any JSON"),
        pytest.param("cheapest", {"prompt": "word " * 1000, "messages": None}, "dear/all", id="a long prompt"),
        pytest.param("cheapest", {"max_tokens": 999}, "dear/all", id="a short one and a long answer"),
        pytest.param("cheapest", {"max_tokens": 900}, "cheap/small", id="both fit"),
    ],
)
async def test_what_cannot_serve_is_not_tried(
    model: str, members: dict[str, Any], expected: str, clock: FakeClock
) -> None:
    """Features and context are looked at before anything is sent, whatever the strategy."""
    relay = relay_of(clock)
    assert await route(relay, model, **members) == expected
    assert len(last(relay).attempts) == 1


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("base", ["dear/all", "dear/all", "dear/all"]),
        ("turns", ["dear/all", "cheap/small", "unknown/m"]),
        ("cheapest", ["cheap/small", "cheap/small", "cheap/small"]),
        ("score", ["unknown/m", "unknown/m", "unknown/m"]),
    ],
)
async def test_strategies(model: str, expected: list[str], clock: FakeClock) -> None:
    """Of three requests alike."""
    relay = relay_of(clock)
    assert [await route(relay, model) for _ in range(3)] == expected


async def test_fastest_measures_everything_once_and_then_stays(clock: FakeClock) -> None:
    """What was not measured goes first; then whoever was quicker. Time passes while a request is under way."""
    upstream = SlowUpstream(clock, [3.0, 1.0, 1.0], LIVE, LIVE, LIVE)
    relay = make(upstream, clock, CONFIG)
    assert [await route(relay, "fastest", stream=True) for _ in range(3)] == ["cheap/small", "dear/all", "dear/all"]
    assert relay.state.chooser.latencies.seconds("cheap/small", stream=True, wall=clock.wall) == pytest.approx(3.0)


class SlowUpstream(FakeUpstream):
    """One that takes its seconds, by the gateway's clock, before each answer."""

    def __init__(self, clock: FakeClock, seconds: list[float], *script: Step) -> None:
        super().__init__(*script)
        self.clock = clock
        self.seconds = seconds

    @asynccontextmanager
    async def send(
        self, request: UpstreamRequest, tap: Callable[[bytes], None] | None = None
    ) -> AsyncIterator[UpstreamReply]:
        """As any fake, later."""
        self.clock.advance(self.seconds.pop(0))
        async with super().send(request, tap) as reply:
            yield reply


STRATEGIES = ("order", "grade", "cheapest", "score", "fastest", "headroom", "round_robin")


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("order", "gift/bare gift/best dear/all cheap/small unknown/m"),
        ("grade", "gift/best gift/bare cheap/small unknown/m dear/all"),
        ("cheapest", "gift/best gift/bare cheap/small dear/all unknown/m"),
        ("score", "gift/best gift/bare dear/all unknown/m cheap/small"),
        ("fastest", "gift/best gift/bare cheap/small unknown/m dear/all"),
        ("headroom", "gift/best gift/bare cheap/small unknown/m dear/all"),
        ("round_robin", "gift/bare gift/best dear/all cheap/small unknown/m"),
    ],
)
async def test_what_costs_nothing_is_tried_first_by_every_strategy(
    strategy: str, expected: str, clock: FakeClock
) -> None:
    """The targets that cost money follow, each half in the order that the strategy gives it."""
    half = "dear/all, cheap/small, gift/bare, unknown/m, gift/best"
    text = f"{CONFIG}  all: {{targets: [{half}], strategy: {strategy}}}\n"
    relay = make(FakeUpstream(*[refusal(500)] * 4, chat()), clock, text)
    await ask(relay, "all")
    assert " ".join(each.target for each in last(relay).attempts) == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_without_free_first_nothing_goes_before_the_strategy(strategy: str, clock: FakeClock) -> None:
    """The same targets, in one row; what is free is still the cheapest."""
    first = {"order": "dear/all", "round_robin": "dear/all", "cheapest": "gift/bare", "score": "dear/all"}
    text = f"{CONFIG}  all: {{targets: [dear/all, cheap/small, gift/bare], strategy: {strategy}, free_first: false}}\n"
    relay = make(FakeUpstream(chat()), clock, text)
    assert await route(relay, "all") == first.get(strategy, "cheap/small")


async def test_headroom_goes_where_most_is_left(clock: FakeClock) -> None:
    """By the share of the tightest limit: three of ten are less than one of four."""
    text = CONFIG.replace(
        "  unknown:",
        "  wide: {base_url: 'https://w.test/v1', api_key: k, models: {m: {limits: "
        "{requests_per_day: 10, requests_per_hour: 100}}}}\n  narrow: {base_url: 'https://n.test/v1', api_key: k, "
        "models: {m: {limits: {requests_per_day: 4}}}}\n  unknown:",
        1,
    )
    text += "  room: {targets: [narrow/m, wide/m], strategy: headroom}\n"
    relay = make(FakeUpstream(*[chat()] * 6), clock, text)
    routes = [await route(relay, "room") for _ in range(6)]
    assert routes == ["narrow/m", "wide/m", "wide/m", "wide/m", "narrow/m", "wide/m"]


async def test_every_key_of_every_model_gets_its_turn(clock: FakeClock) -> None:
    """Models in turn and keys in turn do not march in step."""
    upstream = FakeUpstream(*[chat()] * 4)
    relay = make(upstream, clock, CONFIG)
    routes = [await route(relay, "keys") for _ in range(4)]
    keys = [request.headers["authorization"] for request in upstream.sent]
    assert list(zip(routes, keys, strict=True)) == [
        ("pool/one", "Bearer k4"),
        ("pool/two", "Bearer k4"),
        ("pool/one", "Bearer k5"),
        ("pool/two", "Bearer k5"),
    ]
