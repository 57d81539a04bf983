"""Times as providers write them, in headers and in words, as seconds from now."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gateway.clock import Moment

MOST_S = 32 * 86400.0
"""A month's quota, and a day for time zones. What is beyond it is a slip."""

_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PAIR = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")

_SPOKEN = r"(\d{1,12}(?:\.\d{1,12})?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)(?![a-z])"
_SPOKEN_PAIR = re.compile(_SPOKEN, re.IGNORECASE)
_WAIT = re.compile(
    r"(?:(?:try again|retry|resets?)\s+(?:in|after)|wait(?:\s+for)?)\s+"
    rf"((?:{_SPOKEN}[\s,]*(?:and\s+)?)+|\d{{1,12}}(?:\.\d{{1,12}})?)",
    re.IGNORECASE,
)
_INSTANT = re.compile(
    r"(?:(?:try again|retry|resets?)\s+(?:at|on)\s+(\d{4}-\d\d-\d\dT[\d:.]{5,20}(?:Z|[+-]\d\d:\d\d)?)"
    r"|limit reached\|(\d{10,13}))",
    re.IGNORECASE,
)


def seconds_until(text: str, now: Moment) -> float | None:
    """Seconds from now: of `6m0s`, `20ms`, plain seconds, epoch seconds or milliseconds, RFC 3339, an HTTP date.

    None for what is none of them, negative or without end; 0 for what is past. At most 32 days.
    """
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        seconds = _pairs(text)
        return _capped(_date(text, now) if seconds is None else seconds)
    if number > 1e12:
        return _capped(max(0.0, number / 1000 - now.wall))
    if number > 1e9:
        return _capped(max(0.0, number - now.wall))
    return _capped(number)


def wait_in(text: str, now: Moment) -> float | None:
    """Seconds that a sentence says to wait.

    `Please try again in 7m12.5s`, `retry after 20 seconds`, `Please wait 57829 seconds`, `try again at 2026-...Z`,
    `usage limit reached|1769904000`.
    """
    if found := _WAIT.search(text):
        pairs = _SPOKEN_PAIR.findall(found[1])
        if not pairs:
            return _capped(float(found[1]))
        return _capped(sum(float(number) * _UNITS_S[_short(unit)] for number, unit in pairs))
    if found := _INSTANT.search(text):
        return seconds_until(found[1] or found[2], now)
    return None


def _short(unit: str) -> str:
    """`ms`, or the first letter of `Seconds`."""
    unit = unit.lower()
    return "ms" if unit == "ms" or unit.startswith("milli") else unit[0]


def _capped(seconds: float | None) -> float | None:
    if seconds is None or not 0 <= seconds < float("inf"):  # NaN fails every comparison
        return None
    return min(seconds, MOST_S)


def _pairs(text: str) -> float | None:
    """`1m2.5s` in seconds; None unless pairs of number and unit make up all of it."""
    found = _PAIR.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in found)


def _date(text: str, now: Moment) -> float | None:
    """Seconds until a date; 0 if it is past. One without a zone is UTC."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text)
        # IndexError: what the parser of mail dates says to some garbage.
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.fromtimestamp(now.wall, UTC)).total_seconds())
    return None
