"""What a limit is called in the YAML, and the rule it stands for: `requests_per_15m: 100`."""

import re
from functools import cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from .calendars import CalendarWindow
from .ceilings import Concurrency, PerRequest
from .first_use import FirstUseWindow
from .rules import RollingWindow, Rule, TokenBucket
from .windows import Named, reset_of

Counted = Literal["requests", "tokens", "input_tokens", "output_tokens", "cost"]
"""What is counted per window. `cost` is counted in nano-dollars."""
Unit = Counted | Literal["concurrent_requests", "tokens_per_request"]
"""What a limit is about. The last two have no window: it is the empty text."""

COUNTED: tuple[Counted, ...] = get_args(Counted)
ALONE: tuple[Unit, ...] = ("concurrent_requests", "tokens_per_request")
UNITS: tuple[Unit, ...] = (*COUNTED, *ALONE)
ESTIMATED: tuple[Unit, ...] = ("tokens", "input_tokens", "output_tokens", "cost")
"""Units of which an attempt's part is not known before it has ended."""
WINDOWS: tuple[Named, ...] = get_args(Named)
ALGORITHMS = ("bucket", "calendar", "rolling", "first_use")

# A month that no clock begins is its longest: what never passes in 31 days never passes in a month.
_NAMED_S: dict[str, float] = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 31 * 86400,
}
_LETTER_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NUMBERED = re.compile(r"([1-9][0-9]{0,5})([smhd])")


def parse_key(key: str) -> tuple[Unit, str] | None:
    """Unit and window of `requests_per_15m` or `concurrent_requests`; None if it is no limit's name."""
    if alone := next((unit for unit in ALONE if unit == key), None):
        return alone, ""
    name, _, window = key.partition("_per_")
    unit = next((unit for unit in COUNTED if unit == name), None)
    return (unit, window) if unit and window_s(window) else None


def key_of(unit: Unit, window: str) -> str:
    """What the YAML calls it: the way back from `parse_key`."""
    return f"{unit}_per_{window}" if window else unit


def names() -> tuple[str, ...]:
    """Every spelling with a named window or without one, for "did you mean"."""
    return (*(f"{unit}_per_{window}" for unit in COUNTED for window in WINDOWS), *ALONE)


@cache
def window_s(window: str) -> float:
    """Length in seconds of `day` or `15m`, the longest there is of a month; 0 if it is no window."""
    if match := _NUMBERED.fullmatch(window):
        return int(match[1]) * _LETTER_S[match[2]]
    return _NAMED_S.get(window, 0)


def make_rule(
    unit: Unit,
    window: str,
    amount: int,
    *,
    algorithm: str | None = None,
    timezone: str = "UTC",
    reset: str | None = None,
    burst: int | None = None,
) -> Rule:
    """The rule of one limit. `amount` and `burst` are counts, of `cost` nano-dollars.

    Without `algorithm`: a bucket for a second and a minute, the calendar for other named windows, rolling for
    numbered ones. Raises ValueError with a message that names what is wrong and what would be right.
    """
    key = key_of(unit, window)
    if amount < 0:
        raise ValueError(f"{key} cannot be negative; 0 allows nothing")
    if unit in ALONE:
        if algorithm is not None or reset is not None or burst is not None:
            raise ValueError(f"{key} has no window: its amount is all there is to say")
        return Concurrency(amount) if unit == "concurrent_requests" else PerRequest(amount)
    length_s = window_s(window)
    if not length_s:
        raise ValueError(f"{window!r} is no window: use {', '.join(WINDOWS)}, or a number as in 15m, 5h, 7d")
    kind = _algorithm(window, algorithm)
    for name, value, due in (("burst", burst, "bucket"), ("reset", reset, "calendar")):
        if value is not None and kind != due:
            raise ValueError(f"{name} belongs to algorithm: {due}; {key} is {kind}")
    match kind:
        case "bucket":
            return _bucket(amount, length_s, burst)
        case "rolling":
            return RollingWindow(amount, length_s)
        case "first_use":
            return FirstUseWindow(amount, length_s)
    return _calendar(amount, window, timezone, reset)


def _algorithm(window: str, asked: str | None) -> str:
    if asked is None:
        return "rolling" if window not in WINDOWS else "bucket" if window_s(window) <= 60 else "calendar"
    if asked not in ALGORITHMS:
        raise ValueError(f"{asked!r} is no algorithm: use {', '.join(ALGORITHMS)}")
    return asked


def _calendar(amount: int, window: str, timezone: str, reset: str | None) -> CalendarWindow:
    named = next((name for name in WINDOWS if name == window), None)
    if named is None:
        some = ", ".join(WINDOWS)
        raise ValueError(
            f"algorithm: calendar needs a named window ({some}); {window} can be rolling, first_use or bucket"
        )
    _check_zone(timezone)
    return CalendarWindow(amount, named, timezone, "" if reset is None else reset_of(named, reset))


def _bucket(amount: int, length_s: float, burst: int | None) -> TokenBucket:
    if burst is not None and burst < 1:
        raise ValueError("burst must be 1 or more: it is what a full bucket holds")
    if burst is not None and not amount:
        raise ValueError("a bucket of amount 0 never refills, so it can have no burst; 0 allows nothing")
    return TokenBucket(amount, length_s, amount if burst is None else burst)


def checked_strict(unit: Unit, strict: bool | None) -> bool | None:
    """`strict`, where it makes a difference. Raises ValueError where it would not."""
    if strict is not None and unit not in ESTIMATED:
        raise ValueError(f"strict belongs to tokens and cost; {unit} are never crossed as it is")
    return strict


def _check_zone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    # KeyError: no such zone; ValueError: not a plain relative path; OSError: a folder of zones, as `Europe`.
    except (KeyError, ValueError, OSError):
        message = f"no time zone is called {timezone!r}: use an IANA name such as UTC or Europe/Berlin"
        raise ValueError(message) from None
