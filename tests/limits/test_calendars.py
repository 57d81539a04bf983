"""Calendar windows under a wall clock that can be set."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import FakeClock
from gateway.limits.calendars import CalendarWindow
from gateway.limits.windows import SHORTEST_S, Named, bounds

DAY = 86400.0
YEAR = 365 * DAY
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()


def at_noon() -> FakeClock:
    return FakeClock(wall=NOON)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(0, 0, 10, 10), (43199, 43199, 0, 10), (1, 1, 0, 0)], id="opens at midnight"),
        pytest.param([(0, 0, 10, 10), (0, -60, 0, 10), (0, 60, 0, 10)], id="a minute back and forth: shut"),
        pytest.param([(0, 0, 10, 10), (0, -DAY, 0, 10), (0, DAY, 0, 10)], id="a day back and forth: shut"),
        pytest.param([(0, 0, 10, 10), (0, -3 * DAY, 0, 10), (0, 3 * DAY, 0, 10)], id="three days back, forth: shut"),
        pytest.param([(0, 0, 6, 6), (0, -3 * DAY, 3, 9), (0, 3 * DAY, 0, 9)], id="what was used meanwhile comes along"),
        pytest.param([(0, 0, 10, 10), (0, DAY, 4, 4), (0, -DAY, 0, 4)], id="one day ahead and back: its use is kept"),
        pytest.param([(0, 0, 10, 10), (0, YEAR, 0, 0), (0, -YEAR, 0, 10)], id="a year ahead and back: shut"),
        pytest.param([(0, 0, 4, 4), (0, YEAR, 3, 3), (0, -YEAR, 0, 7)], id="a year ahead and back: both count"),
        pytest.param([(0, 0, 0, 0), (0, YEAR, 10, 10), (0, -YEAR, 0, 10), (0, YEAR, 0, 10)], id="a year, twice: shut"),
        pytest.param(
            [(0, YEAR, 10, 10), (0, -YEAR, 0, 10), (DAY, DAY, 0, 0)], id="a year ahead and back: tomorrow is open"
        ),
        pytest.param(
            [(0, 3 * DAY, 10, 10), (0, -3 * DAY, 0, 10), (3 * DAY, 3 * DAY, 0, 0)],
            id="three days ahead and back: the day is open when it really comes",
        ),
        pytest.param([(0, 0, 10, 10), (0, DAY, 0, 0)], id="a jump ahead is believed"),
        pytest.param(
            [(0, 0, 10, 10), (0, -3 * DAY, 0, 10), (0, -3 * DAY, 0, 10), (0, 3 * DAY, 0, 10), (0, 3 * DAY, 0, 10)],
            id="three days back, twice, and forth: shut all the way",
        ),
        pytest.param(
            [(0, 0, 10, 10), (0, YEAR, 0, 0), (0, -YEAR - 3 * DAY, 0, 10)], id="a year ahead, and back to before: shut"
        ),
        pytest.param(
            [(0, 0, 10, 10), (0, -3 * DAY, 0, 10), (0.97 * DAY, 0, 0, 10), (0, -3 * DAY, 0, 10), (0, 3 * DAY, 0, 10)],
            id="three days back, again after a day, and forth: shut",
        ),
    ],
)
def test_jumps(steps: list[tuple[float, float, int, int]]) -> None:
    """Boot and wall time pass by these seconds, n are counted, so many stand as used, of a day."""
    rule, clock = CalendarWindow(10, "day"), at_noon()
    state = rule.fresh(clock.now())
    for boot, wall, n, used in steps:
        clock.boot += boot
        clock.wall += wall
        rule.add(state, n, clock.now())
        assert rule.used(state, clock.now()) == used


@settings(deadline=None)
@given(
    which=st.sampled_from(
        [
            ("minute", ""),
            ("hour", ""),
            ("day", ""),
            ("day", "02:30"),
            ("week", "sun 23:30"),
            ("month", ""),
            ("month", "31 10:00"),
        ]
    ),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Havana"]),
    start=st.integers(1_767_225_600, 1_798_761_600),
    steps=st.lists(
        st.tuples(
            st.floats(0, 0.02),
            st.sampled_from([0, 0, 0, 1, -1, 3, -3, 12, -12]),
            st.integers(1, 10),
            st.sampled_from([False, False, False, True]),
        ),
        max_size=30,
    ),
)
def test_no_window_opens_twice_and_none_stays_shut(
    which: tuple[Named, str], zone: str, start: int, steps: list[tuple[float, int, int, bool]]
) -> None:
    """While clocks jump, over restarts too, a window lets through its amount at most; the next but one is new."""
    window, reset = which
    rule, clock = CalendarWindow(10, window, zone, reset), FakeClock(wall=float(start))
    state = rule.fresh(clock.now())
    admitted: dict[float, int] = {}
    length_s = SHORTEST_S[window]
    for passes, jumps, n, restarts in steps:
        clock.advance(passes * length_s)
        clock.jump(jumps * length_s * 0.7)
        if rule.opens_in(state, n, clock.now()) == 0:
            rule.add(state, n, clock.now())
            admitted[state.at] = admitted.get(state.at, 0) + n
        if restarts:
            values = rule.dump(state, clock.now())
            clock.boot = 7.0
            state = rule.load(values, clock.now())
    assert max(admitted.values(), default=0) <= 10
    for _ in range(2):
        clock.advance(bounds(window, zone, clock.wall, reset)[1] - clock.wall)
        rule.used(state, clock.now())
    assert rule.used(state, clock.now()) == 0


@pytest.mark.parametrize(
    ("jump_s", "used"),
    [
        pytest.param(-3600, 10, id="an hour back: the same window"),
        pytest.param(-1.5 * DAY, 10, id="a day and a half back: the window ahead stays in force"),
        pytest.param(-9 * DAY, 10, id="nine days back: dated anew, its use kept"),
        pytest.param(DAY, 0, id="a day ahead is believed"),
    ],
)
def test_a_window_with_a_reset_of_its_own_when_the_clock_is_set(jump_s: float, used: int) -> None:
    """Used up at noon in a day that began at 10:30; and the next 10:30 opens it, whatever happened."""
    rule, clock = CalendarWindow(10, "day", "Europe/Berlin", "10:30"), at_noon()
    state = rule.fresh(clock.now())
    rule.add(state, 10, clock.now())
    clock.jump(jump_s)
    assert rule.used(state, clock.now()) == used
    assert (rule.resets_at(state, clock.now()) or 0) % DAY == 9.5 * 3600
    clock.advance((rule.resets_at(state, clock.now()) or 0) - clock.wall)
    assert rule.used(state, clock.now()) == 0


def test_a_correction_takes_back_at_most_what_was_used() -> None:
    """Used is never below 0."""
    rule, now = CalendarWindow(10, "day"), at_noon().now()
    state = rule.fresh(now)
    rule.add(state, 3, now)
    rule.add(state, -5, now)
    assert rule.used(state, now) == 0


def test_what_was_taken_back_after_a_jump_is_not_carried_as_less_than_nothing() -> None:
    """A correction in the wrong window cannot open the right one wider than it is."""
    rule, clock = CalendarWindow(10, "day"), at_noon()
    state = rule.fresh(clock.now())
    rule.add(state, 3, clock.now())
    clock.jump(-3 * DAY)
    rule.add(state, -3, clock.now())
    clock.jump(-3 * DAY)
    assert rule.used(state, clock.now()) == 0


def test_waits_until_the_window_ends() -> None:
    """0 where it fits, the rest of the day where it will, never where it is more than the amount."""
    rule, now = CalendarWindow(10, "day"), at_noon().now()
    state = rule.fresh(now)
    assert rule.full_in(state, 0, now) == 0
    rule.add(state, 12, now)
    assert [rule.opens_in(state, n, now) for n in (0, 1, 10, 11)] == [DAY / 2, DAY / 2, DAY / 2, float("inf")]
    assert (rule.full_in(state, 0, now), rule.resets_at(state, now)) == (DAY / 2, NOON + DAY / 2)


@pytest.mark.parametrize(
    ("stopped_s", "used"),
    [
        pytest.param(600.0, 9, id="the same day"),
        pytest.param(DAY, 0, id="the next day"),
        pytest.param(-600.0, 9, id="the wall clock is behind"),
        pytest.param(-3 * DAY, 9, id="the wall clock is days behind"),
    ],
)
def test_a_restart_keeps_the_window(stopped_s: float, used: int) -> None:
    """The new process has another boot clock; the window is known by the wall."""
    rule, clock = CalendarWindow(10, "day"), at_noon()
    state = rule.fresh(clock.now())
    rule.add(state, 9, clock.now())
    values = rule.dump(state, clock.now())
    later = FakeClock(wall=NOON + stopped_s, boot=7.0)
    assert rule.used(rule.load(values, later.now()), later.now()) == used


def test_a_restart_between_two_jumps_opens_nothing() -> None:
    """The windows left lately are remembered too."""
    rule, clock = CalendarWindow(10, "day"), at_noon()
    state = rule.fresh(clock.now())
    rule.add(state, 10, clock.now())
    clock.jump(YEAR)
    values = rule.dump(state, clock.now())
    later = FakeClock(wall=clock.wall + 60, boot=7.0)
    state = rule.load(values, later.now())
    assert rule.used(state, later.now()) == 0
    later.jump(-YEAR)
    assert rule.used(state, later.now()) == 10


def test_an_unused_window_leaves_nothing_to_remember() -> None:
    """A snapshot holds what was used, not what is configured."""
    rule, now = CalendarWindow(10, "day"), at_noon().now()
    assert rule.dump(rule.fresh(now), now) == []
    assert rule.load([], now) == rule.fresh(now)


def test_what_reads_the_same_state() -> None:
    """Another amount: yes. Another zone, window or reset: no."""
    rule = CalendarWindow(10, "day")
    others = (
        CalendarWindow(5, "day"),
        CalendarWindow(10, "day", "Asia/Tokyo"),
        CalendarWindow(10, "hour"),
        CalendarWindow(10, "day", reset="10:30"),
        None,
    )
    assert [rule.reads(other) for other in others] == [True, False, False, False, False]
    assert (rule.algorithm, rule.capacity, rule.ceiling) == ("calendar", 10, 10)
