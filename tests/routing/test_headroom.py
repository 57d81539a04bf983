"""The share that is left of a target's tightest limit."""

import pytest

from gateway.clock import FakeClock
from gateway.limits.ledger import Ledger, Need
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import Meter
from gateway.routing.headroom import headroom
from tests.providers.targets import target

REQUESTS = Meter.of("model", "a/m", "requests", "day", make_rule("requests", "day", 10))
TOKENS = Meter.of("model", "a/m", "tokens", "day", make_rule("tokens", "day", 1000))
COST = Meter.of("provider", "a", "cost", "day", make_rule("cost", "day", 10**9))
NONE = Meter.of("provider", "a", "requests", "hour", make_rule("requests", "hour", 0))


@pytest.mark.parametrize(
    ("meters", "free", "room"),
    [
        pytest.param((), False, 1.0, id="no limits"),
        pytest.param((REQUESTS,), False, 0.8, id="one used, one held"),
        pytest.param((REQUESTS, TOKENS), False, 0.5, id="the tightest counts"),
        pytest.param((REQUESTS, COST), False, 0.25, id="money too"),
        pytest.param((REQUESTS, COST), True, 0.8, id="but not for what costs nothing"),
        pytest.param((REQUESTS, NONE), False, 0.0, id="nothing is allowed"),
    ],
)
def test_the_tightest_limit(meters: tuple[Meter, ...], free: bool, room: float, clock: FakeClock) -> None:
    """After what requests in flight hold."""
    ledger, now = Ledger(), clock.now()
    every = (REQUESTS, TOKENS, COST)
    ledger.settle(ledger.reserve(every, Need(1, 100), now), Need(1, 100, 0, 250_000_000), now)
    ledger.reserve(every, Need(1, 300, 100, 500_000_000), now)
    assert headroom(target(meters=meters, free=free), ledger, now) == pytest.approx(room)
