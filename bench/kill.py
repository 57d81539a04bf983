"""`kill -9` again and again under load: no charge is lost, no limit crossed, and it is back at once.

    python bench/kill.py [--kills 20] [--clients 100] [--fsync 1s|tick|never] [--full]

`--full` is 200 kills.

A provider here keeps its own books. After each life of 0.02 to 0.6 s the gateway is killed and started again; at the
end its counters are held against the books. Exits 1 if a charge was lost or a limit crossed.
"""

import argparse
import asyncio
import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import orjson
from aiohttp import web

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.processes import environment  # noqa: E402 - the path comes first

CHANCE = Random()  # noqa: S311 - no secret
REQUESTS = 30_000
TOKENS = 600_000
"""Limits per day: `small` runs into both, `large` into none."""
LIVES_S = (0.02, 0.6)
CONFIG = """
server:
  port: {port}
  log_level: warning
  snapshot: {{directory: {folder}/state, every: 150ms, fsync: {fsync}}}
providers:
  books:
    base_url: http://127.0.0.1:{upstream}/v1
    api_key: k
    models:
      small:
        price: free
        limits:
          requests_per_day: {requests}
          requests_per_5h: {requests}
          tokens_per_day: {{amount: {tokens}, strict: true}}
      large: {{price: free, limits: {{requests_per_day: 100M, requests_per_5h: 100M, tokens_per_day: 100G}}}}
"""


@dataclass
class Books:
    """What the provider saw, by model."""

    requests: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        """Take it down at once, answer a little later."""
        body = orjson.loads(await request.read())
        model, said = body["model"], CHANCE.randint(1, min(30, body.get("max_tokens", 30)))
        self.requests[model] = self.requests.get(model, 0) + 1
        self.tokens[model] = self.tokens.get(model, 0) + 10 + said
        await asyncio.sleep(CHANCE.random() * 0.03)
        return web.json_response(
            {
                "id": "x",
                "object": "chat.completion",
                "created": 1,
                "model": model,
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
                "usage": {"prompt_tokens": 10, "completion_tokens": said, "total_tokens": 10 + said},
            }
        )


async def client(url: str, over: asyncio.Event) -> None:
    """Ask without end; what a dead gateway says is nothing."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while not over.is_set():
            body = {
                "model": CHANCE.choice(("books/small", "books/large")),
                "messages": [{"role": "user", "content": "Say hello to all of us"}],
                "max_tokens": 30,
            }
            try:
                async with session.post(url, json=body) as answer:
                    await answer.read()
                    if answer.status != 200:
                        await asyncio.sleep(0.02)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.01)


def ready(port: int) -> bool:
    """Whether it serves."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    return False


async def start(config: Path, port: int) -> tuple[subprocess.Popen[bytes], float]:
    """A gateway that serves, and after how many seconds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    process = subprocess.Popen(command, cwd=config.parent, env=environment(config.parent))  # noqa: ASYNC220, S603 - our own
    while not await asyncio.to_thread(ready, port):
        if process.poll() is not None:
            raise SystemExit(f"the gateway ended with {process.returncode}")
        await asyncio.sleep(0.005)
    return process, time.perf_counter() - began


def counters(port: int) -> list[dict[str, Any]]:
    """Its limits, as it shows them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/usage/current")
    limits: list[dict[str, Any]] = orjson.loads(connection.getresponse().read())["limits"]
    return limits


def free_port() -> int:
    """A port that nobody uses now."""
    import socket  # noqa: PLC0415 - for this alone

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def kills(count: int, clients: int, fsync: str, folder: Path) -> int:
    """Run it; the exit code."""
    books = Books()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", books.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port, upstream = free_port(), runner.addresses[0][1]
    config = folder / "gateway.yaml"
    config.write_text(
        CONFIG.format(port=port, upstream=upstream, folder=folder, fsync=fsync, requests=REQUESTS, tokens=TOKENS),
        "utf-8",
    )
    over = asyncio.Event()
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    process, _ = await start(config, port)
    load = [asyncio.ensure_future(client(url, over)) for _ in range(clients)]
    starts = []
    for _ in range(count):
        await asyncio.sleep(CHANCE.uniform(*LIVES_S))
        process.kill()
        process.wait()
        process, took = await start(config, port)
        starts.append(took)
    over.set()
    await asyncio.gather(*load)
    code = report(counters(port), books, starts)
    process.terminate()
    process.wait()
    await runner.cleanup()
    return code


def report(limits: list[dict[str, Any]], books: Books, starts: list[float]) -> int:
    """Print gateway against books, a line per limit; 1 if a charge is lost or a limit crossed."""
    print(f"{'limit':44} {'seen':>9} {'counted':>9} {'lost':>6} {'over':>6} {'unsent':>7}")
    bad = 0
    for each in limits:
        model = each["scope"].rsplit("/", 1)[-1].split("@")[0]
        seen = (books.requests if each["unit"] == "requests" else books.tokens).get(model, 0)
        counted = round(each["used"] + each["reserved"])
        lost, over = max(0, seen - counted), max(0, seen - each["amount"])
        bad += lost + over
        name = f"{each['scope']} {each['unit']}/{each['window']}"
        print(f"{name:44} {seen:9} {counted:9} {lost:6} {over:6} {counted - seen:7}")
    print(f"back after {statistics.median(starts):.2f} s at the median, {max(starts):.2f} s at most")
    return 1 if bad else 0


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--fsync", default="1s")
    parser.add_argument("--full", action="store_true")
    said = parser.parse_args()
    if said.full:
        said.kills = 200
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(asyncio.run(kills(said.kills, said.clients, said.fsync, Path(folder))))


if __name__ == "__main__":
    main()
