"""Where calendar windows begin and end: wall-clock windows in an IANA zone, daylight saving included."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

Named = Literal["second", "minute", "hour", "day", "week", "month"]

SHORTEST_S: dict[Named, float] = {
    "second": 1,
    "minute": 60,
    "hour": 1800,
    "day": 22 * 3600,
    "week": 166 * 3600,
    "month": 670 * 3600,
}
"""Seconds of the shortest window there is of each kind: Lord Howe moves by half an hour, Troll station by two."""

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = rf"{'|'.join(_WEEKDAYS)}|[1-9]|[12][0-9]|3[01]"
_RESET = re.compile(rf"(?:({_DAY})(?: +|$))?(?:([01]?[0-9]|2[0-3]):([0-5][0-9]))?")


class _Turn(NamedTuple):
    """When a day, week or month begins anew."""

    day: int
    """Of a week from Monday, 0 to 6; of a month 1 to 31, its last one where it is missing."""
    time: timedelta


def spelled(reset: str) -> str:
    """`10:30`, `mon 09:00`, `15 00:00`: a reset in its one spelling. Raises ValueError if it is none."""
    text = reset.strip().lower()
    match = _RESET.fullmatch(text)
    if not text or not match:
        raise ValueError('must be a time "10:30", a weekday "mon 09:00", or a day of the month 15 or "15 09:00"')
    day, hour, minute = match.groups()
    return f"{day or ''} {int(hour or 0):02}:{minute or '00'}".strip()


def reset_of(window: str, reset: str) -> str:
    """The reset of a window in its one spelling, empty for the default. Raises ValueError where it cannot be."""
    text = spelled(reset)
    day = text.rpartition(" ")[0]
    fits = {"day": not day, "week": day in _WEEKDAYS, "month": day.isdecimal()}
    if window not in fits:
        raise ValueError(f"reset belongs to a day, week or month; a calendar {window} turns with the clock")
    if not fits[window]:
        due = {"day": 'a time, "10:30"', "week": 'a weekday, "mon 09:00"', "month": 'a day, 15 or "15 09:00"'}
        raise ValueError(f"the reset of a {window} is {due[window]}; {reset} is not")
    return "" if text in {"00:00", "mon 00:00", "1 00:00"} else text


@cache
def _turn(window: Named, reset: str) -> _Turn:
    day, _, time = (reset or "00:00").rpartition(" ")
    hour, _, minute = time.partition(":")
    first = _WEEKDAYS.index(day) if day in _WEEKDAYS else int(day or window == "month")
    return _Turn(first, timedelta(hours=int(hour), minutes=int(minute)))


def bounds(window: Named, timezone: str, wall: float, reset: str = "") -> tuple[float, float]:
    """First instant of the window `wall` lies in, and first instant of the next one, in Unix seconds.

    `reset` is what `reset_of` gives. A local time that comes twice begins a window once, at the first; a missing one
    at the next instant there is; a day that a zone leaves out begins none. Seconds and minutes are those of UTC:
    every zone is whole minutes away from it, and a minute that lasted through a repeated hour would be shut for that
    hour.
    """
    if window == "second" or window == "minute":  # noqa: PLR1714 - mypy narrows this form, not `in`
        length_s = 1 if window == "second" else 60
        start = wall // length_s * length_s
        return start, start + length_s
    zone, turn = ZoneInfo(timezone), _turn(window, reset)
    label = _label(window, turn, _local(wall, zone))
    # The beginning that belongs to what the clock shows can be ahead (of the time of day that it resets at, of a clock
    # put back past it, of a fraction of a microsecond rounded up), and a missing hour or day is a window of no length.
    while (start := _instant(label, zone)) > wall:
        label = _label(window, turn, label, -1)
    while (end := _instant(following := _label(window, turn, label, 1), zone)) <= wall:
        label, start = following, end
    return start, end


def _local(wall: float, zone: ZoneInfo) -> datetime:
    """What the clock on the wall of `zone` shows, without its zone."""
    return datetime.fromtimestamp(wall, zone).replace(tzinfo=None, fold=0)


def _label(window: Named, turn: _Turn, local: datetime, steps: int = 0) -> datetime:
    """The beginning in the hour, day, week or month that `local` lies in, or in one so many `steps` from there."""
    hour = local.replace(minute=0, second=0, microsecond=0)
    if window == "hour":
        return hour + timedelta(hours=steps)
    day = hour.replace(hour=0)
    if window == "day":
        return day + timedelta(days=steps) + turn.time
    if window == "week":
        return day + timedelta(weeks=steps, days=turn.day - day.weekday()) + turn.time
    years, month = divmod(day.month - 1 + steps, 12)
    first = day.replace(year=day.year + years, month=month + 1, day=1)
    return first.replace(day=min(turn.day, monthrange(first.year, first.month)[1])) + turn.time


def _instant(local: datetime, zone: ZoneInfo) -> float:
    """First instant at which the clock of `zone` shows `local`, or, if it never does, something later."""
    late = _unix(local.replace(tzinfo=zone))
    if _local(late, zone) == local:
        return late
    # Missing. fold=1 reads it with the offset after the gap, which lands before the gap; fold=0 lands after it.
    early = _unix(local.replace(tzinfo=zone, fold=1))
    if _local(early, zone).date() < local.date() < _local(late, zone).date():
        return _instant(local + timedelta(days=1), zone)
    while late - early > 1:
        middle = (early + late) // 2
        if _local(middle, zone) < local:
            early = middle
        else:
            late = middle
    return late


def _unix(moment: datetime) -> float:
    """Whole Unix seconds: offsets change on whole seconds only."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
