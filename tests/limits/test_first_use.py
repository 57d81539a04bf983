"""Windows that begin when they are used."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import FakeClock
from gateway.limits.first_use import FirstUseWindow
from gateway.limits.rules import RollingWindow

RULE = FirstUseWindow(10, 18_000)
"""Ten in five hours."""


def test_begins_with_the_first_use_and_ends_a_fixed_length_later() -> None:
    """What comes later in the window does not make it longer, and between two windows nothing runs."""
    clock = FakeClock(wall=1.7e9)
    state = RULE.fresh(clock.now())
    clock.advance(100_000)
    assert (RULE.resets_at(state, clock.now()), RULE.full_in(state, 0, clock.now())) == (None, 0)
    RULE.add(state, 4, clock.now())
    clock.advance(17_000)
    RULE.add(state, 6, clock.now())
    assert RULE.resets_at(state, clock.now()) == clock.wall + 1000
    assert [RULE.opens_in(state, n, clock.now()) for n in (0, 1, 10, 11)] == [0, 1000, 1000, float("inf")]
    clock.advance(1000)
    assert (RULE.used(state, clock.now()), RULE.opens_in(state, 10, clock.now())) == (0, 0)
    clock.advance(5000)
    RULE.add(state, 1, clock.now())
    assert (RULE.used(state, clock.now()), RULE.full_in(state, 1, clock.now())) == (1, 18_000)


def test_when_all_of_it_is_there_again() -> None:
    """A load that is not counted yet would begin a window, or falls into the one that is open."""
    clock = FakeClock()
    state = RULE.fresh(clock.now())
    assert (RULE.full_in(state, 0, clock.now()), RULE.full_in(state, 3, clock.now())) == (0, 18_000)
    RULE.add(state, 1, clock.now())
    clock.advance(8000)
    assert (RULE.full_in(state, 0, clock.now()), RULE.full_in(state, 3, clock.now())) == (10_000, 10_000)


def test_nothing_counted_begins_nothing() -> None:
    """Neither does what is taken back; used is never below 0."""
    clock = FakeClock()
    state = RULE.fresh(clock.now())
    RULE.add(state, 0, clock.now())
    RULE.add(state, -3, clock.now())
    assert (RULE.used(state, clock.now()), RULE.resets_at(state, clock.now())) == (0, None)
    RULE.add(state, 3, clock.now())
    RULE.add(state, -5, clock.now())
    assert (RULE.used(state, clock.now()), RULE.resets_at(state, clock.now())) == (0, 18_000)


@pytest.mark.parametrize("jump_s", [-86400.0, 86400.0, 3.15e7], ids=["back", "forth", "a year forth"])
def test_a_wall_clock_that_is_set_changes_nothing(jump_s: float) -> None:
    """It runs on boot time: no jump opens a window."""
    clock = FakeClock(wall=1.7e9)
    state = RULE.fresh(clock.now())
    RULE.add(state, 10, clock.now())
    clock.jump(jump_s)
    assert (RULE.used(state, clock.now()), RULE.opens_in(state, 1, clock.now())) == (10, 18_000)


@pytest.mark.parametrize(
    ("stopped_s", "used", "left_s"),
    [
        pytest.param(0, 6, 17_000, id="at once"),
        pytest.param(16_999, 6, 1, id="just before its end"),
        pytest.param(17_000, 0, 0, id="at its end"),
        pytest.param(-86_400, 6, 18_000, id="a wall clock behind ends nothing"),
    ],
)
def test_a_restart_goes_by_the_wall(stopped_s: float, used: int, left_s: float) -> None:
    """The new process has another boot clock; what passed meanwhile is what the wall says."""
    clock = FakeClock(wall=1.7e9, boot=5e6)
    state = RULE.fresh(clock.now())
    RULE.add(state, 6, clock.now())
    clock.advance(1000)
    values = RULE.dump(state, clock.now())
    later = FakeClock(wall=clock.wall + stopped_s, boot=3.0)
    state = RULE.load(values, later.now())
    assert (RULE.used(state, later.now()), RULE.full_in(state, 0, later.now())) == (used, left_s)


def test_nothing_used_is_nothing_to_remember() -> None:
    """No window is open."""
    now = FakeClock().now()
    assert RULE.dump(RULE.fresh(now), now) == []
    assert RULE.load([], now) == RULE.fresh(now)


@settings(deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=60))
def test_agrees_with_the_list_of_windows(steps: list[tuple[int, int]]) -> None:
    """Slowly: each count goes into the window it falls in, or begins the next one."""
    rule, clock = FirstUseWindow(10, 20), FakeClock(boot=0.0)
    state = rule.fresh(clock.now())
    windows: list[tuple[float, int]] = []
    for passes, n in steps:
        clock.advance(passes)
        inside = bool(windows) and clock.boot < windows[-1][0] + 20
        fits = (windows[-1][1] if inside else 0) + n <= 10
        assert (rule.opens_in(state, n, clock.now()) == 0) == fits
        if fits:
            rule.add(state, n, clock.now())
            windows = [*windows[:-1], (windows[-1][0], windows[-1][1] + n)] if inside else [*windows, (clock.boot, n)]
            assert rule.used(state, clock.now()) == windows[-1][1]


def test_names_and_what_reads_the_same_state() -> None:
    """Another amount: yes. Another length or kind: no."""
    assert (RULE.algorithm, RULE.capacity, RULE.ceiling) == ("first_use", 10, 10)
    others = (FirstUseWindow(5, 18_000), FirstUseWindow(10, 60), RollingWindow(10, 18_000))
    assert [RULE.reads(other) for other in others] == [True, False, False]
