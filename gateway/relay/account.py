"""What an attempt holds, and what it is charged in the end: the table "What is charged" of the contract."""

from collections.abc import Sequence

from gateway.catalog.catalog import Client, Target
from gateway.limits.ledger import Meter, Need
from gateway.pricing import cost_nanousd, expected_nanousd, list_price_nanousd
from gateway.records import Call, Usage

PER_CALL = frozenset({"requests", "concurrent_requests"})
"""Units of which a client's call takes one, however many attempts it needs."""

EXPECTED_OUTPUT = 512
"""Output tokens that are held for an answer of unknown length, where no lower bound is known."""


def need(target: Target, call: Call) -> Need:
    """What `call` is expected to take of `target`'s limits."""
    bounds = [bound for bound in (call.max_tokens, target.max_output) if bound is not None]
    output = min(*bounds, EXPECTED_OUTPUT) if bounds else EXPECTED_OUTPUT
    asked = min(bounds) if call.max_tokens else 0
    if target.free or target.price is None:
        return Need(1, call.estimate, output, asked=asked)
    price = target.price
    return Need(
        1,
        call.estimate,
        output,
        expected_nanousd(price, call.estimate, output),
        expected_nanousd(price, call.estimate, 0),
        asked,
    )


def spent(target: Target, usage: Usage) -> Need:
    """What the usage takes of the limits."""
    return Need(1, usage.input, usage.output, cost(target, usage) or 0)


def cost(target: Target, usage: Usage) -> int | None:
    """Nano-dollars; None where no price is known."""
    if target.free:
        return usage.cost_nanousd or 0
    return cost_nanousd(target.price, usage)


def list_price(target: Target, usage: Usage) -> int | None:
    """What it would cost at list price; None where none is known."""
    return None if target.price is None else list_price_nanousd(target.price, usage)


def expectation(expected: Need) -> Usage:
    """The usage of an attempt that was sent and never answered: what was held stands."""
    return Usage(input=expected.input, output=expected.output, estimated=True)


def meters_of(target: Target, client: Client | None) -> Sequence[Meter]:
    """Every limit that an attempt has to pass. A client's own requests count per call, not per attempt."""
    if client is None or not client.meters:
        return target.meters
    return (*target.meters, *(meter for meter in client.meters if meter.unit not in PER_CALL))


def requests_of(client: Client | None) -> Sequence[Meter]:
    """The limits on how often, and how much at once, a client may ask."""
    return () if client is None else [meter for meter in client.meters if meter.unit in PER_CALL]
