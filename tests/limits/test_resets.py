"""Days, weeks and months that begin at a time of their own, across changes of the clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limits.windows import Named, bounds, reset_of, spelled

ZONES = sorted(available_timezones() - {"localtime"})
DAY = timedelta(days=1)


def unix(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def local(at: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at, zone).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("10:30", "10:30"),
        ("7:05", "07:05"),
        ("0:00", "00:00"),
        ("23:59", "23:59"),
        ("mon", "mon 00:00"),
        ("SUN 9:00", "sun 09:00"),
        ("15", "15 00:00"),
        ("31  23:15", "31 23:15"),
        (" 1 ", "1 00:00"),
    ],
)
def test_a_reset_has_one_spelling(written: str, text: str) -> None:
    """So that writing it another way is no change of the limit."""
    assert spelled(written) == spelled(text) == text


@pytest.mark.parametrize(
    "written", ["", " ", "24:00", "10:60", "10:5", "10:30:00", "32", "0", "-1", "monday", "mon09:00", "15 ,", "noon"]
)
def test_what_is_no_reset(written: str) -> None:
    """The message shows what is."""
    with pytest.raises(ValueError, match='must be a time "10:30", a weekday "mon 09:00", or a day of the month'):
        spelled(written)


@pytest.mark.parametrize(
    ("window", "written", "reset"),
    [
        ("day", "10:30", "10:30"),
        ("day", "0:00", ""),
        ("week", "mon", ""),
        ("week", "mon 09:00", "mon 09:00"),
        ("month", "1", ""),
        ("month", "15", "15 00:00"),
    ],
)
def test_the_default_needs_no_word(window: str, written: str, reset: str) -> None:
    """Midnight, Monday, the first."""
    assert reset_of(window, written) == reset


@pytest.mark.parametrize(
    ("window", "written", "message"),
    [
        ("day", "mon 09:00", 'the reset of a day is a time, "10:30"; mon 09:00 is not'),
        ("day", "15", 'the reset of a day is a time, "10:30"; 15 is not'),
        ("week", "10:30", 'the reset of a week is a weekday, "mon 09:00"; 10:30 is not'),
        ("month", "mon", 'the reset of a month is a day, 15 or "15 09:00"; mon is not'),
        ("hour", "10:30", "reset belongs to a day, week or month; a calendar hour turns with the clock"),
        ("minute", "10:30", "reset belongs to a day, week or month; a calendar minute turns with the clock"),
    ],
)
def test_a_reset_fits_its_window(window: str, written: str, message: str) -> None:
    """What would be right is said."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        reset_of(window, written)


CHANGES = {
    "spring, 02:30 is missing: at 03:00": ("Europe/Berlin", "02:30", "03-28T01:30", "03-29T01:00", "03-30T00:30"),
    "autumn, 02:30 comes twice: the first": ("Europe/Berlin", "02:30", "10-24T00:30", "10-25T00:30", "10-26T01:30"),
    "spring, 02:15 is missing: at 03:00": ("America/New_York", "02:15", "03-07T07:15", "03-08T07:00", "03-09T06:15"),
    "autumn, 01:30 comes twice: the first": ("America/New_York", "01:30", "10-31T05:30", "11-01T05:30", "11-02T06:30"),
    "spring, 00:30 is missing: at 01:00": ("America/Havana", "00:30", "03-07T05:30", "03-08T05:00", "03-09T04:30"),
    "autumn, 00:30 comes twice: the first": ("America/Havana", "00:30", "10-31T04:30", "11-01T04:30", "11-02T05:30"),
    "spring, half an hour is missing": ("Australia/Lord_Howe", "02:15", "10-02T15:45", "10-03T15:30", "10-04T15:15"),
    "autumn, half an hour comes twice": ("Australia/Lord_Howe", "01:45", "04-03T14:45", "04-04T14:45", "04-05T15:15"),
    "spring, midnight is missing: at 01:00": ("Africa/Cairo", "00:00", "04-22T22:00", "04-23T22:00", "04-24T21:00"),
    "autumn, 23:30 comes twice: the first": ("Africa/Cairo", "23:30", "10-28T20:30", "10-29T20:30", "10-30T21:30"),
    "spring, midnight is missing in the south": (
        "America/Santiago",
        "00:00",
        "09-05T04:00",
        "09-06T04:00",
        "09-07T03:00",
    ),
    "autumn, 23:15 comes twice in the south": (
        "America/Santiago",
        "23:15",
        "04-04T02:15",
        "04-05T02:15",
        "04-06T03:15",
    ),
}
"""What happens: zone, reset, and three beginnings in a row (2026, UTC), the clock changing about the second."""

INSTANTS = {
    "a second before": (1, -1),
    "at it": (1, 0),
    "an hour after": (1, 3600),
    "a second before the next": (2, -1),
}


@pytest.mark.parametrize("instant", INSTANTS.values(), ids=INSTANTS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_day_resets_once_where_the_clock_changes(
    change: tuple[str, str, str, str, str], instant: tuple[int, int]
) -> None:
    """Six zones, both changes, four instants around each."""
    zone, reset, *written = change
    begins = [unix(f"2026-{text}") for text in written]
    which, offset_s = instant
    at = begins[which] + offset_s
    start = which if offset_s >= 0 else which - 1
    assert bounds("day", zone, at, reset) == (begins[start], begins[start + 1])


@pytest.mark.parametrize(
    ("window", "zone", "reset", "at", "start", "end"),
    [
        pytest.param(*row, id=why)
        for why, row in {
            "a week from Monday, nine": (
                "week",
                "Europe/Berlin",
                "mon 09:00",
                "2026-03-23T07:59:59",
                "2026-03-16T08:00",
                "2026-03-23T08:00",
            ),
            "a week over a change of the clock": (
                "week",
                "Europe/Berlin",
                "mon 09:00",
                "2026-03-23T08:00",
                "2026-03-23T08:00",
                "2026-03-30T07:00",
            ),
            "a week from Sunday": ("week", "UTC", "sun 00:00", "2026-03-01", "2026-03-01", "2026-03-08"),
            "a month from the 15th": ("month", "UTC", "15 00:00", "2026-03-14T23:59", "2026-02-15", "2026-03-15"),
            "a month from the 15th, over the year's end": (
                "month",
                "Asia/Tokyo",
                "15 09:00",
                "2027-01-01",
                "2026-12-15",
                "2027-01-15",
            ),
            "the 31st of a February": ("month", "UTC", "31 00:00", "2026-03-01", "2026-02-28", "2026-03-31"),
            "the 31st, leap year": ("month", "UTC", "31 01:00", "2028-03-01", "2028-02-29T01:00", "2028-03-31T01:00"),
            "the 30th, from January on": ("month", "UTC", "30 00:00", "2026-02-27", "2026-01-30", "2026-02-28"),
            "the 31st of a month of thirty": ("month", "UTC", "31 00:00", "2026-04-30", "2026-04-30", "2026-05-31"),
            "a day that never was begins nothing": (
                "day",
                "Pacific/Apia",
                "10:30",
                "2011-12-30T11:00",
                "2011-12-29T20:30",
                "2011-12-30T20:30",
            ),
        }.items()
    ],
)
def test_weeks_and_months_begin_on_their_day(
    window: Named, zone: str, reset: str, at: str, start: str, end: str
) -> None:
    """The last day of the month where the day is missing (all in UTC)."""
    assert bounds(window, zone, unix(at), reset) == (unix(start), unix(end))


def exists(day: date, zone: ZoneInfo) -> bool:
    """Whether the calendar of the zone ever shows it: when it moved over the date line, one was left out."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    return any(local(noon + 3600 * hours, zone).date() == day for hours in range(-30, 31))


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(ZONES),
    year=st.integers(2005, 2035),
    minute=st.one_of(st.sampled_from([0, 30, 60, 90, 120, 150, 23 * 60 + 30]), st.integers(0, 24 * 60 - 1)),
)
def test_one_reset_per_local_day_for_ten_years(name: str, year: int, minute: int) -> None:
    """In every zone and at every time of day: when the clock first shows that time or a later one."""
    zone, time = ZoneInfo(name), timedelta(minutes=minute)
    reset = reset_of("day", f"{minute // 60}:{minute % 60:02}")
    _, end = bounds("day", name, unix(f"{year}-01-01"), reset)
    before = local(end - 1, zone)
    due = before.replace(hour=0, minute=0, second=0) + time
    due += DAY if due <= before else timedelta()
    for _ in range(3653):
        start = end
        if local(start, zone).date() > due.date() and not exists(due.date(), zone):
            due += DAY
        assert local(start - 1, zone) < due <= local(start, zone)
        assert not datetime.fromtimestamp(start, zone).fold
        found, end = bounds("day", name, start, reset)
        assert found == start < end
        due += DAY
