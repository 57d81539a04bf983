"""A limit under what its provider reported, by itself and in the ledger."""

from math import inf
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import FakeClock, Moment
from gateway.limits.ledger import NOTHING, Ledger, LimitReachedError, Need
from gateway.limits.reported import Lowered, Reported, bare, counted
from gateway.limits.rules import TokenBucket
from gateway.limits.shorthand import Unit, make_rule
from gateway.limits.terms import Meter

WALL = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""
ALGORITHMS = ["bucket", "calendar", "rolling"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=WALL)


def meter(unit: Unit = "requests", window: str = "hour", amount: int = 10, algorithm: str | None = "calendar") -> Meter:
    return Meter.of("model", "groq/llama", unit, window, make_rule(unit, window, amount, algorithm=algorithm))


def told(over: int, left_s: float = 60.0, **more: Any) -> Reported:
    """Groq's word at noon."""
    return Reported(by="groq", remaining=10 - over, over=over, drift=over, at=WALL, until=WALL + left_s, **more)


def admitted(ledger: Ledger, limit: Meter, clock: FakeClock, tries: int = 20) -> int:
    """How many requests get in and stay."""
    found = 0
    for _ in range(tries):
        try:
            ledger.charge_request(ledger.reserve([limit], Need(), clock.now()), clock.now())
            found += 1
        except LimitReachedError:
            break
    return found


@pytest.mark.parametrize("algorithm", ["calendar", "rolling"])
def test_less_is_let_in_until_the_reset(clock: FakeClock, algorithm: str) -> None:
    """Seven of ten were somebody else's: three more get in. After the reset our own three are all that is used."""
    ledger, limit = Ledger(), meter(algorithm=algorithm)
    ledger.report(limit, told(7), clock.now())
    assert admitted(ledger, limit, clock) == 3
    clock.advance(59.9)
    assert admitted(ledger, limit, clock) == 0
    clock.advance(0.1)
    assert admitted(ledger, limit, clock) == 7


@pytest.mark.parametrize(
    ("counted", "left_s", "fitting"),
    [
        pytest.param(0, 40.0, {0: 20, 10: 30, 20: 40, 39: 59}, id="the others' alone"),
        pytest.param(20, 60.0, {0: 0, 10: 10, 20: 20, 40: 40, 59: 59}, id="after ours"),
        pytest.param(20, 10.0, {0: 0, 5: 25, 10: 50}, id="a reset that is sooner than a refill"),
    ],
)
def test_a_bucket_gets_it_back_bit_by_bit(
    clock: FakeClock, counted: int, left_s: float, fitting: dict[int, int]
) -> None:
    """Of 60 a minute 40 were somebody else's: what is there grows until the reset, at least as fast as we refill."""
    ledger, limit = Ledger(), meter("tokens", "minute", 60, "bucket")
    ledger.settle(ledger.reserve([limit], Need(1, counted), clock.now()), Need(1, counted), clock.now())
    ledger.report(limit, told(40, left_s), clock.now())
    for second, n in fitting.items():
        clock.advance(second - (clock.wall - WALL))
        assert 60 - ledger.used(limit, clock.now()) == pytest.approx(n, abs=1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_refusal_shuts_until_its_end(clock: FakeClock, algorithm: str) -> None:
    """However little we counted, and whatever a bucket refills meanwhile; what it is waited for is said exactly."""
    ledger, limit = Ledger(), meter(window="minute", algorithm=algorithm)
    ledger.report(limit, told(0, 45.0, shut=True), clock.now())
    with pytest.raises(LimitReachedError) as refused:
        ledger.reserve([limit], Need(), clock.now())
    (shortfall,) = refused.value.shortfalls
    assert (shortfall.wait_s, shortfall.opens_at, shortfall.by_holds) == (45.0, WALL + 45, False)
    assert shortfall.text == "10 of 10 requests per minute used"
    clock.advance(45)
    assert admitted(ledger, limit, clock) == 10


@pytest.mark.parametrize("word", [told(0), told(5, 0.0), told(5, -9.0)], ids=["nothing lacks", "no time", "over"])
def test_a_report_of_nothing_changes_nothing(clock: FakeClock, word: Reported) -> None:
    """Not even for a bucket that never refills."""
    ledger, limit = Ledger(), meter("tokens", "minute", 0, "bucket")
    ledger.report(limit, word, clock.now())
    (shortfall,) = ledger.shortfalls([limit], Need(1, 1), clock.now())
    assert (shortfall.never, ledger.used(limit, clock.now())) == (True, 0)


def test_a_bucket_that_never_refills_gets_the_others_part_back(clock: FakeClock) -> None:
    """What they used may come back at their reset; what we used does not."""
    rule = TokenBucket(amount=0, per_s=60.0, burst=10)
    state = rule.fresh(clock.now())
    rule.add(state, 4, clock.now())
    lowered = Lowered(rule, told(6), clock.now())
    assert (lowered.opens_in(state, 3, clock.now()), lowered.opens_in(state, 7, clock.now())) == (30, inf)


def test_nothing_fits_alone_into_a_limit_that_others_used(clock: FakeClock) -> None:
    """What is larger than the room waits for the reset, or for the refill of ours."""
    ledger, limit = Ledger(), meter("tokens", "minute", 1000, "bucket")
    ledger.report(limit, told(400, 30.0), clock.now())
    with pytest.raises(LimitReachedError) as refused:
        ledger.reserve([limit], Need(1, 500, 2000), clock.now())
    assert refused.value.wait_s == 30.0


def test_a_wait_is_no_longer_than_our_own_refill(clock: FakeClock) -> None:
    """600 of ours and 300 of theirs: 200 fit when 100 of ours are refilled, long before the report ends."""
    ledger, limit = Ledger(), meter("tokens", "minute", 1000, "bucket")
    ledger.settle(ledger.reserve([limit], Need(1, 600), clock.now()), Need(1, 600), clock.now())
    ledger.report(limit, told(300, 50.0), clock.now())
    with pytest.raises(LimitReachedError) as refused:
        ledger.reserve([limit], Need(1, 200), clock.now())
    assert refused.value.wait_s == pytest.approx(6.0)
    clock.advance(6.0)
    ledger.reserve([limit], Need(1, 200), clock.now())


def test_the_next_report_takes_the_place_of_the_last(clock: FakeClock) -> None:
    """More or less, or as much as we think."""
    ledger, limit = Ledger(), meter()
    for over in (7, 2, 5):
        ledger.report(limit, told(over), clock.now())
        assert ledger.used(limit, clock.now()) == over
    ledger.report(limit, None, clock.now())
    assert (ledger.used(limit, clock.now()), ledger.reported(limit, clock.now())) == (0, None)


def test_a_refusal_is_not_lifted_by_answers_that_were_under_way(clock: FakeClock) -> None:
    """Only another refusal knows better, until it is over."""
    ledger, limit = Ledger(), meter()
    ledger.report(limit, told(10, 60.0, shut=True), clock.now())
    ledger.report(limit, told(2), clock.now())
    ledger.report(limit, None, clock.now())
    assert admitted(ledger, limit, clock) == 0
    ledger.report(limit, told(10, 20.0, shut=True), clock.now())
    clock.advance(20)
    ledger.report(limit, told(2), clock.now())
    assert ledger.used(limit, clock.now()) == 2


def test_a_person_lifts_what_was_reported(clock: FakeClock) -> None:
    """A refusal too; our own count stays, and what there was is given."""
    ledger, limit = Ledger(), meter()
    word = told(0, 45.0, shut=True)
    ledger.settle(ledger.reserve([limit], Need(), clock.now()), Need(), clock.now())
    ledger.report(limit, word, clock.now())
    assert ledger.lift(limit, clock.now()) == word
    assert (ledger.lift(limit, clock.now()), ledger.reported(limit, clock.now())) == (None, None)
    assert ledger.used(limit, clock.now()) == 1
    assert Ledger().lift(limit, clock.now()) is None


def test_a_clock_that_is_set_neither_ends_nor_keeps_a_report(clock: FakeClock) -> None:
    """It holds for a length of time; the wall clock only says how that is written."""
    ledger, limit = Ledger(), meter(algorithm="rolling")
    ledger.report(limit, told(7), clock.now())
    for jump_s in (-1e7, 3e7):
        clock.wall += jump_s
        found = ledger.reported(limit, clock.now())
        assert found is not None
        assert found.until == pytest.approx(clock.wall + 60)
    clock.advance(60)
    assert ledger.reported(limit, clock.now()) is None


def test_a_limit_nobody_asked_about_has_no_report(clock: FakeClock) -> None:
    """Asking opens nothing."""
    ledger = Ledger()
    assert ledger.reported(meter(), clock.now()) is None
    assert ledger.dump(clock.now()) == {}


def test_a_report_outlives_a_restart(clock: FakeClock) -> None:
    """As JSON, for the rest of its time, beside the count; one that is over is not written."""
    ledger, limit, other = Ledger(), meter(), meter("tokens")
    ledger.report(limit, told(7), clock.now())
    ledger.report(other, told(7, 10.0), clock.now())
    admitted(ledger, limit, clock, tries=1)
    clock.advance(20)
    dump = orjson.loads(orjson.dumps(ledger.dump(clock.now())))
    assert list(dump) == [limit.id]
    clock.advance(10)
    again = Ledger()
    again.restore(dump, [limit], clock.now())
    assert again.reported(limit, clock.now()) == told(7)
    assert (again.used(limit, clock.now()), admitted(again, limit, clock)) == (8, 2)
    clock.advance(30)
    assert again.used(limit, clock.now()) == 3


@pytest.mark.parametrize(("set_by_s", "left_s"), [(-3e7, 60), (-5, 60), (20, 40), (3e7, None)])
def test_a_clock_that_was_set_between_two_runs(clock: FakeClock, set_by_s: float, left_s: float | None) -> None:
    """How long nothing ran is only known by the wall clock: the report is over, or holds no longer than it would."""
    ledger, limit = Ledger(), meter(algorithm="rolling")
    ledger.report(limit, told(7), clock.now())
    clock.wall -= 1000  # set before that, which is no matter
    dump = ledger.dump(clock.now())
    clock.wall += set_by_s
    again = Ledger()
    again.restore(dump, [limit], clock.now())
    found = again.reported(limit, clock.now())
    assert (found and found.until - clock.wall) == (left_s and pytest.approx(left_s))


def test_a_reload_without_change_keeps_a_report(clock: FakeClock) -> None:
    """Nothing was said about this limit."""
    ledger, limit = Ledger(), meter()
    ledger.report(limit, told(7), clock.now())
    ledger.retain([limit], clock.now())
    assert ledger.used(limit, clock.now()) == 7


@pytest.mark.parametrize("algorithm", ["calendar", "bucket"])
def test_another_amount_ends_a_report_but_no_refusal(clock: FakeClock, algorithm: str) -> None:
    """What was lacking of ten is not what lacks of twenty; a refusal is one of either. Our own count stays."""
    ledger, lowered, shut = Ledger(), meter(), meter("tokens")
    ledger.settle(ledger.reserve([lowered, shut], Need(1, 2), clock.now()), Need(1, 2), clock.now())
    ledger.report(lowered, told(7), clock.now())
    ledger.report(shut, told(7, shut=True), clock.now())
    more = [meter(amount=20, algorithm=algorithm), meter("tokens", amount=20, algorithm=algorithm)]
    ledger.retain(more, clock.now())
    assert [ledger.used(each, clock.now()) for each in more] == [1, pytest.approx(20)]
    clock.advance(60)
    assert ledger.used(more[1], clock.now()) <= 2


def test_what_was_given_back_is_taken_from_our_own_count(clock: FakeClock) -> None:
    """The rule's count goes on beneath the report."""
    ledger, limit = Ledger(), meter()
    ledger.report(limit, told(7), clock.now())
    ledger.settle(ledger.reserve([limit], Need(), clock.now()), NOTHING, clock.now())
    rule, state, _ = ledger.standing(limit, clock.now())
    rule.add(state, 3, clock.now())
    rule.add(state, -1, clock.now())
    assert (counted(rule, state, clock.now()), rule.used(state, clock.now())) == (2, 9)
    assert (bare(rule), rule.algorithm) == (limit.rule, "calendar")


@settings(deadline=None)
@given(
    st.sampled_from(ALGORITHMS),
    st.integers(1, 50),
    st.integers(0, 60),
    st.integers(0, 50),
    st.floats(0.5, 7000),
    st.booleans(),
    st.integers(1, 50),
)
def test_a_wait_is_as_long_as_it_takes(
    algorithm: str, amount: int, used: int, over: int, left_s: float, shut: bool, load: int
) -> None:
    """After `opens_in` it fits, and half-way there it did not; it is all there again after `full_in`."""
    rule = make_rule("requests", "hour", amount, algorithm=algorithm)
    now = Moment(WALL + 1000, 5000.0)
    state = rule.fresh(now)
    rule.add(state, used, now)
    lowered = Lowered(rule, told(min(over, amount), left_s + 1000, shut=shut), now)
    load = min(load, amount)
    opens_s = lowered.opens_in(state, load, now)
    full_s = lowered.full_in(state, 0, now)
    if opens_s > 0:
        half = Moment(now.wall + opens_s / 2, now.boot + opens_s / 2)
        assert lowered.used(state, half) + load > lowered.ceiling
    # A hair later: moments are floats.
    then = Moment(now.wall + opens_s + 1e-3, now.boot + opens_s + 1e-3)
    assert lowered.used(state, then) + load <= lowered.ceiling
    assert full_s >= left_s - 1e-3
    full = Moment(now.wall + full_s + 1e-3, now.boot + full_s + 1e-3)
    assert lowered.used(state, full) == 0
    assert lowered.opens_in(state, load, full) == 0
