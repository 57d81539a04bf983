"""A ledger under another configuration, in steps."""

from gateway.clock import FakeClock
from gateway.limits.ledger import Ledger, Meter, Need
from gateway.limits.shorthand import make_rule


def meter(amount: int, scope: str = "groq") -> Meter:
    return Meter.of("provider", scope, "requests", "day", make_rule("requests", "day", amount))


def test_many_counters_are_changed_a_few_at_a_time(clock: FakeClock) -> None:
    """A request in between sees the old amount or the new one, and what it takes stays counted."""
    ledger = Ledger()
    for n in range(1000):
        ledger.settle(ledger.reserve([meter(5, f"p{n}")], Need(), clock.now()), Need(1), clock.now())
    after = [meter(7, f"p{n}") for n in range(1000)]
    steps = ledger.retaining(after, clock.now())
    capacities = set()
    turns = 0
    for _ in steps:
        turns += 1
        ledger.settle(ledger.reserve(after[500:501], Need(), clock.now()), Need(1), clock.now())
        capacities.add(ledger.standing(after[500], clock.now())[0].capacity)
    assert turns == 5
    assert capacities == {5, 7}
    assert ledger.used(after[500], clock.now()) == 1 + turns
    assert {ledger.standing(each, clock.now())[0].capacity for each in after} == {7}


def test_a_request_of_the_older_configuration_opens_no_older_limit(clock: FakeClock) -> None:
    """It began before the reload, and is the first that comes to this counter."""
    ledger = Ledger()
    ledger.retain([meter(7)], clock.now())
    ledger.settle(ledger.reserve([meter(5)], Need(), clock.now()), Need(1), clock.now())
    assert ledger.standing(meter(7), clock.now())[0].capacity == 7
    assert ledger.used(meter(7), clock.now()) == 1
