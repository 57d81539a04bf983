"""Numbers and times as the pages write them."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo

UNKNOWN = "–"  # noqa: RUF001 - an en dash is what it is
ARROW = "→"

_IN_FULL = 99_999
_EXACT = 999_999
_NANO = 1_000_000_000
_CENT = Decimal("0.01")

_REGIONS = {
    "America/Los_Angeles": "Pacific",
    "America/Denver": "Mountain",
    "America/Chicago": "Central",
    "America/New_York": "Eastern",
    "Etc/UTC": "UTC",
}
"""Zones that people call otherwise than by their city."""


def count(n: float) -> str:
    """`99,999` in full; above that three digits: `142 k`, `2.14 M`, `1 G`."""
    if n <= _IN_FULL:
        return f"{round(n):,}"
    # Rounded first: 999,950 is `1 M`, not `1000 k`.
    rounded = Decimal(f"{n:.2e}")
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6)):
        if rounded >= size:
            return f"{_plain(rounded / size)} {unit}"
    return f"{_plain(rounded / 1000)} k"


def exact(n: int) -> str:
    """The number that decides, such as what is used of a limit: `142,380`, in full up to a million."""
    return f"{n:,}" if n <= _EXACT else count(n)


def _plain(number: Decimal) -> str:
    """Without trailing zeros, without an exponent."""
    return f"{number.normalize():f}"


def money(nanousd: int | None) -> str:
    """`$0`, `$0.37`, `$1,204.50`; under a cent two significant digits: `$0.0019`. An unknown amount is a dash."""
    if nanousd is None:
        return UNKNOWN
    if not nanousd:
        return "$0"
    usd = Decimal(nanousd) / _NANO
    small = usd.quantize(Decimal(1).scaleb(usd.adjusted() - 1), ROUND_HALF_UP)
    # Rounded first: 0.00999 is a cent.
    return f"${small:f}" if small < _CENT else f"${usd.quantize(_CENT, ROUND_HALF_UP):,}"


def share(part: float, whole: float) -> str:
    """`94.4 %`. `0 %` and `100 %` mean none and all: nothing is rounded to them. Of nothing: a dash."""
    if whole <= 0:
        return UNKNOWN
    if part <= 0 or part >= whole:
        return "0 %" if part <= 0 else "100 %"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


def lapse(seconds: float | None) -> str:
    """How long something took: `0.6 ms`, `143 ms`, `1.12 s`, `2 m 5 s`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.995:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    return span(seconds)


def span(seconds: float) -> str:
    """What has passed, in the two largest units, rounded down: `40 s`, `5 m 3 s`, `9 h 28 m`, `3 d 4 h`, `10 d`."""
    whole = int(max(0.0, seconds))
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days >= 7:
        return f"{days} d"
    for large, unit, small, smaller in ((days, "d", hours, "h"), (hours, "h", minutes, "m"), (minutes, "m", secs, "s")):
        if large:
            return f"{large} {unit} {small} {smaller}" if small else f"{large} {unit}"
    return f"{secs} s"


def wait(seconds: float) -> str:
    """What is still to come, rounded up: `40 s`, `28 m`, `9 h 28 m`, `3 d 4 h`."""
    whole = ceil(max(0.0, seconds))
    if whole <= 60:
        return span(whole)
    step = 60 if whole <= 86400 else 3600 if whole <= 7 * 86400 else 86400
    return span(ceil(whole / step) * step)


def countdown(seconds: float) -> str:
    """`0:42`, `12:05`, `1:00:05`: never zero before it is over."""
    minutes, secs = divmod(ceil(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def clock(at: float, zone: str) -> str:
    """`14:32:28` in an IANA zone."""
    return _local(at, zone).strftime("%H:%M:%S")


def day(at: float, zone: str) -> str:
    """`20 Nov` in an IANA zone."""
    local = _local(at, zone)
    return f"{local.day} {local.strftime('%b')}"


def reset(at: float, zone: str, now: float) -> str:
    """`00:00 Pacific`, and on which day if that is more than a day away: `00:00 UTC on 1 Dec`."""
    local = _local(ceil(at), zone)
    on = f" on {day(ceil(at), zone)}" if at - now > 86400 else ""
    return f"{local.strftime('%H:%M')} {zone_name(zone)}{on}"


def zone_name(zone: str) -> str:
    """What people call a zone: `UTC`, `Pacific`, `Berlin`."""
    return _REGIONS.get(zone) or zone.rpartition("/")[2].replace("_", " ")


def tokens(received: int | None, sent: int | None, *, estimated: bool = False) -> str:
    """`1,902 → 244`; `~` before an estimate; a dash where nothing is known."""
    if received is None or sent is None:
        return UNKNOWN
    return f"{'~' if estimated else ''}{count(received)} {ARROW} {count(sent)}"


def plural(n: int, noun: str) -> str:
    """`1 model`, `4 models`."""
    return f"{count(n)} {noun}{'' if n == 1 else 's'}"


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _local(at: float, zone: str) -> datetime:
    return datetime.fromtimestamp(at, _zone(zone))
