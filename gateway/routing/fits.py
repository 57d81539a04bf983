"""Whether a target can serve a call at all: key, features, context, and the guard over money."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from gateway.catalog.catalog import Target
from gateway.catalog.schema import Paid
from gateway.records import Call

_STRICTEST_FIRST: Final[tuple[Paid, ...]] = ("never", "opt_in", "allow")


class Unfit(Struct, frozen=True):
    """Why a target is left out: the words of a `records.Candidate`."""

    rule: str
    """`no_key`, `off`, `paid`, `price_unknown`, `context`, or the feature that is missing."""
    text: str


def paid_rule(*rules: Paid) -> Paid:
    """The strictest of the rules that apply: `never`, then `opt_in`, then `allow`, which is also no rule at all."""
    return min(rules, key=_STRICTEST_FIRST.index, default="allow")


def may_spend(target: Target, paid: Paid, may_pay: bool, *, cost_limited: bool = False) -> bool:
    """Whether the money guard lets this target be called. Also asked at the last moment before the socket.

    `may_pay`: the caller sent `x-gateway-paid: yes`. `cost_limited`: a limit in money applies to the caller; the
    target's own are seen here.
    """
    return _money(target, paid, may_pay, cost_limited) is None


def unfit(target: Target, call: Call, paid: Paid, *, cost_limited: bool = False) -> Unfit | None:
    """What keeps the target from serving the call, whatever the hour; None if it fits.

    `paid` is the strictest rule that applies, `cost_limited` as in `may_spend`.
    """
    if target.idle:
        return Unfit(target.idle, target.idle_text)
    if target.auth == "passthrough" and not call.authorization:
        return Unfit("no_key", "the caller sent no Authorization to pass on")
    if call.needs and target.features is not None and (missing := sorted(call.needs - target.features)):
        return Unfit(missing[0], f"does not do {', '.join(missing).replace('_', ' ')}")
    if target.context is not None:
        answer = call.max_tokens or 0
        needed = call.estimate + (answer if target.max_output is None else min(answer, target.max_output))
        if needed > target.context:
            return Unfit("context", f"needs {needed:,} tokens, context is {target.context:,}")
    return _money(target, paid, call.may_pay, cost_limited)


def could_be_free(targets: Iterable[Target]) -> bool:
    """Whether one of the targets could ever serve for nothing: if none, 403 `paid_not_allowed` is the answer, not 429.

    One whose key is not set counts, since setting it is all it takes; one that the configuration leaves out does not.
    """
    return any(target.free and target.idle not in {"off", "score"} for target in targets)


def _money(target: Target, paid: Paid, may_pay: bool, cost_limited: bool) -> Unfit | None:
    if target.free:
        return None
    if target.price is None:  # unknown is never zero, and no limit could count it
        if paid == "never":
            return Unfit("price_unknown", "its price is unknown, and only free models are allowed")
        if cost_limited or any(meter.unit == "cost" for meter in target.meters):
            return Unfit("price_unknown", "its price is unknown, and a cost limit applies")
    if paid == "never":
        return Unfit("paid", "costs money, and only free models are allowed")
    if paid == "opt_in" and not may_pay:
        return Unfit("paid", "costs money, which needs the header x-gateway-paid: yes")
    return None
