"""The YAML replaced again and again under load, and what running streams notice of a reload of 10,000 models.

`bench/reload.py [REPLACEMENTS | --full]`: 300 if none are named, 10,000 in full (26 minutes). Goals: no request fails,
the counters are those of the upstream; a chunk of a stream comes at most 5 ms late at p99.
"""

import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import saving  # noqa: E402 - the path comes first
from tests.processes import Running, running  # noqa: E402

EAGER = (sys.executable, "-m", "tests.eager")
CLIENTS = 6
STREAMS = 20
CHUNK_S = 0.01
MODELS = 10_000
PATIENCE_S = 30.0
PAUSE_S = 0.005
slowest_s = [0.0]
"""The longest save: in pieces, ten pauses. If the writer itself is held up, half a file may come to rest."""
PROMPT, COMPLETION = 3, 5
USAGE = {"prompt_tokens": PROMPT, "completion_tokens": COMPLETION, "total_tokens": PROMPT + COMPLETION}
DONE = b"data: [DONE]\n\n"

SMALL = """\
# edition {n:06}
providers:
  one:
    base_url: {url}
    limits: {{requests_per_month: 1{n:06}, tokens_per_7d: 9{n:06}00}}
    models:
      m:
        aliases: [edition-{n:06}]
meta_models:
  base: {{targets: [one/m]}}
"""
BROKEN: tuple[Callable[[bytes], bytes], ...] = (
    lambda good: good.replace(b"requests_per_month", b"request_per_month"),
    lambda good: good.replace(b"limits: {", b"limits: {{"),
    lambda good: good.replace(b"one/m", b"one/n"),
    lambda good: good + b"providers: {}\n",
    lambda _: b"",
    lambda good: good.replace(b"aliases", b"ali\xff\xfeses"),
    lambda good: good.replace(b"    models:", b"\tmodels:"),
)
"""Each makes a configuration that must not come in force."""


class Upstream:
    """Answers at once or in a stream, and keeps the ledger."""

    def __init__(self, chunks: int, pause_s: float) -> None:
        self.requests = 0
        self._chunks = chunks
        self._pause_s = pause_s
        self.url = ""

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """One answer. Each chunk of a stream says when it was written."""
        self.requests += 1
        if not orjson.loads(await request.read()).get("stream"):
            message = {"role": "assistant", "content": "hi"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return web.Response(
                body=orjson.dumps({"id": "x", "object": "chat.completion", "choices": [choice], "usage": USAGE}),
                content_type="application/json",
            )
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(self._chunks):
            await response.write(_event({"content": f"@{time.perf_counter_ns()}@"}))
            await asyncio.sleep(self._pause_s)
        await response.write(_event({}, "stop") + DONE)
        return response


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    body = {"id": "x", "object": "chat.completion.chunk", "choices": [_choice(delta, finish)]}
    return b"data: " + orjson.dumps({**body, **({"usage": USAGE} if finish else {})}) + b"\n\n"


def _choice(delta: dict[str, str], finish: str | None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


@asynccontextmanager
async def serving(upstream: Upstream) -> AsyncIterator[None]:
    """The upstream on a free port."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", upstream.chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield
    await runner.cleanup()


class Client:
    """One caller after another's answer, every second time a stream."""

    def __init__(self, session: aiohttp.ClientSession, server: Running) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{server.port}"
        self.failed: list[object] = []
        self.took_s: list[float] = []
        self.late_ms: list[tuple[float, float]] = []
        """When each chunk arrived, and how late."""
        self.stopped = False

    async def run(self, *, only_streams: bool = False) -> None:
        """Until it is stopped."""
        stream = only_streams
        while not self.stopped:
            began = time.perf_counter()
            try:
                await self.ask(stream=stream)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                self.failed.append(error)
            self.took_s.append(time.perf_counter() - began)
            stream = only_streams or not stream
            await asyncio.sleep(0.01)

    async def ask(self, *, stream: bool, model: str = "base") -> None:
        """One request. Raises ValueError for an answer that is not whole."""
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
        async with self._session.post(f"{self._url}/v1/chat/completions", json=body) as answer:
            tail = b""
            async for piece in answer.content.iter_any():
                now = time.perf_counter_ns()
                parts = piece.split(b"@")
                self.late_ms += [(now / 1e9, (now - int(at)) / 1e6) for at in parts[1::2] if at.isdigit()]
                tail = (tail + piece)[-2000:]
            if answer.status != 200 or (stream and not tail.endswith(DONE)):
                raise ValueError(f"{answer.status} {tail[-300:]!r}")

    async def json(self, path: str) -> dict[str, object]:
        """What a page says."""
        async with self._session.get(self._url + path) as answer:
            found: dict[str, object] = orjson.loads(await answer.read())
            return found


async def replaced(client: Client, holds: Callable[[dict[str, object]], bool], interval_s: float = 0.02) -> None:
    """Wait until `/health` says of the configuration what `holds` asks. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(await client.json("/health")):  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(interval_s)


def _in_force(content: bytes) -> Callable[[dict[str, object]], bool]:
    wanted = hashlib.sha256(content).hexdigest()
    return lambda said: said["config"]["hash"] == wanted and not said["config"]["error"]  # type: ignore[index] # JSON


def _refused(said: dict[str, object]) -> bool:
    return bool(said["config"]["error"])  # type: ignore[index] # JSON


async def replacements(count: int) -> bool:
    """Every way of saving in turn, every fourth save broken, under load; whether all went well."""
    upstream = Upstream(3, 0.02)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "config/gateway.yaml"
        path.parent.mkdir()
        async with serving(upstream), aiohttp.ClientSession() as session:
            path.write_text(SMALL.format(n=0, url=upstream.url), "utf-8")
            with running(Path(name), command=EAGER) as server:
                clients = [Client(session, server) for _ in range(CLIENTS)]
                async with asyncio.TaskGroup() as tasks:
                    for client in clients:
                        tasks.create_task(client.run())
                    began, memory, missed = time.perf_counter(), resident_mb(server), 0
                    for n in range(1, count + 1):
                        missed += not await _replace(clients[0], path, upstream.url, n)
                        if n % 1000 == 0:
                            print(f"  {n} after {time.perf_counter() - began:.0f} s", flush=True)
                    took_s = time.perf_counter() - began
                    for client in clients:
                        client.stopped = True
                await asyncio.sleep(0.2)
                limits = (await clients[0].json("/usage/current"))["limits"]
                used = {row["unit"]: row["used"] for row in limits}  # type: ignore[attr-defined] # JSON
                after = resident_mb(server)
    failed = [each for client in clients for each in client.failed]
    asked = sum(len(client.took_s) for client in clients)
    times = sorted(1000 * each for client in clients for each in client.took_s)
    tokens = upstream.requests * (PROMPT + COMPLETION)
    print(f"{count} replacements in {took_s:.0f} s, {count // 4} of them broken; not noticed as due: {missed}")
    print(f"the longest save took {1000 * slowest_s[0]:.0f} ms; a file is at rest after 100 ms")
    print(f"requests {asked}, failed {len(failed)} {failed[:3]}")
    print(f"answers, half of them streams of 60 ms: p50 {_at(times, 50):.0f} ms, p99.9 {_at(times, 99.9):.0f} ms")
    print(f"upstream's ledger: {upstream.requests} requests, {tokens} tokens; counted: {used}")
    print(f"memory of the gateway: {memory:.1f} -> {after:.1f} MB")
    return not failed and not missed and used == {"requests": upstream.requests, "tokens": tokens}


async def _replace(client: Client, path: Path, url: str, n: int) -> bool:
    """Save the n-th edition; whether it was taken over or refused as it should be."""
    good = SMALL.format(n=n, url=url).encode()
    save = saving.WAYS[n % len(saving.WAYS)]
    broken = n % 4 == 0
    content = BROKEN[n // 4 % len(BROKEN)](good) if broken else good
    saved = await asyncio.to_thread(_save, save, path, content)
    try:
        await replaced(client, _refused if broken else _in_force(saved))
    except TimeoutError:
        print(f"  edition {n} by {save.__name__} was not noticed: {content!r}")
        return False
    return True


def _save(save: saving.Save, path: Path, content: bytes) -> bytes:
    """Save, and what there is then: some ways write other bytes."""
    began = time.perf_counter()
    save(path, content, PAUSE_S)
    slowest_s[0] = max(slowest_s[0], time.perf_counter() - began)
    return path.read_bytes()


async def stalls() -> bool:
    """Delays of chunks without and with a reload of 10,000 models; whether p99 grew by 5 ms at most."""
    upstream = Upstream(100, CHUNK_S)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "config/gateway.yaml"
        path.parent.mkdir()
        async with serving(upstream), aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            path.write_bytes(large(upstream.url, 100_000))
            editions = [large(upstream.url, amount) for amount in (200_000, 300_000, 400_000)]
            with running(Path(name)) as server:
                clients = [Client(session, server) for _ in range(STREAMS)]
                async with asyncio.TaskGroup() as tasks:
                    for client in clients:
                        tasks.create_task(client.run(only_streams=True))
                    await asyncio.sleep(2)
                    moments = [time.perf_counter()]
                    await asyncio.sleep(5)
                    moments.append(time.perf_counter())
                    memory = resident_mb(server)
                    for content in editions:
                        await asyncio.to_thread(saving.rename, path, content, 0)
                        await replaced(clients[0], _in_force(content), 0.2)
                        await asyncio.sleep(0.5)
                    moments.append(time.perf_counter())
                    for client in clients:
                        client.stopped = True
                after = resident_mb(server)
    found = []
    for label, (begin, end) in zip(("at rest", "while it is reloaded"), pairwise(moments), strict=True):
        late = sorted(ms for client in clients for at, ms in client.late_ms if begin <= at < end)
        found.append(_at(late, 99))
        print(f"{label:>20}, {end - begin:4.1f} s: {len(late):6} chunks, late by " + ", ".join(_figures(late)))
    failed = [each for client in clients for each in client.failed]
    print(f"{MODELS} models, 3 reloads; failed streams: {len(failed)}; memory {memory:.0f} -> {after:.0f} MB")
    return not failed and found[1] - found[0] <= 5


def large(url: str, amount: int) -> bytes:
    """Ten thousand models, each with a limit, a price and an alias."""
    lines = ["providers:"]
    for n in range(MODELS):
        if n % 100 == 0:
            lines += [
                f"  p{n // 100}:",
                f"    base_url: {url}",
                f"    limits: {{requests_per_day: {amount}}}",
                "    models:",
            ]
        lines.append(
            f"      m{n}: {{limits: {{tokens_per_day: {amount}}}, price: {{input: 1, output: 2}}, aliases: [a{n}]}}"
        )
    return "\n".join([*lines, "meta_models: {base: {targets: [p0/m0]}}\n"]).encode()


def _figures(late: list[float]) -> Iterator[str]:
    for percent in (50, 99, 99.9, 100):
        yield f"p{percent} {_at(late, percent):.2f} ms"


def _at(values: list[float], percent: float) -> float:
    return values[min(len(values) - 1, int(len(values) * percent / 100))] if values else float("nan")


def resident_mb(server: Running) -> float:
    """Resident memory, in megabytes of 10^6 bytes (Linux)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


def main() -> int:
    """Both, and 1 if a goal was missed."""
    asked = sys.argv[1] if len(sys.argv) > 1 else "300"
    count = 10_000 if asked == "--full" else int(asked)
    return 0 if all([asyncio.run(stalls()), asyncio.run(replacements(count))]) else 1


if __name__ == "__main__":
    os.environ.pop("GATEWAY_CONFIG", None)
    sys.exit(main())
