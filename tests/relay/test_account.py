"""What is held before an answer, and charged after it."""

from gateway.catalog.catalog import Client
from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import Meter, Need
from gateway.records import Secret, Usage
from gateway.relay import account
from tests.fakes import FakeUpstream

from .story import make

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": %d}'


def test_the_expected_answer_is_the_least_of_what_bounds_it(clock: FakeClock) -> None:
    """`max_tokens` below 512 is believed; above it, 512 are held, or every free model would look exhausted."""
    paid = make(FakeUpstream(), clock).state.catalog.exact["paid/big"][0]
    small, large = (read_call(BODY % bound, id="r") for bound in (100, 32_000))
    assert account.need(paid, small) == Need(
        1, small.estimate, 100, small.estimate * 1000 + 200_000, small.estimate * 1000, asked=100
    )
    assert (account.need(paid, large).output, account.need(paid, large).asked) == (512, 32_000)


def test_what_costs_nothing_holds_no_money(clock: FakeClock) -> None:
    """A free target passes a spent budget."""
    free = make(FakeUpstream(), clock).state.catalog.exact["free/small"][0]
    assert account.need(free, read_call(BODY % 10, id="r")).cost_nanousd == 0
    assert (account.cost(free, Usage(10, 10)), account.list_price(free, Usage(10, 10))) == (0, None)
    assert account.cost(free, Usage(10, 10, cost_nanousd=7)) == 7


def test_a_clients_requests_are_not_counted_per_attempt(clock: FakeClock) -> None:
    """Its tokens are."""
    target = make(FakeUpstream(), clock).state.catalog.exact["free/small"][0]
    requests, tokens = (
        Meter.of("client", "c", unit, "day", make_rule(unit, "day", 5, timezone="UTC"))
        for unit in ("requests", "tokens")
    )
    client = Client(name="c", secret=Secret("k"), meters=(requests, tokens))
    assert account.meters_of(target, client) == (*target.meters, tokens)
    assert list(account.requests_of(client)) == [requests]
    assert (account.meters_of(target, None), account.requests_of(None)) == (target.meters, ())
