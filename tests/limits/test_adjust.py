"""`Ledger.adjust`: what a limit has used, by a person's word."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import FakeClock
from gateway.limits.ledger import Ledger, LimitReachedError, Meter, Need
from gateway.limits.meters import gauge
from gateway.limits.shorthand import make_rule

KINDS = [("minute", "bucket"), ("day", "calendar"), ("15m", "rolling")]
each_kind = pytest.mark.parametrize(("window", "algorithm"), KINDS, ids=[algorithm for _, algorithm in KINDS])


def meter(window: str, algorithm: Any, amount: int = 50, scope: str = "groq") -> Meter:
    """A limit on requests."""
    return Meter.of("provider", scope, "requests", window, make_rule("requests", window, amount, algorithm=algorithm))


def admitted(ledger: Ledger, limit: Meter, clock: FakeClock, tries: int = 60) -> int:
    """How many of so many requests at once get through; they stay in flight."""
    count = 0
    for _ in range(tries):
        try:
            ledger.reserve([limit], Need(), clock.now())
        except LimitReachedError:
            break
        count += 1
    return count


@each_kind
def test_what_was_used_elsewhere_is_room_no_more(clock: FakeClock, window: str, algorithm: str) -> None:
    """Of 50, somebody used 40 already: ten get through. Taken back, the others do too."""
    ledger, limit = Ledger(), meter(window, algorithm)
    ledger.adjust(limit, 40, clock.now())
    assert admitted(ledger, limit, clock) == 10
    ledger.adjust(limit, 0, clock.now())
    assert admitted(ledger, limit, clock) == 40
    assert ledger.held(limit) == 50


@each_kind
def test_more_than_the_whole_is_debt(clock: FakeClock, window: str, algorithm: str) -> None:
    """It says so, and nobody gets through."""
    ledger, limit = Ledger(), meter(window, algorithm)
    ledger.adjust(limit, 70, clock.now())
    shown = gauge(limit, ledger, clock.now())
    assert (shown.used, shown.remaining, admitted(ledger, limit, clock)) == (70, 0, 0)


@each_kind
def test_a_restart_remembers_it(clock: FakeClock, window: str, algorithm: str) -> None:
    """Like anything that was counted."""
    ledger, limit = Ledger(), meter(window, algorithm)
    ledger.adjust(limit, 40, clock.now())
    again = Ledger()
    again.restore(orjson.loads(orjson.dumps(ledger.dump(clock.now()))), [limit], clock.now())
    assert again.used(limit, clock.now()) == 40


def test_only_the_limit_that_was_named_changes(clock: FakeClock) -> None:
    """Keys are accounts of their own."""
    ledger, home, work = Ledger(), meter("day", None, scope="groq#home"), meter("day", None, scope="groq#work")
    ledger.adjust(home, 40, clock.now())
    assert (ledger.used(home, clock.now()), ledger.used(work, clock.now())) == (40, 0)


def test_of_a_rolling_window_what_came_before_expires_in_its_time(clock: FakeClock) -> None:
    """Ten at first, thirty more by hand five minutes later: they go in that order, fifteen minutes after each."""
    ledger, limit = Ledger(), meter("15m", "rolling")
    ledger.adjust(limit, 10, clock.now())
    clock.advance(300)
    ledger.adjust(limit, 40, clock.now())
    clock.advance(601)
    assert ledger.used(limit, clock.now()) == 30
    clock.advance(300)
    assert ledger.used(limit, clock.now()) == 0


def test_the_calendar_forgets_it_with_the_day(clock: FakeClock) -> None:
    """Half a minute before midnight."""
    ledger, limit = Ledger(), meter("day", "calendar")
    ledger.adjust(limit, 40, clock.now())
    clock.advance(31)
    assert ledger.used(limit, clock.now()) == 0


@given(
    kind=st.sampled_from(KINDS),
    deeds=st.lists(st.tuples(st.integers(0, 200), st.floats(0, 2000), st.floats(-4000, 4000)), max_size=20),
    said=st.integers(0, 500),
)
def test_it_is_what_was_said(kind: tuple[str, str], deeds: list[tuple[int, float, float]], said: int) -> None:
    """Whatever was counted before, and however the wall clock was set."""
    clock = FakeClock(1769903970.0)
    ledger, limit = Ledger(), meter(*kind)
    for n, pause_s, jump_s in deeds:
        ledger.adjust(limit, n, clock.now())
        clock.advance(pause_s)
        clock.jump(jump_s)
    ledger.adjust(limit, said, clock.now())
    assert ledger.used(limit, clock.now()) == pytest.approx(said)
    assert gauge(limit, ledger, clock.now()).used == said
