"""What limits cost: deciding, looking at an answer that grows, settling, learning."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gateway.clock import FakeClock  # noqa: E402 - the path comes first
from gateway.limits.forecast import Outlook, Rates  # noqa: E402
from gateway.limits.learned import Ended, Learned  # noqa: E402
from gateway.limits.ledger import Ledger, LimitReachedError, Meter, Need  # noqa: E402
from gateway.limits.shorthand import Unit, make_rule  # noqa: E402

ROUNDS, CALLS = 30, 1000
THREE: list[tuple[Unit, str]] = [("requests", "minute"), ("tokens", "minute"), ("tokens", "day")]
MONEY: list[tuple[Unit, str]] = [("requests", "minute"), ("tokens", "minute"), ("cost", "day")]
RATES = Rates(0, 600.0, 2400.0)


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

    def __init__(self, limits: list[tuple[Unit, str]], amount: int = 10**15) -> None:
        self.ledger, self.learned, self.now = Ledger(), Learned(), FakeClock(wall=1.8e9).now()
        self.meters = meters(limits, amount)
        self.ended = Ended(estimate=500, input=520, output=300, cut=False)
        for _ in range(50):
            self.learn()

    def outlook(self) -> Outlook:
        """What is known of a request."""
        past = self.learned.past("groq/llama", "aider")
        return Outlook(past=past, estimate=500, bound=8192, rates=RATES)

    def refuse(self) -> None:
        """A decision that goes against the request: what a fallback past an exhausted target costs."""
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


def main() -> None:
    """Print the figures."""
    reserving, growing, settling = split(Bench(THREE))
    strict, _, _ = split(Bench(MONEY))
    full = Bench(THREE, amount=0)
    print(f"decision, three limits         {reserving:6.2f} us   (goal: under 5 us)")
    print(f"decision, one of them strict   {strict:6.2f} us")
    print(f"decision, refused by three     {timed(full.refuse):6.2f} us")
    print(f"a look at a growing answer     {growing:6.2f} us")
    print(f"settling                       {settling:6.2f} us")
    print(f"learning                       {timed(Bench(THREE).learn):6.2f} us")


if __name__ == "__main__":
    main()
