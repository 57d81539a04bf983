"""The page `/usage` as values: what was served in a window, before it is HTML."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from gateway.catalog.catalog import Catalog
from gateway.clock import Moment
from gateway.history import By, Reading, Tally, added
from gateway.limits.meters import rfc3339
from gateway.state import State

from . import format as words
from .banner import Banner, banner
from .historical import Metric, Wanted
from .plot import REST, Plot, plot, said, time_range
from .tiles import Tile
from .view import snapshot_text

MOST_LINES = 30
"""Names with a line of their own in the table; the rest is one line."""
MOST_BARS = 10
TONES = ("s1", "s2", "s3", "s4")

_STEP = {1: "second", 5: "5 seconds", 10: "10 seconds", 60: "minute", 900: "15 minutes", 3600: "hour", 86400: "day"}
_NOUNS: Mapping[Metric, str] = {
    "requests": "Requests",
    "attempts": "Attempts",
    "tokens": "Tokens",
    "cost": "Cost",
    "errors": "Failures",
    "latency": "First token, mean",
}


class Line(Struct, frozen=True, kw_only=True):
    """A name with its numbers in the window."""

    name: str
    tone: str
    """Empty for the total."""
    requests: str
    share: str
    attempts: str
    failed: str
    tokens_in: str
    tokens_out: str
    first_token: str
    cost: str
    avoided: str


class Ranked(Struct, frozen=True, kw_only=True):
    """A name beside the others."""

    name: str
    width: float
    """0 to 100, of the busiest."""
    requests: str
    cost: str


class Past(Struct, frozen=True, kw_only=True):
    """The page. Whatever is a text is as it stands there."""

    at: str
    wanted: Wanted
    title: str
    range: str
    banner: Banner | None
    tiles: tuple[Tile, ...]
    plot: Plot
    lines: tuple[Line, ...]
    """Empty if there was no traffic."""
    total: Line
    models: tuple[Ranked, ...]
    clients: tuple[Ranked, ...]
    snapshot: str


def past(state: State, now: Moment, wanted: Wanted) -> Past:
    """Everything the page says at `now`."""
    zone = state.catalog.server.timezone
    by: dict[By, Reading] = {
        kind: state.history.read(kind, wanted.window, now) for kind in ("provider", "model", "client")
    }
    totals: dict[By, dict[str, Tally]] = {kind: reading.totals() for kind, reading in by.items()}
    reading, mine = by[wanted.by], totals[wanted.by]
    tones = _tones(wanted.by, list(mine), state.catalog)
    title = f"{_NOUNS[wanted.metric]} per {_STEP[reading.step_s]}"
    told = time_range(reading, now, zone)
    return Past(
        at=rfc3339(now.wall) or "",
        wanted=wanted,
        title=title,
        range=told,
        banner=banner(state.config.path, state.config.problems, words.clock(state.config.loaded_at, zone)),
        tiles=_tiles(wanted.window, added(totals["client"].values()), added(totals["provider"].values()).errors),
        plot=plot(reading, wanted.metric, tones, zone, f"{title} by {wanted.by}, {told}. The table has the totals."),
        lines=tuple(_lines(mine, tones)),
        total=_line("Total", "", added(mine.values()), added(mine.values())),
        models=_ranked(totals["model"]),
        clients=_ranked(totals["client"]),
        snapshot=snapshot_text(state, now),
    )


def _tones(by: By, names: Sequence[str], catalog: Catalog) -> dict[str, str]:
    """A colour for each name. A provider keeps its own in every chart; of the others, the busiest have one."""
    coloured = [each.id for each in catalog.providers.values() if not each.idle] if by == "provider" else names
    tones = dict(zip(coloured, TONES, strict=False))
    return {name: tones.get(name, REST) for name in names}


def _tiles(window: str, total: Tally, failed_attempts: int) -> tuple[Tile, ...]:
    answered = total.requests - total.errors
    return (
        Tile(title=f"Cost, {window}", value=words.money(total.cost_nanousd), base=_each(total)),
        Tile(
            title="Served at zero cost",
            value=words.share(total.free_requests, answered),
            base=f"{words.count(total.free_requests)} of {words.count(answered)} answered",
        ),
        Tile(
            title="List price avoided",
            value=words.money(total.list_price_nanousd),
            base="by the free answers",
        ),
        Tile(
            title="Requests",
            value=words.count(total.requests),
            base=f"{words.plural(failed_attempts, 'failed attempt')} behind them",
        ),
        Tile(
            title="Tokens",
            value=words.count(total.tokens),
            base=f"{words.count(total.input)} in · {words.count(total.output)} out",
        ),
        Tile(
            title="First token, mean",
            value=words.lapse(total.first_token_s),
            base=f"of {words.plural(total.first_tokens, 'answer')}",
        ),
    )


def _each(total: Tally) -> str:
    """What a request cost, on average."""
    return f"{words.money(round(total.cost_nanousd / total.requests))} a request" if total.requests else "no request"


def _lines(mine: Mapping[str, Tally], tones: Mapping[str, str]) -> list[Line]:
    total = added(mine.values())
    shown = [_line(said(name), tones[name], tally, total) for name, tally in list(mine.items())[:MOST_LINES]]
    rest = list(mine.values())[MOST_LINES:]
    if rest:
        shown.append(_line(f"{len(rest)} others", REST, added(rest), total))
    return shown


def _line(name: str, tone: str, tally: Tally, total: Tally) -> Line:
    return Line(
        name=name,
        tone=tone,
        requests=words.count(tally.requests),
        share=words.share(tally.requests, total.requests),
        attempts=words.count(tally.attempts),
        failed=words.count(tally.errors),
        tokens_in=words.count(tally.input),
        tokens_out=words.count(tally.output),
        first_token=words.lapse(tally.first_token_s),
        cost=words.money(tally.cost_nanousd),
        avoided=words.money(tally.list_price_nanousd),
    )


def _ranked(totals: Mapping[str, Tally]) -> tuple[Ranked, ...]:
    """The busiest, with bars beside each other."""
    busiest = [(name, tally) for name, tally in totals.items() if tally.requests][:MOST_BARS]
    return tuple(
        Ranked(
            name=said(name),
            width=round(100 * tally.requests / busiest[0][1].requests, 1),
            requests=words.count(tally.requests),
            cost=words.money(tally.cost_nanousd),
        )
        for name, tally in busiest
    )
