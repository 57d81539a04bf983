"""What the history costs: a request added, a window read, the file, memory (goal: a few microseconds per request)."""

import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gateway.clock import Moment  # noqa: E402 - the path comes first
from gateway.history import WINDOWS, History, Today  # noqa: E402
from gateway.records import AttemptRecord, Settled, Usage  # noqa: E402

REQUESTS = 100_000
BEGIN = 1_795_176_000.0
PROVIDERS, MODELS, CLIENTS = 8, 24, 5


def requests(times: Iterable[float]) -> Iterator[Settled]:
    """One at each of these times, one in ten of them with a failed attempt before the one that answered."""
    chance = random.Random(1)  # noqa: S311 - sample data
    for i, at in enumerate(times):
        model = chance.randrange(MODELS)
        target, failed = f"p{model % PROVIDERS}/m{model}", f"p{(model + 1) % PROVIDERS}/m{(model + 1) % MODELS}"
        tries = [(failed, "503"), (target, "ok")] if i % 10 == 0 else [(target, "ok")]
        yield Settled(
            id=str(i),
            at=at,
            client=f"c{chance.randrange(CLIENTS)}",
            asked="base",
            route=target,
            provider=target.partition("/")[0],
            status=200,
            outcome="ok",
            stream=True,
            usage=Usage(chance.randrange(3000), chance.randrange(800), cached=100),
            cost_nanousd=0,
            list_price_nanousd=1_000_000,
            attempts=tuple(
                AttemptRecord(target=each, status=200, cause=cause, started_at=at, first_byte_s=0.1, duration_s=1.0)
                for each, cause in tries
            ),
            candidates=(),
            first_token_s=0.3,
            duration_s=1.0,
            overhead_s=0.001,
        )


def adding(per_second: float, kind: type[History] | type[Today]) -> float:
    """Microseconds per request."""
    told = list(requests(BEGIN + i / per_second for i in range(REQUESTS)))
    memory = kind("Europe/Berlin")
    began = time.perf_counter()
    for each in told:
        memory.add(each)
    return (time.perf_counter() - began) / REQUESTS * 1e6


def five_years() -> Iterator[float]:
    """So many requests that nearly every slot of every ring is in use, up to BEGIN."""
    for step_s, slots in ((86_400, 1_825), (3_600, 2_160), (60, 1_440), (1, 600)):
        for slot in range(slots, 0, -1):
            yield from [BEGIN - slot * step_s] * MODELS * 2


def ms(work: Callable[[], object]) -> str:
    """Milliseconds that it takes."""
    began = time.perf_counter()
    work()
    return f"{(time.perf_counter() - began) * 1e3:6.2f} ms"


def main() -> None:
    """Print the table."""
    for per_second in (1000.0, 10.0, 0.1):
        us = adding(per_second, History)
        print(f"adding a request, {per_second:6g} a second   {us:6.2f} us   (goal: a few microseconds)")
    print(f"adding it to today's totals           {adding(1000.0, Today):6.2f} us")
    tracemalloc.start()
    history = History("UTC")
    for each in requests(five_years()):
        history.add(each)
    now = Moment(BEGIN, 0.0)
    history.forget(now)
    size = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    print(f"\nfive years of {PROVIDERS} providers, {MODELS} models and {CLIENTS} clients that hardly ever rest:")
    print(f"memory                                {size:6.2f} MB")
    for window in WINDOWS:
        print(f"reading {window:>3} by model                  {ms(partial(history.read, 'model', window, now))}")
    print(f"forgetting what is too old            {ms(partial(history.forget, now))}")
    print(f"making the body of the file           {ms(lambda: msgspec.json.encode(history.dump()))}")


if __name__ == "__main__":
    main()
