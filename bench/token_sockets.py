"""Token limits over real sockets: a gateway process between clients and a provider that keeps its own books.

    python bench/token_sockets.py           20 s
    python bench/token_sockets.py --full    80 s: what the claims are made with

The same requests as on the virtual clock of `bench/token_limits.py`, and beside its figures for exactly these. Thirty
times as fast: a window is two seconds instead of a minute, and answers are streamed at 2,400 tokens a second. The
provider counts by the law of the limit, all of a request when it is asked and all of it when its last token is made.

1 if strict is crossed at all, if forecast is 2 % over on average, if the use is another by more than three points, if a
request fails, or if the gateway has counted other tokens than the provider.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import aiohttp
import orjson
from aiohttp import web

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.token_limits import shown  # noqa: E402 - the path comes first
from bench.tokens.recorded import Replayed, recorded  # noqa: E402
from bench.tokens.referees import Judgement, judged  # noqa: E402
from bench.tokens.scenarios import SCENARIOS, Scenario  # noqa: E402
from bench.tokens.traffic import Request, Traffic  # noqa: E402
from tests.acceptance.serving import serving  # noqa: E402
from tests.processes import Running  # noqa: E402

SPEED = 30
NAMES = ("chat-12k", "max8192-8k", "roll-12k")
MODES = ("forecast", "strict")
SEEDS = (1, 2, 3, 4, 5, 6)
QUICK_S, FULL_S = 20, 80
STEP_S = 0.01
"""Between two pieces of an answer."""
TEXT = "house "
"""A token of every answer, which the gateway estimates at one and a half."""
TOLERANCE = 3.0
"""Points by which the use may be another than on the virtual clock."""
HEAD = """\
use / over in % of the allowance: over is the mean of all windows, by the worse of two countings
worst: the worst window, counted at the end / when sent; cut: answers that strict ended

                      | virtual clock       worst   cut | real sockets        worst   cut | answered  refused"""


class Served:
    """One scenario under one mode, a model of its own: the provider's books, in seconds of the scenario."""

    def __init__(self, scenario: Scenario, mode: str, model: str, asked: list[Request]) -> None:
        self.scenario, self.mode, self.model = scenario, mode, model
        self.asked = [replace(each) for each in asked]
        self.traffic = Traffic(scenario, Random(0))  # noqa: S311 - nothing is drawn
        self.ended: list[tuple[float, float, Request]] = []
        self.refused = 0
        self.failed: list[str] = []

    @property
    def yaml(self) -> str:
        """The model with its limit."""
        (limit,) = self.scenario.limits
        strict = str(self.mode == "strict").lower()
        return (
            f"{self.model}: {{max_output: {self.scenario.max_output}, limits: {{tokens_per_{limit.per_s / SPEED:g}s: "
            f"{{amount: {limit.amount}, algorithm: {limit.algorithm}, strict: {strict}}}}}}}"
        )


class Provider:
    """Streams what each request wants, as far as it is let, and writes down when."""

    def __init__(self, runs: list[Served]) -> None:
        self.began = 0.0
        self.url = ""
        self._runs = {run.model: run for run in runs}

    def now(self) -> float:
        """Seconds of the scenario."""
        return (time.perf_counter() - self.began) * SPEED

    async def chat(self, http: web.Request) -> web.StreamResponse:
        """One answer."""
        sent = self.now()
        body = orjson.loads(await http.read())
        run = self._runs[body["model"]]
        request = run.asked[int(body["user"])]
        told = min(body.get("max_tokens") or run.scenario.max_output, run.scenario.max_output)
        request.output, request.cut = min(told, request.wants), told < request.wants
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(http)
        out, speaking_s = 0, request.duration_s - request.first_s
        while out < request.output:
            await asyncio.sleep(STEP_S)
            share = min(1.0, (self.now() - sent - request.first_s) / speaking_s)
            if (more := int(share * request.output) - out) > 0:
                out += more
                await response.write(_event({"content": TEXT * more}))
        usage = {"prompt_tokens": request.input, "completion_tokens": out, "total_tokens": request.input + out}
        # Now, since a clock that is read after the last byte is behind that of whoever has read it.
        run.ended.append((sent, self.now(), request))
        told_usage = (body.get("stream_options") or {}).get("include_usage")
        last = _event({}, "length" if request.cut else "stop", usage if told_usage else None)
        await response.write(last + b"data: [DONE]\n\n")
        return response


def _event(delta: dict[str, str], finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"choices": [choice], "usage": usage}) + b"\n\n"


@asynccontextmanager
async def listening(provider: Provider) -> AsyncIterator[None]:
    """The provider on a free port."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield
    await runner.cleanup()


async def ask(session: aiohttp.ClientSession, run: Served, n: int) -> None:
    """Send the n-th request, whose prompt is as long as its estimate says, and read the answer to its end."""
    request = run.asked[n]
    prompt = {"role": "user", "content": "x" * 4 * (request.estimate - 4)}
    body = {"model": f"one/{run.model}", "stream": True, "user": str(n), "messages": [prompt]}
    if request.max_tokens:
        body["max_tokens"] = request.max_tokens
    headers = {"authorization": f"Bearer key-of-{request.client}"}
    try:
        async with session.post("/v1/chat/completions", json=body, headers=headers) as answer:
            read = await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        run.failed.append(repr(error))
        return
    if answer.status == 429:
        run.refused += 1
    elif answer.status != 200 or not read.endswith(b"data: [DONE]\n\n"):
        run.failed.append(f"{answer.status} {read[-300:]!r}")


async def serve(runs: list[Served]) -> int:
    """Ask everything of all runs at its moment; the tokens that the gateway has counted."""
    provider = Provider(runs)
    clients = sorted({each.client for run in runs for each in run.asked})
    async with listening(provider):
        yaml = "\n".join(
            ["clients:", *(f"  {name}: {{key: key-of-{name}}}" for name in clients)]
            + [f"providers: {{one: {{base_url: '{provider.url}', limits: {{tokens_per_7d: 100G}}, models: {{"]
            + [f"  {run.yaml}," for run in runs]
            + ["}}}"]
        )
        with tempfile.TemporaryDirectory() as folder, serving(Path(folder), yaml) as server:
            await _ask_all(runs, provider, server)
            return _counted(server)


async def _ask_all(runs: list[Served], provider: Provider, server: Running) -> None:
    order = sorted(((n, run) for run in runs for n in range(len(run.asked))), key=lambda ask: ask[1].asked[ask[0]].came)
    base = f"http://127.0.0.1:{server.port}"
    async with (
        aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(limit=0)) as session,
        asyncio.TaskGroup() as tasks,
    ):
        provider.began = time.perf_counter()
        for n, run in order:
            await asyncio.sleep((run.asked[n].came - provider.now()) / SPEED)
            tasks.create_task(ask(session, run, n))


def _counted(server: Running) -> int:
    limits = orjson.loads(server.request("GET", "/usage/current")[2])["limits"]
    used: int = next(row["used"] for row in limits if row["window"] == "7d")
    return used


def _cell(rows: list[Judgement]) -> str:
    use, over, _ = shown(rows)
    worst = [max(row.worst[i] for row in rows) for i in (0, 1)]
    return f"{use:5.1f} /{over:5.2f} {worst[0]:5.1f} /{worst[1]:5.1f} {statistics.fmean(row.cut for row in rows):5.1f}"


def main() -> int:
    """Print the table; 1 if a goal was missed."""
    seconds = FULL_S if "--full" in sys.argv else QUICK_S
    runs: list[Served] = []
    virtual: list[Replayed] = []
    for name in NAMES:
        scenario = replace(SCENARIOS[name], seconds=float(seconds * SPEED))
        traces = [recorded(scenario, seed) for seed in SEEDS]
        for mode in MODES:
            for seed, asked in zip(SEEDS, traces, strict=True):
                runs.append(Served(scenario, mode, f"{name}-{mode}-{seed}", asked))
                virtual.append(Replayed(scenario, mode, asked))
                virtual[-1].run()
    counted, missed = asyncio.run(serve(runs)), list[str]()
    print(HEAD)
    for i in range(0, len(runs), len(SEEDS)):
        group = runs[i : i + len(SEEDS)]
        mode, name = group[0].mode, group[0].model.rpartition("-")[0]
        wanted, found = [judged(run) for run in virtual[i : i + len(SEEDS)]], [judged(run) for run in group]
        tallies = f"{sum(len(run.ended) for run in group):8} {sum(run.refused for run in group):8}"
        print(f"{name:21} | {_cell(wanted)} | {_cell(found)} | {tallies}")
        if mode == "strict" and any(max(row.worst) > 1e-6 for row in found):
            missed.append(f"{name}: crossed")
        if shown(found)[1] >= 2:
            missed.append(f"{name}: {shown(found)[1]:.1f} % over on average")
        if abs(shown(found)[0] - shown(wanted)[0]) > TOLERANCE:
            missed.append(f"{name}: the use is another than on the virtual clock")
    missed += [f"{run.model}: {run.failed[0]}" for run in runs if run.failed]
    booked = sum(each.input + each.output for run in runs for _, _, each in run.ended)
    print(f"tokens by the provider's books: {booked}; counted by the gateway: {counted}")
    if counted != booked:
        missed.append("the gateway has counted other tokens")
    print("", *missed or ["all goals met"], sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
