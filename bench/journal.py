"""What the journal costs a request that passes three limits (goal: under 2 us, where requests come side by side).

`python bench/journal.py [--full]`. A turn of the event loop holds as many requests as there are clients at the same
moment: what they change of one limit is one record, and all of it one write. The file is real.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gateway.clock import SystemClock  # noqa: E402 - the path comes first
from gateway.limits.ledger import Ledger, Meter, Need  # noqa: E402
from gateway.limits.shorthand import Unit, make_rule  # noqa: E402
from gateway.storage.changes import Changes  # noqa: E402
from gateway.storage.journal import Journal  # noqa: E402

LIMITS: tuple[tuple[Unit, str], ...] = (("requests", "day"), ("tokens", "minute"), ("tokens", "day"))
SIDE_BY_SIDE = (1, 4, 16, 64)
ROUNDS, FULL = 200, 2000


async def one_us(ledger: Ledger, meters: list[Meter], clock: SystemClock, journal: Journal | None, many: int) -> float:
    """Microseconds per request: room is taken in one turn, the head is judged, and it is settled in another."""
    ledger.on_change = journal.changed if journal else lambda: None
    took = []
    for _ in range((FULL if "--full" in sys.argv else ROUNDS) // 4):
        began = time.perf_counter()
        for _ in range(4):
            now = clock.now()
            taken = [ledger.reserve(meters, Need(1, 10, 20), now) for _ in range(many)]
            await (journal.written() if journal else asyncio.sleep(0))  # the loop turns either way
            for each in taken:
                ledger.charge_request(each, now)
                ledger.settle(each, Need(1, 10, 15), now)
            await asyncio.sleep(0)
        took.append((time.perf_counter() - began) / 4 / many * 1e6)
        ledger.changed.clear()
    return statistics.median(took)


async def costs(folder: Path) -> None:
    """Print a row for each number of requests in a turn."""
    clock, ledger = SystemClock(), Ledger()
    meters = [Meter.of("model", "p/m", unit, window, make_rule(unit, window, 10**12)) for unit, window in LIMITS]
    journal = Journal(folder, Changes(ledger, clock), lambda _: None)
    await journal.begin(1)
    print("requests in a turn    without us    with us    the journal us")
    for many in SIDE_BY_SIDE:
        without = await one_us(ledger, meters, clock, None, many)
        with_it = await one_us(ledger, meters, clock, journal, many)
        print(f"{many:18} {without:13.2f} {with_it:10.2f} {with_it - without:17.2f}")
    journal.close()


def main() -> None:
    """In a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(costs(Path(folder)))


if __name__ == "__main__":
    main()
