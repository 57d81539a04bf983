"""No cent by surprise: random configurations, requests, reloads and failures, and every call that leaves the relay.

`python bench/paid_never.py [CONFIGURATIONS | --full]`: 2,000 by default; all 100,000 take some seven minutes on four
cores. The same seed is the same story. Ends with 1 if a call that cost, or might have, was sent for a request that must
not cost.
"""

import asyncio
import logging
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.relay.money import Shop  # noqa: E402 - the path comes first

CONFIGURATIONS, FULL = 2_000, 100_000
BATCH = 500


def batch(first: int) -> tuple[Counter[str], list[str]]:
    """What happened in the stories `first` and following, and what should not have."""
    logging.disable(logging.CRITICAL)  # failures are the point
    counted, surprises = Counter[str](), []
    for seed in range(first, first + BATCH):
        shop = Shop(Random(seed))  # noqa: S311 - chance, no secret
        asyncio.run(shop.open())
        counted.update(
            {
                "configurations": 1,
                "requests": shop.requests,
                "answered": shop.answered,
                "calls": shop.till.calls,
                "of requests that must not cost": shop.till.guarded,
                "to targets that cost, or might": shop.till.paid,
            }
        )
        surprises += [f"seed {seed}: {each}" for each in shop.till.surprises]
    return counted, surprises


def main() -> int:
    """Print the counts; the exit code."""
    asked = sys.argv[1] if len(sys.argv) > 1 else str(CONFIGURATIONS)
    count = FULL if asked == "--full" else int(asked)
    began = time.perf_counter()
    counted, surprises = Counter[str](), list[str]()
    with ProcessPoolExecutor() as pool:
        for each, found in pool.map(batch, range(0, count, BATCH)):
            counted += each
            surprises += found
    for name, number in counted.items():
        print(f"{name:34}{number:12,}")
    print(f"{'both at once':34}{len(surprises):12,}   (goal: 0)")
    print(f"{time.perf_counter() - began:.0f} s")
    print(*surprises[:3], sep="\n")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
