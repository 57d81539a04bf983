"""What a journal says of a rule: an old dump and every change since make what a dump would say now."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import FakeClock
from gateway.limits.ceilings import Concurrency
from gateway.limits.rules import CalendarWindow, FirstUseWindow, RollingWindow, Rule, TokenBucket
from gateway.limits.states import Entry, State

BUCKET = TokenBucket(10, 60.0, 10)
ROLLING = RollingWindow(10, 60.0)
RULES: list[Rule] = [BUCKET, ROLLING, CalendarWindow(10, "minute", "Europe/Berlin"), FirstUseWindow(10, 60.0)]
NAMES = ["bucket", "rolling", "calendar", "first_use"]

ACTIONS = st.lists(
    st.tuples(st.just("add"), st.integers(1, 9))
    | st.tuples(st.just("wait"), st.floats(0.001, 100))
    | st.tuples(st.just("dump"), st.just(0)),
    max_size=40,
)


def restored(rule: Rule, values: list[Any], clock: FakeClock) -> State:
    return rule.load(values, clock.now())


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
@given(ACTIONS)
def test_a_dump_and_what_changed_since_is_all(rule: Rule, actions: list[tuple[str, float]]) -> None:
    """Each entry is absolute: to be told twice, or of what the dump knows already, changes nothing."""
    clock = FakeClock(wall=1_767_268_800.0)
    state = rule.fresh(clock.now())
    values: list[float] = []
    told: list[Entry] = []
    for action, n in actions:
        if action == "wait":
            clock.advance(n)
        elif action == "dump":
            values = rule.dump(state, clock.now())  # what was told before it may be told again after it
        else:
            since = state.serial
            rule.add(state, n, clock.now())
            told += reversed(rule.entries(state, since, clock.now()))
    for entry in told:
        values = rule.amended(values, entry)
    found = restored(rule, values, clock)
    assert rule.used(found, clock.now()) == pytest.approx(rule.used(state, clock.now()))
    for load in (1, 5, 10):
        opens_in = rule.opens_in(state, load, clock.now())
        assert rule.opens_in(found, load, clock.now()) == pytest.approx(opens_in, abs=1e-4)


def test_a_window_that_was_turned_to_is_told_with_what_it_brought(clock: FakeClock) -> None:
    """And the one before stays known: a clock that is set back does not open it again."""
    rule = CalendarWindow(10, "minute")
    state = rule.fresh(clock.now())
    rule.add(state, 7, clock.now())
    values = rule.dump(state, clock.now())
    clock.advance(60)
    rule.add(state, 2, clock.now())
    (entry,) = rule.entries(state, 0, clock.now())
    found = restored(rule, rule.amended(values, entry), clock)
    assert rule.used(found, clock.now()) == 2
    clock.jump(-150)
    assert rule.used(found, clock.now()) == rule.used(state, clock.now())
    clock.jump(60)
    assert rule.used(found, clock.now()) == rule.used(state, clock.now()) == 9


def test_slices_that_a_journal_lost_count_nothing() -> None:
    """Whatever order they are told in, before or behind those that are known."""
    known = [5, 100.0, 2]
    assert ROLLING.amended(known, (5, 100.0, 3)) == [5, 100.0, 3]
    assert ROLLING.amended(known, (6, 101.0, 1)) == [5, 100.0, 2, 101.0, 1]
    assert ROLLING.amended(known, (8, 103.0, 1)) == [5, 100.0, 2, 103.0, 0, 103.0, 0, 103.0, 1]
    assert ROLLING.amended(known, (3, 98.0, 4)) == [3, 98.0, 4, 98.0, 0, 100.0, 2]
    assert ROLLING.amended([], (3, 98.0, 4)) == [3, 98.0, 4]


def test_slices_keep_their_numbers(clock: FakeClock) -> None:
    """Over expiry, taking back and restarts: a number means one slice."""
    state = ROLLING.fresh(clock.now())
    for _ in range(3):
        ROLLING.add(state, 1, clock.now())
        clock.advance(25)
    assert [entry[0] for entry in ROLLING.entries(state, 2, clock.now())] == [3, 2]
    assert ROLLING.dump(state, clock.now())[0] == 2  # the first has expired
    state = restored(ROLLING, ROLLING.dump(state, clock.now()), clock)
    ROLLING.add(state, 1, clock.now())
    assert [entry[0] for entry in ROLLING.entries(state, 0, clock.now())] == [4, 3, 2]
    ROLLING.add(state, -1, clock.now())
    assert [entry[0] for entry in ROLLING.entries(state, 3, clock.now())] == [3]


def test_what_has_no_window_tells_nothing(clock: FakeClock) -> None:
    rule = Concurrency(3)
    assert rule.entries(rule.fresh(clock.now()), 0, clock.now()) == []
    assert rule.amended([], (0, 0.0, 1)) == []
