"""Memory over many requests of every kind (goal: it grows by less than 5 % over a million).

`python bench/soak.py [REQUESTS | --full]`: 20,000 take about a minute, 1,000,000 about half an hour. They come after
as many that are not counted as fill what has a cap: the last thousand stories, the conversations, the pool of
connections. The rings of the history go on filling by design, by 72 bytes for each name and second, for ten minutes.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import fakes  # noqa: E402 - the path comes first
from tests.acceptance.serving import serving  # noqa: E402 - as above
from tests.processes import resident_mb  # noqa: E402 - as above
from tests.raw_http import Books, Caller, chat, chunked, provider, request, whole  # noqa: E402 - as above

REQUESTS = 20_000
WARM_UP = 25_000
CALLERS = 24
SAMPLES = 100
SHARE = SAMPLES // 10
MOST_GROWTH = 0.05
LET_IN = 5
"""How many the limited model answers, in all."""

YAML = """\
server: {{log_level: {level}}}
providers:
  one:
    base_url: {url}
    api_key: made-up
    limits: {{requests_per_minute: 100M, cost_per_day: 100M}}
    models:
      plain: {{price: {{input: 1, output: 2}}, limits: {{requests_per_day: 100M, tokens_per_minute: 100G}}}}
      spare: {{price: free, limits: {{requests_per_15m: 100M}}}}
      picky: {{price: free}}
      endless: {{price: free, limits: {{tokens_per_day: 100G}}}}
      full: {{price: free, limits: {{requests_per_15d: 5}}}}
      busy: {{price: free}}
  two:
    base_url: {url}
    api_key: made-up
    models:
      dead: {{price: free}}
meta_models:
  talk: {{sticky: true, targets: [one/plain, one/spare]}}
  past-picky: {{targets: [one/picky, one/spare]}}
  past-dead: {{targets: [two/dead, one/spare]}}
"""

KINDS = {
    "plain": (32, 200),
    "streamed": (25, 200),
    "past a refusal": (10, 200),
    "past a dead one": (8, 200),
    "over our limit": (8, 429),
    "over theirs": (5, 429),
    "unknown model": (6, 404),
    "client leaves": (6, 0),
}
"""Of a hundred, and the answer that is due."""


class Load:
    """So many requests over kept-alive connections, one after the other on each."""

    def __init__(self, port: int, pid: int) -> None:
        self._port, self._pid = port, pid
        self._chance = Random(1)  # noqa: S311 - sample data
        self._number = self._due = 0
        self._asked: dict[Caller, str] = {}
        self.answers = Counter[tuple[str, int]]()
        self.sizes: list[tuple[int, float]] = []
        """Requests so far, and megabytes then."""
        self._every = 0
        self._connecting = set[asyncio.Future[None]]()
        self._over = asyncio.Event()

    async def run(self, count: int, samples: int = 0) -> None:
        """All of them, and an answer to each."""
        self._due = self._number + count
        self._every = count // samples if samples else 0
        self._over.clear()
        for _ in range(CALLERS):
            await self._connect()
        await self._over.wait()

    async def _connect(self) -> None:
        _, caller = await asyncio.get_running_loop().create_connection(
            lambda: Caller(self._answered), "127.0.0.1", self._port
        )
        self._next(caller)

    def _next(self, caller: Caller) -> None:
        if self._number >= self._due:
            caller.transport.close()
            if not self._asked:
                self._over.set()
            return
        self._number += 1
        if self._every and self._number % self._every == 0:
            self.sizes.append((self._number, resident_mb(self._pid)))
        [kind] = self._chance.choices([*KINDS], [weight for weight, _ in KINDS.values()])
        self._asked[caller] = kind
        caller.send(request(self._port, self._body(kind)), only_begin=kind == "client leaves")

    def _body(self, kind: str) -> bytes:
        text = f"Question {self._number}"
        match kind:
            case "plain" | "streamed":
                return chat("talk", text, stream=kind == "streamed")
            case "unknown model":
                return chat(f"nobody-{self._number}", text)
            case "client leaves":
                return chat("one/endless", text, stream=True)
            case _:
                names = {"past a refusal": "past-picky", "past a dead one": "past-dead", "over our limit": "one/full"}
                return chat(names.get(kind, "one/busy"), text, stream=self._number % 2 == 0)

    def _answered(self, caller: Caller, status: int) -> None:
        kind = self._asked.pop(caller)
        self.answers[kind, status] += 1
        if kind == "client leaves":
            caller.transport.abort()
            self._connecting.add(connecting := asyncio.ensure_future(self._connect()))
            connecting.add_done_callback(self._connecting.discard)
            return
        self._next(caller)


def answers() -> dict[str, bytes]:
    """What the provider says for each model."""
    refusal = b'{"error": {"message": "Unsupported parameter: messages", "code": "unsupported_parameter"}}'
    busy = b'{"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}'
    json = {"content-type": "application/json"}
    return {
        "picky": whole(400, json, refusal),
        "busy": whole(429, {**json, "retry-after": "1"}, busy),
        "dead": b"",
        "endless": chunked(fakes.ROLE, *[fakes.HI] * 3, ends=False),
    }


async def soaked(folder: Path, count: int) -> tuple[Load, float]:
    """The load after `count` requests, and how many a second there were."""
    async with provider(Books(answers())) as url:
        with serving(folder, YAML.format(url=url, level="info")) as server:
            # A line per request is not what is looked at, and would be kept here.
            (folder / "config/gateway.yaml").write_text(YAML.format(url=url, level="error"), "utf-8")
            await asyncio.to_thread(server.request, "POST", "/config/reload")
            load = Load(server.port, server.process.pid)
            await load.run(WARM_UP)
            began = time.perf_counter()
            await load.run(count, SAMPLES)
            return load, count / (time.perf_counter() - began)


def main() -> int:
    """Print the table; the exit code."""
    asked = sys.argv[1] if len(sys.argv) > 1 else str(REQUESTS)
    count = 1_000_000 if asked == "--full" else int(asked)
    with tempfile.TemporaryDirectory() as folder:
        load, per_second = asyncio.run(soaked(Path(folder), count))
    print(f"{count:,} requests after {WARM_UP:,} to warm up, {per_second:,.0f} a second")
    wrong = 0
    for (kind, status), number in sorted(load.answers.items()):
        due = KINDS[kind][1] == status or (kind, status, number) == ("over our limit", 200, LET_IN)
        wrong += 0 if due else number
        print(f"{kind:18} {status or 'left':>5} {number:12,}{'' if due else '   not what was due'}")
    sizes = [size for _, size in load.sizes]
    first, last = (statistics.mean(part) for part in (sizes[:SHARE], sizes[-SHARE:]))
    slope, _ = statistics.linear_regression([number for number, _ in load.sizes], sizes)
    growth = last / first - 1
    print(f"\nresident memory, first tenth   {first:8.2f} MB")
    print(f"resident memory, last tenth    {last:8.2f} MB   {growth:+.2%} (goal: under {MOST_GROWTH:.0%})")
    tenths = (statistics.mean(sizes[at : at + SHARE]) for at in range(0, len(sizes), SHARE))
    print(f"tenth by tenth                 {'  '.join(f'{size:.2f}' for size in tenths)} MB")
    print(f"slope                          {slope * 1e6:8.2f} bytes per request")
    return 1 if wrong or growth >= MOST_GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
