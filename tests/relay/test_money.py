"""What an answer costs, and that nothing costs by surprise."""

import asyncio
import json  # noqa: TID251 - others do not show members of one name
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.errors import GatewayError
from gateway.price_list import PriceLists, read
from gateway.routing import fits
from tests.catalog.compiling import compiled
from tests.fakes import DONE, HI, ROLE, STOP, USAGE, FakeUpstream, Step, chat, event, stream

from .money import Shop
from .story import ask, held, last, make, used

COST = "model:p/m:cost_per_day"
TEXT = """
providers:
  p:
    api_key: k
    monthly_fee: 20
    models:
      m: {{price: {price}, limits: {{cost_per_day: 100}}}}
"""
FULL = "{input: 3, cached_input: 0.3, cache_write: 3.75, output: 15, reasoning: 60, request: 0.005}"
TOKENS = {
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 80},
}
PLAIN = {"prompt_tokens": 1000, "completion_tokens": 100}
CHEAP = PriceLists.of(
    [read(b'{"date":"2026-11-21","hosts":{"api.openai.com":"o"},"providers":{"o":{"m":{"input":1,"output":2}}}}')]
)


def answer(usage: Mapping[str, Any], *, streamed: bool) -> Step:
    """The same usage at the end of a stream, or in a whole answer."""
    if streamed:
        return stream(ROLE, HI, STOP, event(choices=[], usage=usage), DONE)
    return chat(prompt=0, completion=0, **usage)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("price", "usage", "nanousd"),
    [
        # 300 * 3 + 600 * 0.3 + 100 * 3.75 + 20 * 15 + 80 * 60 = 6,555 dollars per million, and half a cent
        pytest.param(FULL, TOKENS, 6_555_000 + 5_000_000, id="every rate"),
        pytest.param("{input: 3, output: 15}", TOKENS, 4_500_000, id="left out: as input, as output, 0"),
        pytest.param("{input: 0, output: 0, request: 0.005}", TOKENS, 5_000_000, id="by the request alone"),
        pytest.param("{input: 0, output: 0, reasoning: 60}", TOKENS, 4_800_000, id="thinking alone"),
        pytest.param("{input: 0, output: 0, reasoning: 60}", PLAIN, 0, id="thinking that did not happen"),
        pytest.param("{input: 3, output: 0, cached_input: 0.3}", PLAIN, 3_000_000, id="nothing cached"),
        pytest.param(FULL, {**TOKENS, "cost": 0.001}, 1_000_000, id="the provider's own word"),
        pytest.param("free", TOKENS, 0, id="free"),
    ],
)
async def test_every_rate_is_charged(
    price: str, usage: Mapping[str, Any], nanousd: int, *, streamed: bool, clock: FakeClock
) -> None:
    """To the budget, the day's totals and the request's story; once, and nothing of the fee that is paid anyway."""
    relay = make(FakeUpstream(answer(usage, streamed=streamed)), clock, TEXT.format(price=price))
    head, _ = await ask(relay, "m", stream=streamed)
    assert used(relay, COST) == nanousd
    assert held(relay) == 0
    assert last(relay).cost_nanousd == nanousd
    assert relay.state.today.providers(clock.now())["p"].cost_nanousd == nanousd
    if not streamed:
        assert float(head.headers["x-gateway-cost"]) == nanousd / 1e9


async def test_a_price_by_list_is_charged_as_one_that_is_written(clock: FakeClock) -> None:
    """The budget counts it, and no request is refused for want of a price."""
    relay = make(FakeUpstream(answer(PLAIN, streamed=False)), clock)
    text = "providers: {p: {api_key: k, models: {m: {limits: {cost_per_day: 100}}}}}"
    relay.state.catalog = compiled(text, lists=CHEAP)
    await ask(relay, "m")
    assert used(relay, COST) == 1_200_000


LIVE = stream(ROLE, HI, STOP, USAGE, DONE)
OTHERWISE = """
server: {paid: never}
providers:
  p:
    api_key: k
    SAMEmodels: {cheap: {price: free}, dear: {price: {input: 1, output: 2}}}
"""
HELLO = '"messages": [{"role": "user", "content": "hi"}]'


def pairs(body: bytes) -> list[tuple[str, Any]]:
    """The members of an object, those of one name too."""
    found: list[tuple[str, Any]] = json.loads(body, object_pairs_hook=list)
    return found


@pytest.mark.parametrize(
    "more", ["", "rename: {user: u}\n    ", "set: {temperature: 0}\n    "], ids=["", "renamed", "set"]
)
@pytest.mark.parametrize("streamed", ["", '"stream": true, '], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("members", "sent"),
    [
        pytest.param('"model": "p/dear", "model": "p/cheap"', 1, id="twice, the free one last"),
        pytest.param('"model": "p/cheap", "model": "p/dear"', 0, id="twice, the dear one last"),
        pytest.param(r'"model": "p/cheap", "mod\u0065l": "p/dear"', 0, id="escaped, the dear one last"),
        pytest.param(r'"\u006dodel": "p/dear", "model": "p/cheap"', 1, id="escaped, the free one last"),
        pytest.param(r'"\u006d\u006F\u0064\u0065\u006C": "p/cheap"', 1, id="escaped alone"),
        pytest.param('"model": "p/cheap", "Model": "p/dear"', 0, id="in another case"),
        pytest.param('"MODEL": "p/dear", "model": "p/cheap"', 0, id="in capitals, first"),
        pytest.param('"model": "p/cheap", "models": ["p/dear"]', 1, id="as a fallback"),
        pytest.param(r'"model": "p/cheap", "model\u0073": ["p/dear"], "models": []', 1, id="as a fallback, escaped"),
        pytest.param(r'"model": "p/cheap", "\ud800": 1, "model": "p/dear"', 0, id="beside half a character"),
        pytest.param(r'"\udc00": "\ud800", "model": "p/dear", "model": "p/cheap"', 1, id="beside two halves"),
        pytest.param(r'"\udc00": 1, "model": "p/cheap"', 1, id="behind half a character"),
        pytest.param('"user": {"model": "p/dear"}, "model": "p/cheap"', 1, id="further down"),
    ],
)
async def test_nobody_reads_another_model_than_the_guard_did(
    members: str, sent: int, streamed: str, more: str, clock: FakeClock
) -> None:
    """Whichever of two members of one name an upstream keeps, and whether it minds their case: it reads the free one.

    Which of the two counts is left to the reader by RFC 8259, section 4.
    """
    upstream = FakeUpstream(LIVE if streamed else chat())
    relay = make(upstream, clock, OTHERWISE.replace("SAME", more))
    body = f"{{{streamed}{members}, {HELLO}}}".encode()
    with suppress(GatewayError):
        async with relay.answer(read_call(body, id="r", received=clock.now())) as head:
            assert head.status == 200
            _ = [chunk async for chunk in head.chunks]
    assert len(upstream.sent) == sent
    for request in upstream.sent:
        assert [value for name, value in pairs(request.body) if name.lower() == "model"] == ["cheap"]
        assert "models" not in dict(pairs(request.body))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chance=st.randoms(use_true_random=False))
def test_no_byte_goes_where_it_must_not_cost(chance: Random) -> None:
    """Whatever is configured, asked, reloaded and fails. `bench/paid_never.py` does it a hundred thousand times."""
    shop = Shop(chance)
    asyncio.run(shop.open())
    assert shop.till.surprises == []


def test_the_last_step_before_the_socket_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the filter not there at all, the guard that is asked again would still let no byte through."""
    unfit = fits.unfit
    monkeypatch.setattr(fits, "unfit", lambda target, call, _paid, **_: unfit(target, call, "allow"))
    guarded = paid = 0
    for seed in range(150):
        shop = Shop(Random(seed))  # noqa: S311 - chance, no secret
        asyncio.run(shop.open())
        assert shop.till.surprises == []
        guarded += shop.till.guarded
        paid += shop.till.paid
    assert min(guarded, paid) > 20


def test_the_till_would_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ground of the two claims above: without any guard, it does."""
    monkeypatch.setattr(fits, "_money", lambda *_: None)
    shops = [Shop(Random(seed)) for seed in range(20)]  # noqa: S311 - chance, no secret
    for shop in shops:
        asyncio.run(shop.open())
    assert sum(len(shop.till.surprises) for shop in shops) > 5
