"""The story of conversations that stay where they were answered: `sticky`."""

from gateway.catalog.catalog import Client
from gateway.clock import FakeClock
from gateway.records import Secret
from tests.fakes import FakeUpstream, chat, refusal

from .choices import CONFIG, relay_of, route
from .story import ask, make


async def test_a_conversation_stays_on_its_target_while_that_can_serve(clock: FakeClock) -> None:
    """After a failure elsewhere it stays elsewhere; when its target cannot serve, it moves."""
    talk = [{"role": "user", "content": "mine"}]
    relay = relay_of(clock, refusal(503), *[chat()] * 5)
    assert await route(relay, "sticky", messages=talk) == "cheap/small"
    clock.advance(1)
    assert await route(relay, "sticky", messages=[*talk, {"role": "user", "content": "more"}]) == "cheap/small"
    assert await route(relay, "sticky") == "dear/all"
    assert await route(relay, "sticky", messages=talk, max_tokens=5000) == "dear/all"
    assert await route(relay, "sticky", messages=talk) == "dear/all"


async def test_a_refusal_that_is_the_clients_keeps_nothing(clock: FakeClock) -> None:
    """There is nothing in a cache."""
    relay = relay_of(clock, refusal(503), refusal(422), chat())
    answer, _ = await ask(relay, "sticky")
    assert (answer.status, answer.headers["x-gateway-route"]) == (422, "cheap/small")
    clock.advance(1)
    assert await route(relay, "sticky") == "dear/all"


async def test_sticky_goes_over_the_strategy(clock: FakeClock) -> None:
    """Each conversation keeps its own target while new ones take turns."""
    text = f"{CONFIG}  talk: {{targets: [dear/all, cheap/small], strategy: round_robin, sticky: true}}\n"
    relay = make(FakeUpstream(*[chat()] * 6), clock, text)
    one, two = ([{"role": "user", "content": name}] for name in ("one", "two"))
    routes = [await route(relay, "talk", messages=each) for each in (one, two, one, one, two, two)]
    assert routes == ["dear/all", "cheap/small", "dear/all", "dear/all", "cheap/small", "cheap/small"]


async def test_a_conversation_leaves_a_target_that_is_full(clock: FakeClock) -> None:
    """And stays where it went: that is where the cache is now."""
    text = CONFIG.replace("context: 1000,", "context: 1000, limits: {requests_per_minute: 1},")
    text += "  talk: {targets: [cheap/small, dear/all], sticky: true}\n"
    relay = make(FakeUpstream(*[chat()] * 3), clock, text)
    assert [await route(relay, "talk") for _ in range(2)] == ["cheap/small", "dear/all"]
    clock.advance(61)
    assert await route(relay, "talk") == "dear/all"


async def test_conversations_of_two_clients_are_two(clock: FakeClock) -> None:
    """The same words of somebody else are in another account's cache, or in none."""
    relay = relay_of(clock, refusal(503), chat(), chat(), chat())
    ann, bob = (Client(name=name, secret=Secret(name)) for name in ("ann", "bob"))
    assert (await ask(relay, "sticky", client=ann))[0].headers["x-gateway-route"] == "cheap/small"
    clock.advance(2)
    assert (await ask(relay, "sticky", client=bob))[0].headers["x-gateway-route"] == "dear/all"
    assert (await ask(relay, "sticky", client=ann))[0].headers["x-gateway-route"] == "cheap/small"
