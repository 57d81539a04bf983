"""What a decision costs, and one fallback past an exhausted candidate (goal: under 5 us each); then whole requests.

A decision is what no request can do without: order the targets, see who fits and rests, take room in three limits, and
give it back. A whole request also makes the attempt, reads an answer that is there at once, and writes down why; of it
the table shows what a fallback adds. `python bench/choosing.py [--full]`: with five times as many rounds.
"""

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from msgspec.structs import replace  # noqa: E402 - the path comes first

from gateway.catalog.catalog import Resolution  # noqa: E402 - the path comes first
from gateway.catalog.compile import compile_text  # noqa: E402 - as above
from gateway.clock import FakeClock  # noqa: E402 - as above
from gateway.dialects.chat import read_call  # noqa: E402 - as above
from gateway.limits.ledger import NOTHING, LimitReachedError, Need  # noqa: E402 - as above
from gateway.records import Call, UpstreamReply, UpstreamRequest  # noqa: E402 - as above
from gateway.relay import Relay, account, candidates  # noqa: E402 - as above
from gateway.state import ConfigStatus, State  # noqa: E402 - as above

ROUNDS, TURNS, REQUESTS = 20, 500, 100
FULL = 5
"""Times as many rounds under `--full`."""
STRATEGIES = ("order", "grade", "cheapest", "score", "fastest", "headroom")
"""All but `round_robin`, under which every second request begins at the one with room."""

_MODEL = (
    "m: {price: {input: 1, output: 2}, limits: {requests_per_day: 50, tokens_per_day: 1M, requests_per_minute: 30}}"
)
CONFIG = f"""
providers:
  full: {{base_url: "https://full.test/v1", api_key: k, models: {{{_MODEL}}}}}
  open: {{base_url: "https://open.test/v1", api_key: k, models: {{{_MODEL.replace("50", "1G").replace("30", "1G")}}}}}
meta_models:
  plain: {{targets: [open/m]}}
  fallback: {{targets: [full/m, open/m]}}
"""
CALL = b'{"model": "NAME", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}'
ANSWER = (
    b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Rayleigh."}, "finish_reason": "stop"}],'
    b'"usage": {"prompt_tokens": 14, "completion_tokens": 3, "total_tokens": 17}}'
)


class AtOnce:
    """An upstream that takes no time."""

    @asynccontextmanager
    async def send(
        self, _: UpstreamRequest, tap: Callable[[bytes], None] | None = None
    ) -> AsyncIterator[UpstreamReply]:
        """The one answer there is."""

        async def chunks() -> AsyncIterator[bytes]:
            if tap:
                tap(ANSWER)
            yield ANSWER

        yield UpstreamReply(status=200, headers={"content-type": "application/json"}, chunks=chunks())


class House:
    """A gateway's state in which `full` has no room."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        catalog = compile_text(CONFIG, file="bench", lookup=lambda _: None, presets={})
        self.state = State(catalog, self.clock, ConfigStatus(path="bench", env_file="", loaded_at=0.0, hash=""))
        self.call: Call = read_call(CALL, id="bench")
        now = self.clock.now()
        for _ in range(50):
            meters = catalog.exact["full/m"][0].meters[:1]
            self.state.ledger.settle(self.state.ledger.reserve(meters, Need(1), now), Need(1), now)

    def decide(self, resolution: Resolution) -> str:
        """Order, fit, reserve, as the relay does; what was taken is given back."""
        state, call, now = self.state, self.call, self.clock.now()
        targets = candidates.ordered(state, call, resolution)
        state.chooser.turned(resolution)
        for target in targets:
            if candidates.unfit(target, call, None, "allow") or state.cooldowns.enter(target, now):
                continue
            try:
                reservation = state.ledger.reserve(
                    account.meters_of(target, None), account.outlook(target, call, state.learned), now
                )
            except LimitReachedError:
                continue
            state.ledger.settle(reservation, NOTHING, now)
            return target.id
        return ""

    def one_us(self, resolution: Resolution) -> float:
        """Microseconds of one decision."""
        began = time.perf_counter()
        for _ in range(TURNS):
            self.decide(resolution)
        return (time.perf_counter() - began) / TURNS * 1e6

    async def request_us(self, name: str) -> float:
        """Microseconds of one request, from its body to the last byte of the answer."""
        relay, body = Relay(self.state, AtOnce(), lambda: 0.5), CALL.replace(b"NAME", name.encode())
        began = time.perf_counter()
        for _ in range(REQUESTS):
            async with relay.answer(read_call(body, id="bench", received=self.clock.now())) as answer:
                async for _ in answer.chunks:
                    pass
        return (time.perf_counter() - began) / REQUESTS * 1e6


def row(name: str, plain: Callable[[], float], fallback: Callable[[], float], rounds: int) -> None:
    """Print the best rounds, since others on the machine only ever add, and what lies between."""
    one, two = (min(each) for each in zip(*((plain(), fallback()) for _ in range(rounds)), strict=True))
    print(f"{name:14} {one:9.2f} {two:23.2f} {two - one:17.2f} {two / one:7.2f}")


def main() -> None:
    """Print decisions by each strategy and the whole request: plain, with a fallback, and the difference."""
    rounds = ROUNDS * FULL if "--full" in sys.argv else ROUNDS
    house = House()
    gc.collect()
    gc.freeze()  # as the gateway does once it has started
    plain, fallback = (house.state.catalog.resolve(name) for name in ("plain", "fallback"))
    if (house.decide(plain), house.decide(fallback)) != ("open/m", "open/m"):
        raise SystemExit("The candidates do not stand as they should.")
    print("strategy        plain us   past one exhausted us   the fallback us   ratio")
    for strategy in STRATEGIES:
        one, two = (partial(house.one_us, replace(each, strategy=strategy)) for each in (plain, fallback))
        row(strategy, one, two, rounds)
    with asyncio.Runner() as runner:
        one, two = (lambda name=name: runner.run(house.request_us(name)) for name in ("plain", "fallback"))
        row("whole request", one, two, rounds)


if __name__ == "__main__":
    main()
