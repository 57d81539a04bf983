"""What an attempt holds, and what it is charged in the end: the table "What is charged" of the contract."""

from collections.abc import Sequence
from math import ceil

from gateway.catalog.catalog import Client, Target
from gateway.dialects.edits import BOUNDS
from gateway.dialects.taps import UsageTap
from gateway.limits.forecast import NO_MONEY, Outlook, Rates
from gateway.limits.learned import Ended, Learned
from gateway.limits.ledger import Meter, Need, Reservation
from gateway.limits.shorthand import UNITS
from gateway.pricing import cost_nanousd, dearest_nanousd, list_price_nanousd
from gateway.records import Call, Usage

TOKENS, COST = UNITS.index("tokens"), UNITS.index("cost")
"""Places in UNITS."""

PER_CALL = frozenset({"requests", "concurrent_requests"})
"""Units of which a client's call takes one, however many attempts it needs."""


def outlook(target: Target, call: Call, learned: Learned) -> Outlook:
    """What is known of `call`'s answer by `target` before it is made."""
    bound = _bound(target, call)
    return Outlook(
        past=learned.past(target.id, call.client),
        estimate=call.estimate,
        bound=bound,
        may_bound=_may_bound(target),
        thinking=call.thinking,
        choices=call.choices,
        asked=(bound or 0) * call.choices if call.max_tokens else 0,
        rates=_rates(target),
    )


def _bound(target: Target, call: Call) -> int | None:
    """The most output tokens of one choice, as the provider will be told; None where nothing bounds them."""
    set_ = [value for name in BOUNDS if isinstance(value := target.set.get(name), int) and value > 0]
    told = [call.max_tokens] if call.max_tokens and not any(name in target.drop for name in BOUNDS) else []
    known = [*(set_ or told), *([target.max_output] if target.max_output else [])]
    return min(known, default=None)


def _may_bound(target: Target) -> bool:
    """Whether what is sent may say a bound: not where the provider's entry does."""
    return not any(name in target.set or name in target.drop for name in BOUNDS)


def _rates(target: Target) -> Rates:
    if target.free or target.price is None:
        return NO_MONEY
    return Rates(target.price.request, *dearest_nanousd(target.price))


def unbounded(target: Target, call: Call, meters: Sequence[Meter]) -> bool:
    """Whether a limit is `strict` in so many words, and nothing bounds the answer nor may."""
    return not _may_bound(target) and any(meter.strict for meter in meters) and _bound(target, call) is None


def reserved(outlook: Outlook, reservation: Reservation) -> int:
    """Tokens of input and answer that are expected, or bounded."""
    forecast = outlook.at(bound=reservation.bound)
    return forecast.most(TOKENS) if reservation.bound else forecast.hold(TOKENS)[0]


def told(outlook: Outlook, reservation: Reservation) -> str:
    """What a strict limit made of the request: `max_tokens 8192 -> 1860 by strict`; empty for nothing."""
    if reservation.told is None:
        return ""
    return f"max_tokens {outlook.bound or 'unset'} -> {reservation.told} by strict"


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


def expectation(outlook: Outlook, bound: int | None) -> Usage:
    """The usage of an attempt that was sent and never answered: what was held stands."""
    expected = outlook.at(bound=bound)
    input_ = ceil(expected.input)
    return Usage(input=input_, output=ceil(expected.input + expected.output) - input_, estimated=True)


def usage(tap: UsageTap, outlook: Outlook) -> Usage:
    """What to charge for an answer: what was reported, else the input that is expected and what was seen, and 5 %."""
    if reported := tap.usage:
        return reported
    return tap.estimate(outlook.at().input, outlook.past.model.pace.per_seen)


def ended(tap: UsageTap, outlook: Outlook, told: int | None, first_s: float | None, duration_s: float) -> Ended | None:
    """What an answer teaches: nothing, unless it ended by itself and said what it took."""
    reported = tap.usage
    if reported is None or not tap.finished or tap.failed:
        return None
    output = ceil(reported.output / outlook.choices)
    return Ended(
        estimate=outlook.estimate,
        input=reported.input,
        output=output,
        cut=tap.cut or (told is not None and output >= told),
        seen=tap.relayed // outlook.choices,
        first_s=first_s,
        duration_s=duration_s,
    )


def meters_of(target: Target, client: Client | None) -> Sequence[Meter]:
    """Every limit that an attempt has to pass. A client's own requests count per call, not per attempt."""
    if client is None or not client.meters:
        return target.meters
    return (*target.meters, *(meter for meter in client.meters if meter.unit not in PER_CALL))


def requests_of(client: Client | None) -> Sequence[Meter]:
    """The limits on how often, and how much at once, a client may ask."""
    return () if client is None else [meter for meter in client.meters if meter.unit in PER_CALL]
