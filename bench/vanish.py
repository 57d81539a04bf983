"""Clients that vanish in the middle of a stream (goals: the upstream closed under 50 ms at p99, all of them charged).

`python bench/vanish.py [CLIENTS]`: all of them are in mid-stream before the first one goes. They go one after the
other, and then as many again in one moment, which is shown and no goal. Ends with 1 if a goal is missed.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gateway.app.listening import raise_file_limit  # noqa: E402 - the path comes first
from tests import fakes  # noqa: E402 - as above
from tests.acceptance.asking import current, limit  # noqa: E402 - as above
from tests.acceptance.serving import serving  # noqa: E402 - as above
from tests.processes import Running  # noqa: E402 - as above
from tests.raw_http import Books, Caller, chat, chunked, provider, request  # noqa: E402 - as above

CLIENTS = 1000
APART_S = 0.003
P99_S = 0.05
AT_ONCE = 50
"""Clients that connect in one go, so that the queue of connections does not overflow."""

YAML = """\
providers:
  one:
    base_url: {url}
    api_key: made-up
    models:
      m:
        price: {{input: 1, output: 2}}
        limits: {{requests_per_1d: 100k, tokens_per_1d: 1G, cost_per_1d: 100k, concurrent_requests: 100k}}
"""

WORDS = fakes.event(choices=[{"index": 0, "delta": {"content": "eight words that are worth about ten tokens"}}])
LEAST_OUTPUT, MOST_OUTPUT = 80, 160
"""Tokens that ten times these words are charged at, with what is added because no usage was told."""


class Crowd:
    """Clients that have each seen the beginning of an answer."""

    def __init__(self, books: Books, server: Running) -> None:
        self._books, self._server = books, server
        self._begun = 0
        self._here = asyncio.Event()
        self._callers: list[tuple[str, Caller]] = []
        self._number = 0

    def _began(self, _: Caller, status: int) -> None:
        if status:
            raise SystemExit(f"A stream was answered with {status}.")
        self._begun += 1
        if self._begun == len(self._callers):
            self._here.set()

    async def come(self, count: int) -> None:
        """So many, until all of them are in mid-stream."""
        loop, port = asyncio.get_running_loop(), self._server.port
        self._begun, self._callers = 0, []
        while len(self._callers) < count:
            for _ in range(min(AT_ONCE, count - len(self._callers))):
                self._number += 1
                name = f"client {self._number:06}"
                _, caller = await loop.create_connection(lambda: Caller(self._began), "127.0.0.1", port)
                caller.send(request(port, chat("one/m", name, stream=True)), only_begin=True)
                self._callers.append((name, caller))
            self._here.clear()
            if self._begun < len(self._callers):
                await self._here.wait()

    async def vanish(self, apart_s: float) -> list[float]:
        """Seconds from each one's leaving to the end of the upstream's connection, sorted."""
        left: dict[str, float] = {}
        began = time.perf_counter()
        for i, (name, caller) in enumerate(self._callers):
            if apart_s:
                await asyncio.sleep(max(0.0, began + i * apart_s - time.perf_counter()))
            left[name] = time.perf_counter()
            caller.transport.abort()
        async with asyncio.timeout(30):
            while self._books.open:  # noqa: ASYNC110 - nobody tells, and nothing is measured here
                await asyncio.sleep(0.01)
        return sorted(self._books.closed_at[name] - at for name, at in left.items())


def row(title: str, took: Sequence[float]) -> str:
    """One line of the table, in milliseconds."""
    p50, p99 = statistics.median(took), p99_of(took)
    return f"{title:34}p50 {p50 * 1e3:7.2f} ms   p99 {p99 * 1e3:7.2f} ms   most {took[-1] * 1e3:7.2f} ms"


def p99_of(took: Sequence[float]) -> float:
    """The 99th of a hundred."""
    return took[(len(took) * 99 - 1) // 100]


def uncharged(server: Running, asked: int) -> list[str]:
    """What the gateway's counters say otherwise than the books of the provider, which was asked so often."""
    found = current(server)
    tally = found["models"]["one/m"]
    (requests, _), (tokens, _), (usd, _) = (limit(server, f"{each}_per_1d") for each in ("requests", "tokens", "cost"))
    stories = orjson.loads(server.request("GET", "/usage/requests?limit=1000")[2])["requests"]
    rows = {(each["outcome"], each["tokens"]["input"], each["tokens"]["output"], each["cost_usd"]) for each in stories}
    outcome, taken, given, price = rows.pop()
    held = sum(each["reserved"] for each in found["limits"])
    checks = {
        f"{len(rows)} stories are another than the last": not rows,
        f"{outcome} with {given} tokens": outcome == "client_left" and LEAST_OUTPUT <= given <= MOST_OUTPUT,
        f"{requests} requests used": requests == asked,
        f"{tokens} tokens used": tokens == asked * (taken + given),
        f"{usd} USD used": abs(usd - asked * price) < 1e-6,
        f"{held} held": not held,
        f"{tally['requests']} requests, {tally['attempts']} attempts, {tally['tokens']} tokens in the totals": (
            (tally["requests"], tally["attempts"], tally["tokens"]) == (asked, asked, tokens)
        ),
    }
    return [text for text, right in checks.items() if not right]


async def measured(folder: Path, count: int) -> int:
    """Print the table; the exit code."""
    books = Books({"m": chunked(fakes.ROLE, *[WORDS] * 10, ends=False)})
    async with provider(books) as url:
        with serving(folder, YAML.format(url=url)) as server:
            crowd = Crowd(books, server)
            await crowd.come(count)
            apart = await crowd.vanish(APART_S)
            print(row(f"{count} one after the other", apart), f"  (goal: p99 under {P99_S * 1e3:g} ms)")
            await crowd.come(count)
            print(row("as many in one moment", await crowd.vanish(0)))
            await asyncio.sleep(0.5)
            wrong = await asyncio.to_thread(uncharged, server, books.asked["m"])
    print(f"charged, of {books.asked['m']} that the upstream saw: {'all' if not wrong else 'NOT ALL'}")
    print(*wrong, sep="\n")
    return 1 if wrong or p99_of(apart) >= P99_S else 0


def main() -> int:
    """The exit code."""
    raise_file_limit()
    asked = [each for each in sys.argv[1:] if each != "--full"]
    count = int(asked[0]) if asked else CLIENTS
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measured(Path(folder), count))


if __name__ == "__main__":
    sys.exit(main())
