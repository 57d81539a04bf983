"""What limits cost: deciding, being refused, following an answer, settling, learning; and a fallback as a whole."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gateway.clock import FakeClock  # noqa: E402 - the path comes first
from gateway.dialects.chat import read_call  # noqa: E402
from gateway.limits.forecast import Outlook, Rates  # noqa: E402
from gateway.limits.learned import Ended, Learned  # noqa: E402
from gateway.limits.ledger import Ledger, LimitReachedError, Meter, Need  # noqa: E402
from gateway.limits.shorthand import Unit, make_rule  # noqa: E402
from gateway.records import UpstreamReply, UpstreamRequest  # noqa: E402
from gateway.relay import Relay  # noqa: E402
from tests.fakes import FakeUpstream, chat  # noqa: E402
from tests.relay.story import make  # noqa: E402

ROUNDS, CALLS = 30, 1000
THREE: list[tuple[Unit, str]] = [("requests", "day"), ("tokens", "minute"), ("tokens", "day")]
MONEY: list[tuple[Unit, str]] = [("requests", "day"), ("tokens", "minute"), ("cost", "day")]
RATES = Rates(0, 600.0, 2400.0)
CONFIG = """
providers:
  full: {base_url: "https://full.test/v1", api_key: k, free: true, models: {m: {limits: %s}}}
  roomy: {base_url: "https://roomy.test/v1", api_key: k, free: true, models: {m: {limits: %s}}}
meta_models: {plain: {targets: [roomy/m]}, fallback: {targets: [full/m, roomy/m]}}
"""
LIMITS = "{requests_per_day: %s, tokens_per_minute: 1G, tokens_per_day: 1G}"


def meters(limits: list[tuple[Unit, str]], amount: int = 10**15) -> list[Meter]:
    """Limits that never end, unless `amount` says so."""
    return [Meter.of("model", "groq/llama", unit, window, make_rule(unit, window, amount)) for unit, window in limits]


def timed(what: Callable[[], object]) -> float:
    """Microseconds of one call: the best of some rounds, since everything else on the machine only adds."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(CALLS):
            what()
        found.append((time.perf_counter() - began) / CALLS * 1e6)
    return min(found)


class Bench:
    """A ledger that has learned a little, at a moment of its own."""

    def __init__(self, limits: list[tuple[Unit, str]]) -> None:
        self.ledger, self.learned, self.now = Ledger(), Learned(), FakeClock(wall=1.8e9).now()
        self.meters = meters(limits)
        self.ended = Ended(estimate=500, input=520, output=300, cut=False)
        for _ in range(50):
            self.learn()

    def outlook(self) -> Outlook:
        """What is known of a request."""
        past = self.learned.past("groq/llama", "aider")
        return Outlook(past=past, estimate=500, bound=8192, rates=RATES)

    def use_up(self) -> None:
        """Leave nothing of the first limit."""
        self.meters[0] = meters(THREE, 1)[0]
        self.ledger.charge_request(self.ledger.reserve(self.meters[:1], Need(), self.now), self.now)

    def refuse(self) -> None:
        """A decision that goes against the request: what a candidate costs whose day is used up."""
        try:
            self.ledger.reserve(self.meters, self.outlook(), self.now)
        except LimitReachedError:
            return

    def learn(self) -> None:
        """What an answer teaches."""
        self.learned.add("groq/llama", "aider", self.ended)


def split(bench: Bench) -> tuple[float, float, float]:
    """Microseconds of reserving, growing and settling, with 50 requests in flight."""
    for _ in range(50):
        bench.ledger.reserve(bench.meters, bench.outlook(), bench.now)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        made = [bench.ledger.reserve(bench.meters, bench.outlook(), bench.now) for _ in range(CALLS)]
        reserved = time.perf_counter()
        for each in made:
            bench.ledger.grow(each, 640)
        grown = time.perf_counter()
        for each in made:
            bench.ledger.settle(each, Need(1, 520, 300, 1_000_000), bench.now)
        settled = time.perf_counter()
        times.append((reserved - began, grown - reserved, settled - grown))
    reserving, growing, settling = (min(column) / CALLS * 1e6 for column in zip(*times, strict=True))
    return reserving, growing, settling


class Echo(FakeUpstream):
    """Answers everything at once, with the same."""

    @asynccontextmanager
    async def send(
        self, request: UpstreamRequest, tap: Callable[[bytes], None] | None = None
    ) -> AsyncIterator[UpstreamReply]:
        """The same short answer."""
        self.script = [chat()]
        self.sent.clear()
        async with super().send(request, tap) as reply:
            yield reply


async def whole() -> tuple[float, float]:
    """Microseconds of a request without its sockets, and of one that has to pass a candidate whose day is used up."""
    relay = make(Echo(), FakeClock(wall=1.8e9), CONFIG % (LIMITS % 1, LIMITS % "1G"))
    await _ask(relay, "full/m")
    return await _timed(lambda: _ask(relay, "plain")), await _timed(lambda: _ask(relay, "fallback"))


async def _ask(relay: Relay, model: str) -> None:
    body = b'{"model":"%s","messages":[{"role":"user","content":"hi"}]}' % model.encode()
    async with relay.answer(read_call(body, id="r"), None) as answer:
        async for _ in answer.chunks:
            pass


async def _timed(what: Callable[[], Awaitable[None]]) -> float:
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(CALLS // 10):
            await what()
        found.append((time.perf_counter() - began) / (CALLS // 10) * 1e6)
    return min(found)


def main() -> None:
    """Print the figures."""
    reserving, growing, settling = split(Bench(THREE))
    strict, _, _ = split(Bench(MONEY))
    full = Bench(THREE)
    full.use_up()
    plain, fallback = asyncio.run(whole())
    print(f"decision, three limits                {reserving:6.2f} us   (goal: under 5 us)")
    print(f"decision, one of the three strict     {strict:6.2f} us")
    print(f"decision, a candidate is used up      {timed(full.refuse):6.2f} us   (goal: under 5 us)")
    print(f"a look at a growing answer            {growing:6.2f} us")
    print(f"settling                              {settling:6.2f} us")
    print(f"learning                              {timed(Bench(THREE).learn):6.2f} us")
    print(f"a whole request, but for sockets      {plain:6.0f} us")
    print(f"the same past a used-up candidate     {fallback:6.0f} us   ({fallback / plain:.2f} times)")


if __name__ == "__main__":
    main()
