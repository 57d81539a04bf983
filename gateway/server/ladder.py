"""Next for NAME: every target of a name in the order it would be tried now, and what keeps each from it."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from gateway.catalog.catalog import Target
from gateway.limits.shorthand import parse_key

from . import format as words
from .bars import Bar
from .feed import Tone
from .standing import Obstacles

_WINDOWS = {
    "second": "this second",
    "minute": "this minute",
    "hour": "this hour",
    "day": "today",
    "week": "this week",
    "month": "this month",
}


class Rung(Struct, frozen=True, kw_only=True):
    """One target."""

    place: int
    name: str
    tag: str
    tone: Tone
    text: str
    kind: Literal["next", "passed", "ready"]


class Ladder(Struct, frozen=True, kw_only=True):
    """The targets of one name, and the names to choose from."""

    name: str
    names: tuple[str, ...]
    rungs: tuple[Rung, ...]
    ready: str
    """`4 of 7 ready`."""


def ladder(
    name: str, names: Sequence[str], ordered: Sequence[Target], obstacles: Obstacles, *, paid: Sequence[str]
) -> Ladder:
    """The ladder of `name`. `paid` is what server and meta-model say about money; a small request is assumed."""
    rungs: list[Rung] = []
    for place, target in enumerate(ordered, 1):
        taken = any(rung.kind == "next" for rung in rungs)
        rungs.append(_rung(place, target, obstacles, paid, taken=taken, last=place == len(ordered)))
    ready = sum(rung.kind != "passed" for rung in rungs)
    return Ladder(
        name=name, names=tuple(names), rungs=tuple(rungs), ready=f"{words.count(ready)} of {len(rungs)} ready"
    )


def _rung(place: int, target: Target, obstacles: Obstacles, paid: Sequence[str], *, taken: bool, last: bool) -> Rung:
    tag, tone, text = _obstacle(target, obstacles, paid)
    if tag:
        return Rung(place=place, name=_name(target), tag=tag, tone=tone, text=text, kind="passed")
    text = " · ".join(filter(None, [_grade(target), "free" if target.free else "paid", _room(target, obstacles)]))
    if not taken:
        return Rung(place=place, name=_name(target), tag="next", tone="ok", text=text, kind="next")
    tag = "last" if last and not target.free else "ready"
    return Rung(place=place, name=_name(target), tag=tag, tone="", text=text, kind="ready")


def _obstacle(target: Target, obstacles: Obstacles, paid: Sequence[str]) -> tuple[str, Tone, str]:
    """Tag, its colour and the reason; an empty tag if nothing is in the way."""
    if target.idle:
        return ("no key" if target.idle == "no_key" else "off"), "", f"skipped: {target.idle_text}"
    if not target.free and "never" in paid:
        return "not allowed", "", "costs money, and paid is never"
    if not target.free and target.price is None and any(meter.unit == "cost" for meter in target.meters):
        return "not allowed", "", "its price is not known, and there is a cost limit"
    if rest := obstacles.rest(target):
        return words.countdown(rest.left_s), "warn", f"{_grade(target)} · cooling down: {rest.cause}"
    if full := obstacles.full(target):
        return "used up", "bad", " · ".join(filter(None, [_grade(target), _taken(full)]))
    if busy := obstacles.busy(target):
        return "busy", "warn", f"{_grade(target)} · {busy.label}: what was left is held by running requests"
    if not target.free and "opt_in" in paid:
        return "on request", "", "costs money: only with the header x-gateway-paid: yes"
    return "", "", ""


def _name(target: Target) -> str:
    return f"{target.id} #{target.key}" if target.key else target.id


def _grade(target: Target) -> str:
    return f"grade {target.grade:g}"


def _room(target: Target, obstacles: Obstacles) -> str:
    """`8 of 30 left this minute`: the limit with the least share left."""
    found = [bar for bar in obstacles.limits(target) if bar.used_text]
    if not found:
        return ""
    tightest = max(found, key=lambda bar: bar.share)
    left = max(0, tightest.amount - tightest.used - tightest.reserved)
    unit, when = _unit_and_window(tightest)
    if unit == "cost":
        return f"{words.money(left)} of {tightest.amount_text} left {when}"
    noun = "" if unit == "requests" else f" {unit}"
    return f"{words.exact(left)} of {tightest.amount_text}{noun} left {when}"


def _taken(full: Bar) -> str:
    unit, when = _unit_and_window(full)
    noun = "" if unit in {"requests", "cost"} else f" {unit}"
    return f"{full.used_text} of {full.amount_text}{noun} {when}" + (
        f", {full.back.removeprefix('used up, ')}" if full.back else ""
    )


def _unit_and_window(bar: Bar) -> tuple[str, str]:
    unit, window = parse_key(bar.id.rpartition(":")[2]) or ("", "")
    return unit.replace("_", " "), _WINDOWS.get(window, f"in {window}" if window else "now")
