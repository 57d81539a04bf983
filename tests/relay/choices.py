"""A configuration with something of every kind to choose from, and who answers."""

from typing import Any

from gateway.clock import FakeClock
from gateway.relay import Relay
from tests.fakes import FakeUpstream, chat

from .story import ask, make

CONFIG = """
providers:
  pool:
    base_url: https://pool.test/v1
    api_keys: {x: k4, y: k5}
    rotation: round_robin
    models:
      one: {}
      two: {}
  openrouter:
    base_url: https://router.test/v1
    type: openrouter
    api_key: k6
    models:
      vendor/open: {price: {input: 2, output: 2}}
  gift:
    base_url: https://gift.test/v1
    api_key: k7
    free: true
    models:
      bare: {features: [], grade: 5}
      best: {features: [], grade: 30}
  dear:
    base_url: https://dear.test/v1
    api_key: k1
    models:
      all: {price: {input: 9, output: 9}, context: 100000, features: [tools, vision, json_schema]}
  cheap:
    base_url: https://cheap.test/v1
    api_key: k2
    models:
      small: {price: {input: 1, output: 1}, context: 1000, features: [tools], grade: 80}
  unknown:
    base_url: https://unknown.test/v1
    api_key: k3
    models:
      m: {features: [], grade: 70}
meta_models:
  base: {targets: [dear/all, cheap/small, unknown/m]}
  turns: {targets: [dear/all, cheap/small, unknown/m], strategy: round_robin}
  cheapest: {targets: [dear/all, cheap/small, unknown/m], strategy: cheapest}
  fastest: {targets: [dear/all, cheap/small], strategy: fastest}
  score: {targets: [dear/all, cheap/small, unknown/m], strategy: score, adjustments: {^all: -9, small: -1}}
  nothing: {targets: [dear/all], strategy: score, adjustments: {^all: -9}}
  sticky: {targets: [dear/all, cheap/small], sticky: true}
  keys: {targets: [pool/one, pool/two], strategy: round_robin}
  routed: {targets: [dear/all, openrouter/vendor/open]}
"""


def relay_of(clock: FakeClock, *script: Any) -> Relay:
    """One whose providers answer as the script says, else as asked."""
    return make(FakeUpstream(*(script or [chat()] * 9)), clock, CONFIG)


async def route(relay: Relay, model: str = "base", **members: Any) -> str:
    """Who answered."""
    answer, _ = await ask(relay, model, **members)
    return answer.headers["x-gateway-route"]
