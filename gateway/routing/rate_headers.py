"""What an answer's rate-limit headers report, whatever its status.

The names differ (wire facts, 1.9, 2.6 and 6), the words in them hardly do, and their order does not matter:
`x-ratelimit-remaining-tokens-minute`, `anthropic-ratelimit-input-tokens-remaining`, `x-ratelimitbysize-limit-minute`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from gateway.clock import Moment
from gateway.limits.shorthand import Unit

from .quota_names import UNKNOWN, Counted
from .reset_times import seconds_until


class Report(Struct, frozen=True, kw_only=True):
    """How one limit stands upstream. At least one of `limit` and `remaining` is known."""

    unit: Counted = UNKNOWN
    window: str = UNKNOWN
    """As limits spell it, where the header or the text names it."""
    limit: int | None = None
    remaining: int | None = None
    resets_at: float | None = None
    """Unix time at which all of it is there again; until then what is said of it holds."""


class _Name(Struct, frozen=True):
    """A header's name, taken apart."""

    aspect: str
    words: tuple[str, ...]
    """What it is about: the same in `limit`, `remaining` and `reset`."""
    general: tuple[str, ...]
    """The same without the window: Mistral's reset names none."""
    unit: Unit
    window: str


_FAMILIES = ("ratelimit", "rate-limit", "tokenlimit", "-call-limit", "-call-remaining")
_ASPECTS = {"limit", "remaining", "reset"}
_UNITS: dict[str, Unit] = {
    "requests": "requests",
    "request": "requests",
    "req": "requests",
    "call": "requests",
    "tokens": "tokens",
    "token": "tokens",
    "tokenlimit": "tokens",
    "ratelimitbysize": "tokens",
}
_SIDES: dict[str, Unit] = {
    "input": "input_tokens",
    "prompt": "input_tokens",
    "output": "output_tokens",
    "generated": "output_tokens",
}
_WINDOWS = {
    "second": "second",
    "minute": "minute",
    "min": "minute",
    "hour": "hour",
    "day": "day",
    "week": "week",
    "month": "month",
    "monthly": "month",
    "trial": "minute",  # Cohere's trial keys
}
_SILENT = {"x", "anthropic", "ratelimit", "project", "endpoint"}
_COUNT = re.compile(r"\s*([0-9]{1,15})(?:\.[0-9]+)?\s*(?:[,;].*)?", re.DOTALL)


def reports(headers: Mapping[str, str], now: Moment) -> tuple[Report, ...]:
    """Every limit that headers tell of, in their order. Names are lower-case. Negative numbers are unknown (Azure)."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    names: dict[tuple[str, ...], _Name] = {}
    for header, value in headers.items():
        if ("limit" in header or "remaining" in header) and (name := _read(header)):
            found.setdefault(name.words, {})[name.aspect] = value
            names.setdefault(name.words, name)
    told = []
    for words, values in found.items():
        limit, remaining = _count(values.get("limit")), _count(values.get("remaining"))
        if limit is None and remaining is None:
            continue
        name = names[words]
        reset = values.get("reset") or found.get(name.general, {}).get("reset", "")
        reset_s = seconds_until(reset, now)
        resets_at = None if reset_s is None else now.wall + reset_s
        told.append(Report(unit=name.unit, window=name.window, limit=limit, remaining=remaining, resets_at=resets_at))
    return tuple(told)


@lru_cache(maxsize=512)
def _read(header: str) -> _Name | None:
    """A header's name; None where it has a word that is not known, as in `x-ratelimit-limit-images`."""
    if not any(family in header for family in _FAMILIES):
        return None
    words = header.replace("rate-limit", "ratelimit").split("-")
    aspects = [word for word in words if word in _ASPECTS]
    rest = [word for word in words if word not in _ASPECTS]
    known = _UNITS.keys() | _SIDES.keys() | _WINDOWS.keys() | _SILENT
    if len(aspects) != 1 or not known.issuperset(rest):
        return None
    units = [_UNITS[word] for word in rest if word in _UNITS]
    # Without a word for it: requests, as OpenRouter and Together do.
    unit: Unit = units[0] if units else "requests"
    if unit == "tokens":
        unit = next((_SIDES[word] for word in rest if word in _SIDES), unit)
    window = next((_WINDOWS[word] for word in rest if word in _WINDOWS), UNKNOWN)
    about = tuple(word for word in rest if word != "x")
    return _Name(aspects[0], about, tuple(word for word in about if word not in _WINDOWS), unit, window)


def _count(value: str | None) -> int | None:
    """A count of 0 or more; None for anything else. Of `100, 100;w=60` the first."""
    found = _COUNT.fullmatch(value or "")
    return int(found[1]) if found else None
