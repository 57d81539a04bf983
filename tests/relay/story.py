"""A relay over a small configuration, and a client that asks it."""

import orjson

from gateway.catalog.catalog import Client
from gateway.catalog.compile import compile_text
from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.records import Answer, Settled
from gateway.relay import Relay
from gateway.state import ConfigStatus, State
from tests.fakes import FakeUpstream

CONFIG = """
providers:
  free:
    base_url: https://free.test/v1
    api_key: k1
    free: true
    models:
      small: {grade: 10, context: 8000, limits: {requests_per_day: 1}}
  paid:
    base_url: https://paid.test/v1
    api_key: k2
    models:
      big:
        grade: 90
        price: {input: 1, output: 2}
        limits: {tokens_per_minute: 10000, cost_per_day: 5.00}
  spare:
    base_url: https://spare.test/v1
    api_key: k3
    models:
      last: {price: {input: 3, output: 3}}
meta_models:
  base: {targets: [free/small, paid/big, spare/last]}
  two: {targets: [free/small, paid/big]}
"""


def make(upstream: FakeUpstream, clock: FakeClock, text: str = CONFIG) -> Relay:
    """A relay over `text`, nothing counted yet. Its state is `relay.state`."""
    catalog = compile_text(text, file="gateway.yaml", lookup=lambda _: None, presets={})
    config = ConfigStatus(path="gateway.yaml", env_file="", loaded_at=clock.wall, hash="h")
    return Relay(State(catalog, clock, config), upstream, jitter=lambda: 1.0)


async def ask(
    relay: Relay,
    model: str = "base",
    *,
    stream: bool = False,
    client: Client | None = None,
    may_pay: bool = False,
    **members: object,
) -> tuple[Answer, bytes]:
    """The answer's head, and every byte of its body."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **members}
    if stream:
        body["stream"] = True
    call = read_call(
        orjson.dumps(body),
        id="req",
        client=client.name if client else "",
        may_pay=may_pay,
        received=relay.state.clock.now(),
    )
    async with relay.answer(call, client) as answer:
        return answer, b"".join([chunk async for chunk in answer.chunks])


def used(relay: Relay, meter_id: str) -> float:
    """What a limit has counted."""
    meter = next(meter for meter in relay.state.catalog.meters if meter.id == meter_id)
    return relay.state.ledger.used(meter, relay.state.clock.now())


def held(relay: Relay) -> int:
    """What is held over all limits: nothing, once everything has ended."""
    return sum(relay.state.ledger.held(meter) for meter in relay.state.catalog.meters)


def last(relay: Relay) -> Settled:
    """How the last request ended."""
    return relay.state.recent[-1]
