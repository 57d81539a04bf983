"""`GET /usage/historical`: what was served over time, as JSON and as CSV."""

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast, get_args

from aiohttp import web
from msgspec import Struct

from gateway.errors import BadRequestError
from gateway.history import WINDOWS, By, Tally
from gateway.limits.meters import rfc3339

from .answering import json_answer
from .keys import STATE

Metric = Literal["requests", "attempts", "tokens", "cost", "errors", "latency"]

METRICS: Final[Mapping[Metric, Callable[[Tally], float | None]]] = {
    "requests": lambda tally: tally.requests,
    "attempts": lambda tally: tally.attempts,
    "tokens": lambda tally: tally.tokens,
    "cost": lambda tally: tally.cost_nanousd / 1e9,
    "errors": lambda tally: tally.errors,
    "latency": lambda tally: tally.first_token_s,
}
"""What is told of a tally: counts, US dollars, and seconds to the first token, None where there was none."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Wanted(Struct, frozen=True):
    """What a query asks for."""

    window: str = "60m"
    by: By = "provider"
    metric: Metric = "requests"


def wanted(query: Mapping[str, str]) -> Wanted:
    """What `?window= &by= &metric=` say; empty ones as if they were not there. Raises BadRequestError."""
    usual = Wanted()
    window = _one_of("window", query.get("window") or usual.window, tuple(WINDOWS))
    by = _one_of("by", query.get("by") or usual.by, get_args(By))
    metric = _one_of("metric", query.get("metric") or usual.metric, tuple(METRICS))
    return Wanted(window, cast("By", by), cast("Metric", metric))


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise BadRequestError(f"{name} must be one of {', '.join(known)}.", param=name)
    return value


async def get_historical(request: web.Request) -> web.StreamResponse:
    """`?window=` one of `WINDOWS`, 60m unless told; `?by=` provider, model or client; `?metric=` one of `METRICS`."""
    ask = wanted(request.query)
    step_s, starts, series = _points(request, ask)
    return json_answer(
        {
            "window": ask.window,
            "step_s": step_s,
            "series": [
                {"id": name, "points": list(zip(starts, values, strict=True))} for name, values in series.items()
            ],
        }
    )


async def get_historical_csv(request: web.Request) -> web.StreamResponse:
    """The same as a table, a line per step and name."""
    ask = wanted(request.query)
    _, starts, series = _points(request, ask)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["at", ask.by, ask.metric])
    for name, values in series.items():
        table.writerows((at, _cell(name), value) for at, value in zip(starts, values, strict=True))
    return web.Response(
        text=text.getvalue(),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="usage-{ask.window}-{ask.by}-{ask.metric}.csv"'},
    )


def _points(request: web.Request, ask: Wanted) -> tuple[int, list[str | None], dict[str, list[Any]]]:
    """Seconds of a step, when each begins in RFC 3339, and by name a value for each."""
    state = request.app[STATE]
    reading = state.history.read(ask.by, ask.window, state.clock.now())
    value = METRICS[ask.metric]
    series = {name: [value(tally) for tally in tallies] for name, tallies in reading.series.items()}
    return reading.step_s, [rfc3339(start) for start in reading.starts], series


def _cell(name: str) -> str:
    """A name that no spreadsheet takes for a formula: under a wildcard, names come from clients."""
    return f"'{name}" if name.startswith(_FORMULA) else name
