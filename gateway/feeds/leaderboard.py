"""BigCodeBench as it is published, read into the rows of our leaderboard."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from gateway.catalog.catalog import Catalog
from gateway.leaderboard import Leaderboard, Row

from .fetch import Feed

URL: Final = "https://bigcode-bench.github.io/results.json"
"""Public, without a key; 202 rows of 76 kB in April 2025, when it was last changed."""

LEAST_ROWS = 50
"""Fewer is another file, or half of this one."""
EVERY_S = 7 * 86400.0
"""How old it may get: it changes rarely, if at all."""
_MOST_ROWS = 10_000
_MOST_NAME = 200


class _Entry(Struct, frozen=True):
    """One model as BigCodeBench publishes it."""

    scores: dict[str, float | None] = msgspec.field(name="pass@1", default_factory=dict)
    date: Any = None


def parse(body: bytes) -> dict[str, Row]:
    """The rows of BigCodeBench's `results.json` that hold a score. Raises ValueError for anything else.

    `{"GPT-4o-2024-11-20": {"pass@1": {"instruct": 48.0, "complete": 58.9}, "date": "2024-11-20", ...}}`, in percent.
    """
    try:
        entries = msgspec.json.decode(body, type=dict[str, _Entry])
        found = {name: _row(entry) for name, entry in entries.items() if len(name) <= _MOST_NAME}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no leaderboard: {error}") from None
    rows = {name: row for name, row in found.items() if row.percent is not None}
    if not LEAST_ROWS <= len(rows) <= _MOST_ROWS:
        raise ValueError(f"no leaderboard: {len(rows)} rows with a score")
    return rows


def check(body: bytes, before: bytes | None) -> None:
    """Raises ValueError, with the reason, if `body` cannot be a leaderboard, or not the one after `before`."""
    new, old = len(parse(body)), len(parse(before)) if before is not None else 0
    if new * 2 < old:
        raise ValueError(f"no leaderboard: {new} rows with a score, and {old} before")


def cached(folder: Path) -> Leaderboard | None:
    """The one that was fetched last; None if there is none. `folder` is that of the snapshots. Blocks."""
    found = FEED.cached(folder)
    if found is None:
        return None
    day = datetime.fromtimestamp(found.checked_at, UTC).date().isoformat()
    try:
        return Leaderboard(parse(found.body), f"fetched {day}")
    except ValueError:
        return None  # of an older version of this program, which knew another shape


def _every_s(catalog: Catalog) -> float | None:
    return EVERY_S if catalog.fetch_leaderboard else None


FEED = Feed(name="leaderboard", url=URL, check=check, every_s=_every_s)


def _row(entry: _Entry) -> Row:
    """Checked, and the date only where it is a text."""
    scores = {kind: entry.scores.get(kind) for kind in ("instruct", "complete")}
    date = entry.date if isinstance(entry.date, str) else ""
    return msgspec.convert({**scores, "date": date}, Row)
