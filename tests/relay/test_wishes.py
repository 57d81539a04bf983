"""The story of a request with wishes of its own: `models` and `provider`, and what of them goes up."""

from typing import Any

import pytest

from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.errors import BadRequestError, NoCandidateError, UpstreamFailedError
from tests.fakes import FakeUpstream, chat, refusal

from .choices import CONFIG, relay_of, route
from .story import ask, last, make


async def test_what_the_configuration_leaves_out_is_in_the_story(clock: FakeClock) -> None:
    """It is not tried, and does not fill the short header."""
    relay = relay_of(clock)
    answer, _ = await ask(relay, "score")
    assert answer.headers["x-gateway-why"] == "unknown/m:ok"
    await ask(relay, "score", provider={"ignore": ["unknown"]})
    told = [(each.id, each.verdict, each.rule) for each in last(relay).candidates]
    assert told == [
        ("cheap/small", "chosen", "ok"),
        ("dear/all", "left_out", "score"),
        ("unknown/m", "left_out", "provider"),
    ]


async def test_a_name_of_which_nothing_is_left(clock: FakeClock) -> None:
    """503 where the configuration leaves all of it out, 400 where the request itself does."""
    relay = relay_of(clock)
    with pytest.raises(NoCandidateError, match="adjustments of -9 push its score to"):
        await ask(relay, "nothing")
    with pytest.raises(BadRequestError, match=r"dear/all: is in the request's provider.ignore"):
        await ask(relay, "dear/all", provider={"ignore": ["dear"]})


async def test_max_price_keeps_the_dear_ones_out(clock: FakeClock) -> None:
    """Unknown is over any ceiling."""
    relay = relay_of(clock)
    assert await route(relay, provider={"max_price": {"prompt": 2, "completion": 2}}) == "cheap/small"
    with pytest.raises(BadRequestError, match=r"unknown/m: has no known price"):
        await ask(relay, provider={"max_price": {"prompt": 0.5}})


async def test_a_list_of_names_keeps_the_order_of_each(clock: FakeClock) -> None:
    """Each by its own strategy, the request's wishes over all."""
    relay = relay_of(clock, refusal(500), chat(), chat())
    assert await route(relay, "cheapest", models=["base"]) == "dear/all"
    assert [each.target for each in last(relay).attempts] == ["cheap/small", "dear/all"]
    assert await route(relay, "cheapest", models=["base"], provider={"order": ["unknown"]}) == "unknown/m"


async def test_keys_take_turns_in_a_list_of_names(clock: FakeClock) -> None:
    """However many names a request brings."""
    upstream = FakeUpstream(*[chat()] * 3)
    relay = make(upstream, clock, CONFIG)
    for _ in range(3):
        await ask(relay, "pool/one", models=["pool/two", "base", "cheapest"])
    assert [request.headers["authorization"] for request in upstream.sent] == ["Bearer k4", "Bearer k5", "Bearer k4"]


async def test_what_a_list_leaves_out_of_one_name_another_may_bring(clock: FakeClock) -> None:
    """A score of one meta-model says nothing of the next."""
    relay = relay_of(clock)
    assert await route(relay, "nothing", models=["dear/all"]) == "dear/all"


TALK = b'"messages":[{"role":"user","content":"hi"}]}'
WISHES = b'{"model":"routed","models":["routed"],"provider":{"order": ["azure"]},' + TALK


async def test_a_requests_own_routing_does_not_go_up(clock: FakeClock) -> None:
    """`models` to nobody, `provider` to OpenRouter only, as it is spelled; every other byte stays."""
    upstream = FakeUpstream(refusal(500), chat())
    relay = make(upstream, clock, CONFIG)
    async with relay.answer(read_call(WISHES, id="req", received=clock.now())):
        pass
    assert [request.body for request in upstream.sent] == [
        b'{"model":"vendor/open","provider":{"order": ["azure"]},' + TALK,
        b'{"model":"all",' + TALK,
    ]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"order": ["cheap"]}, "cheap/small dear/all openrouter/vendor/open"),
        ({"order": ["openrouter", "cheap"], "allow_fallbacks": False}, "openrouter/vendor/open cheap/small"),
        ({"only": ["azure"]}, "openrouter/vendor/open"),
        ({"only": ["cheap", "dear"]}, "dear/all cheap/small"),
        ({"ignore": ["dear"]}, "openrouter/vendor/open cheap/small"),
        ({"max_price": {"prompt": 2}}, "openrouter/vendor/open cheap/small"),
        ({"max_price": {"completion": "1"}, "order": ["dear"]}, "cheap/small"),
    ],
)
async def test_whom_a_request_wishes_for(wish: dict[str, Any], expected: str, clock: FakeClock) -> None:
    """One after the other, and nobody else."""
    upstream = FakeUpstream(*[refusal(500)] * 3)
    relay = make(upstream, clock, CONFIG)
    with pytest.raises(UpstreamFailedError):
        await ask(relay, "routed", models=["cheap/small"], provider=wish)
    assert " ".join(each.target for each in last(relay).attempts) == expected
