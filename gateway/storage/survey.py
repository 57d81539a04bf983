"""What a snapshot folder says, looked at without changing anything: while a gateway writes it, or after it is gone."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from gateway.clock import Moment
from gateway.errors import StartError
from gateway.limits.counters import Remembered
from gateway.limits.terms import Meter

from .changes import replay
from .journal import Read, journals, read_journals
from .snapshot import DamagedError, Recorded, read


class Count(Struct, frozen=True, kw_only=True):
    """One limit, as a start would take it up. Amounts are in its unit; `cost` is nano-dollars."""

    id: str
    used: float
    """By the limit's law, what time gave back not counted."""
    held: int
    """By requests that were under way; a start counts it as used."""
    amount: int
    unit: str


class Survey(Struct, frozen=True, kw_only=True):
    """A folder, read."""

    files: tuple[tuple[str, str], ...]
    """Name, and what there is to say of it."""
    limits: tuple[Count, ...]
    replayed: int
    skipped: int


def survey(directory: Path, meters: Sequence[Meter], now: Moment) -> Survey:
    """What is in the folder. `meters` are the configuration's. Blocks."""
    files: list[tuple[str, str]] = []
    dump: dict[str, Any] = {}
    newest: Recorded | None = None
    for name in ("state.json", "state.prev.json"):
        try:
            recorded, found = read(directory / name)
        except FileNotFoundError:
            continue
        except (DamagedError, OSError, StartError) as error:
            files.append((name, f"cannot be used: {error}"))
            continue
        files.append((name, _snapshot(recorded, now)))
        if newest is None or recorded.gen > newest.gen:
            newest, dump = recorded, found
    reads: list[Read] = []
    try:
        reads += read_journals(directory, newest.journal if newest else 0)
    except StartError as error:
        files.append(("journal", f"cannot be used: {error}"))
    needed = {each.path for each in reads}
    files += [(each.path.name, _journal(each)) for each in reads]
    files += [(path.name, "older than the snapshot") for _, path in journals(directory) if path not in needed]
    replayed = replay(dump.get("ledger", {}), chain.from_iterable(each.records for each in reads), meters)
    counts = [_count(id_, entry, now) for id_, entry in sorted(replayed.ledger.items())]
    return Survey(files=tuple(files), limits=tuple(counts), replayed=replayed.replayed, skipped=replayed.skipped)


def _snapshot(recorded: Recorded, now: Moment) -> str:
    age_s = max(0.0, now.wall - recorded.saved_wall)
    return f"format {recorded.v}, snapshot {recorded.gen}, {age_s:,.0f} s old, followed by journal {recorded.journal}"


def _journal(each: Read) -> str:
    count = f"{len(each.records)} records"
    return f"{count}, {each.problem}" if each.problem else count


def _count(id_: str, entry: object, now: Moment) -> Count:
    found = msgspec.convert(entry, Remembered)
    rule = found.meter.rule
    used = rule.used(rule.load(found.values, now), now)
    return Count(id=id_, used=used, held=found.held, amount=rule.capacity, unit=found.meter.unit)
