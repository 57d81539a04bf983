"""Limits as bars: how full, the numbers beside, and when there is room again."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from gateway.clock import Moment
from gateway.limits.calendars import CalendarWindow
from gateway.limits.first_use import FirstUseWindow
from gateway.limits.ledger import Ledger
from gateway.limits.meters import Gauge, gauge
from gateway.limits.reported import Reported
from gateway.limits.rules import TokenBucket
from gateway.limits.shorthand import window_s
from gateway.limits.terms import Meter

from . import format as words

Level = Literal["ok", "warn", "hot", "bad"]
"""Green, amber, orange, red."""

NEAR = 0.9
_HOUR_S = 3600
_SHORT = {"second": "s", "minute": "min"}
_ALONE = {"concurrent_requests": "concurrent", "tokens_per_request": "tokens/request"}


class Bar(Struct, frozen=True, kw_only=True):
    """One limit. Numbers are counts, of `cost` nano-dollars."""

    id: str
    scope: str
    part: str
    """The scope within its provider: `llama-3.1-8b-instant`, `key home`, `pool free`; empty for all of it."""
    label: str
    """`requests/min`."""
    level: Level
    share: float
    """Of the amount, what is used or held by running requests: 0 to 1."""
    used: int
    reserved: int
    amount: int
    used_text: str
    """Empty for what is never used up: the most that one request may be."""
    amount_text: str
    fill: float
    """Per cent of the bar that is used."""
    held: float
    """Per cent behind it that running requests hold."""
    notes: tuple[str, ...] = ()
    back: str = ""
    """`resets 00:00 Pacific, in 17 h 28 m`; empty where nothing is used."""


def level(share: float) -> Level:
    """Green below 70 %, amber from there, orange from 90, red at 100."""
    return "bad" if share >= 1 else "hot" if share >= NEAR else "warn" if share >= 0.7 else "ok"


def bars(meters: Iterable[Meter], ledger: Ledger, now: Moment) -> tuple[Bar, ...]:
    """The limits in their order."""
    return tuple(bar(meter, ledger, now) for meter in meters)


def bar(meter: Meter, ledger: Ledger, now: Moment) -> Bar:
    """One limit as it stands."""
    found = gauge(meter, ledger, now)
    # What somebody else used is as good as used.
    used = found.amount - found.remaining - found.reserved if found.reported else found.used
    taken = used + found.reserved
    share = min(1.0, taken / found.amount) if found.amount else 1.0
    fill = 100 * min(1.0, used / found.amount) if found.amount else 100.0
    money = meter.unit == "cost"
    back = _back(meter, found, now)
    telling = bool(back) and (found.remaining == 0 or window_s(meter.window) >= _HOUR_S)
    return Bar(
        id=meter.id,
        scope=meter.scope,
        part=part(meter),
        label=_label(meter),
        # Running at once is no use: who is full of it is busy, and used up by nothing.
        level="hot" if found.amount and share >= 1 and meter.unit == "concurrent_requests" else level(share),
        share=share,
        used=used,
        reserved=found.reserved,
        amount=found.amount,
        used_text=_used(meter, used, found),
        amount_text=words.money(found.amount) if money else words.count(found.amount),
        fill=round(fill, 1),
        held=round(max(0.0, 100 * share - fill), 1),
        notes=(*([back] if telling else []), *([_reported(found.reported)] if found.reported else [])),
        back=back,
    )


def _label(meter: Meter) -> str:
    unit = meter.unit.replace("_", " ")
    return f"{unit}/{_SHORT.get(meter.window, meter.window)}" if meter.window else _ALONE[meter.unit]


def _used(meter: Meter, used: int, found: Gauge) -> str:
    match meter.unit:
        case "cost":
            return words.money(used)
        case "concurrent_requests":
            return words.exact(found.reserved)
        case "tokens_per_request":
            return ""
    return words.exact(used)


def _reported(told: Reported) -> str:
    """`reported by groq: 312 used elsewhere`."""
    if told.shut:
        return f"reported by {told.by} as used up"
    elsewhere = f": {words.exact(told.drift)} used elsewhere" if told.drift else ""
    return f"reported by {told.by}{elsewhere}"


def part(meter: Meter) -> str:
    """What of its provider a limit is for: a model, a key, an account, a pool it shares; empty for all of it."""
    if meter.scope_type == "pool":
        return f"pool {meter.scope}"
    head, _, account = meter.scope.partition("#")
    model = head.partition("/")[2] if meter.scope_type == "model" else ""
    if meter.scope_type == "key":
        return f"key {account}"
    return ", ".join(filter(None, [model, f"account {account}" if account else ""]))


def _back(meter: Meter, found: Gauge, now: Moment) -> str:
    """When there is room again, in the limit's own zone."""
    if not found.amount:
        return "allows nothing"
    if found.remaining == 0:
        return _room_again(meter, found, now)
    if not found.used or found.resets_at is None:
        return ""
    left = words.wait(found.resets_at - now.wall)
    match meter.rule:
        case CalendarWindow(timezone=zone):
            return f"resets {words.reset(found.resets_at, zone, now.wall)}, in {left}"
        case TokenBucket():
            return f"full again in {left}"
        case FirstUseWindow():
            return f"its window ends in {left}"
    return f"the oldest use expires in {left}"


def _room_again(meter: Meter, found: Gauge, now: Moment) -> str:
    if found.opens_at is None:
        return "all of it is held by running requests" if found.reserved else ""
    left = words.wait(found.opens_at - now.wall)
    if isinstance(meter.rule, CalendarWindow):
        return f"used up, back {words.reset(found.opens_at, meter.rule.timezone, now.wall)}, in {left}"
    return f"used up, room again in {left}"


def lasts(found: Bar) -> bool:
    """Whether it is a limit worth a line: a second's is full and empty again before anybody has read it."""
    return window_s(found.id.rpartition("_per_")[2]) >= 60


class Group(Struct, frozen=True, kw_only=True):
    """Bars of one part of a provider, under its name."""

    title: str
    bars: tuple[Bar, ...]


def grouped(found: Sequence[Bar], most: int | None) -> tuple[Group, ...]:
    """Bars under the names of their parts; with `most`, only as many: the provider's own, then the fullest."""
    kept = sorted(range(len(found)), key=lambda i: (bool(found[i].part), -found[i].share, i))[:most]
    groups: dict[str, list[Bar]] = {}
    said = set[str]()
    for each in (found[i] for i in sorted(kept)):
        # A card of ten limits that end at midnight says so once.
        fresh = tuple(note for note in each.notes if note not in said or each.level == "bad")
        said.update(fresh)
        groups.setdefault(each.part, []).append(replace(each, notes=fresh))
    return tuple(Group(title=title, bars=tuple(some)) for title, some in groups.items())
