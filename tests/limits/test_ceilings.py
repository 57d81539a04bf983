"""Limits that nothing is ever used up of."""

import pytest

from gateway.clock import FakeClock
from gateway.limits.ceilings import Concurrency, PerRequest
from gateway.limits.ledger import NOTHING, Ledger, LimitReachedError, Meter, Need
from gateway.limits.shorthand import Unit, make_rule

WALL = 1_767_268_800.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=WALL)


def meter(unit: Unit, amount: int) -> Meter:
    return Meter.of("key", "groq#home", unit, "", make_rule(unit, "", amount))


@pytest.mark.parametrize("rule", [Concurrency(4), PerRequest(4)], ids=["concurrency", "per_request"])
def test_nothing_is_ever_used(rule: Concurrency | PerRequest, clock: FakeClock) -> None:
    """No wait, no reset, nothing to remember; only what is larger than the amount never fits."""
    state = rule.fresh(clock.now())
    rule.add(state, 3, clock.now())
    assert (rule.used(state, clock.now()), rule.capacity, rule.ceiling) == (0, 4, 4)
    assert [rule.opens_in(state, n, clock.now()) for n in (1, 4, 5)] == [0, 0, float("inf")]
    assert (rule.full_in(state, 4, clock.now()), rule.resets_at(state, clock.now())) == (0, None)
    assert rule.dump(state, clock.now()) == []
    assert rule.load([], clock.now()) == state
    assert [rule.reads(other) for other in (type(rule)(9), None)] == [True, False]


def test_what_they_are_called() -> None:
    """In `/usage/current`, and neither reads the other's state."""
    assert (Concurrency(1).algorithm, PerRequest(1).algorithm) == ("concurrency", "per_request")
    assert not Concurrency(1).reads(PerRequest(1))


def test_as_many_as_may_run_until_one_ends(clock: FakeClock) -> None:
    """A judged head keeps its place; the end of the answer frees it, whatever came of it."""
    ledger, limit = Ledger(), meter("concurrent_requests", 2)
    first, second = (ledger.reserve([limit], Need(1, 10, 10), clock.now()) for _ in range(2))
    ledger.charge_request(first, clock.now())
    clock.advance(86_400)
    with pytest.raises(LimitReachedError) as caught:
        ledger.reserve([limit], Need(1, 10, 10), clock.now())
    (short,) = caught.value.shortfalls
    assert (short.used, short.held, short.amount, short.by_holds, short.never) == (0, 2, 2, True, False)
    ledger.settle(first, Need(1, 10, 10), clock.now())
    ledger.settle(first, Need(1, 10, 10), clock.now())
    third = ledger.reserve([limit], Need(1, 10, 10), clock.now())
    assert (ledger.used(limit, clock.now()), ledger.held(limit)) == (0, 2)
    ledger.settle(second, NOTHING, clock.now())
    ledger.settle(third, NOTHING, clock.now())
    assert (ledger.used(limit, clock.now()), ledger.held(limit)) == (0, 0)


def test_none_may_run(clock: FakeClock) -> None:
    """0 allows nothing, ever."""
    ledger, limit = Ledger(), meter("concurrent_requests", 0)
    (short,) = ledger.shortfalls([limit], Need(), clock.now())
    assert (short.never, short.opens_at) == (True, None)


def test_a_restart_finds_nothing_running(clock: FakeClock) -> None:
    """What was in flight has ended with the process; a changed amount keeps what runs."""
    ledger, limit = Ledger(), meter("concurrent_requests", 2)
    ledger.reserve([limit], Need(), clock.now())
    after = Ledger()
    after.restore(ledger.dump(clock.now()), [limit], clock.now())
    assert (after.used(limit, clock.now()), after.held(limit)) == (0, 0)
    ledger.retain([meter("concurrent_requests", 1)], clock.now())
    with pytest.raises(LimitReachedError):
        ledger.reserve([limit], Need(), clock.now())


@pytest.mark.parametrize(
    ("need", "fits"),
    [
        pytest.param(Need(1, 3000, 5000), True, id="just as large"),
        pytest.param(Need(1, 3000, 5001), False, id="expected to be larger"),
        pytest.param(Need(1, 3000, 500, asked=5001), False, id="asks for more"),
        pytest.param(Need(1, 8001, 0), False, id="its input alone"),
    ],
)
def test_a_request_larger_than_it_is_never_admitted(clock: FakeClock, need: Need, fits: bool) -> None:
    """However many there are, and though nothing else is in the way; nobody is told to wait."""
    ledger, limit = Ledger(), meter("tokens_per_request", 8000)
    for _ in range(3):
        if fits:
            ledger.reserve([limit], need, clock.now())
        else:
            with pytest.raises(LimitReachedError) as caught:
                ledger.reserve([limit], need, clock.now())
            assert (caught.value.never, caught.value.shortfalls[0].opens_at) == (True, None)
    assert (ledger.used(limit, clock.now()), ledger.held(limit)) == (0, 0)
