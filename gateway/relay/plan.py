"""The story of a request that is not sent: the steps of the relay, each only looked at.

Takes nothing of any limit, begins no probe and moves no turn on; so the next request of the same kind, if it comes
at once, goes where this says.
"""

from gateway.catalog.catalog import Client, Resolution, Target
from gateway.clock import Moment
from gateway.limits import meters
from gateway.limits.ledger import LimitReachedError, Need
from gateway.limits.meters import Gauge
from gateway.records import Call, Settled
from gateway.routing.explain import numbers, room
from gateway.state import State

from . import account, candidates
from .journey import Journey


def plan(state: State, call: Call, client: Client | None, now: Moment) -> Settled:
    """How `call` would fare now: every target with its place, what is in its way, and how much room it has.

    The first that could answer is `chosen`; those that could do so after it are `not_needed`. `cost_nanousd` is what
    its answer is expected to cost. Raises UnknownModelError or ModelNotAllowedError.
    """
    resolution = candidates.resolve(state, call, client)
    targets = candidates.ordered(state, call, resolution)
    journey = Journey(call)
    if lacking := state.ledger.shortfalls(account.requests_of(client), Need(1), now):
        journey.refused(targets, LimitReachedError(lacking))
        return journey.settled(now)
    paid = candidates.paid_rule(state.catalog, resolution, client)
    for target in targets:
        if reason := candidates.unfit(target, call, client, paid):
            journey.unfit(target, reason)
        else:
            _look(state, journey, target, client, resolution, now)
    return journey.settled(now)


def _look(
    state: State, journey: Journey, target: Target, client: Client | None, resolution: Resolution, now: Moment
) -> None:
    """Write down what keeps `target` from answering now, or how much room it has."""
    outlook = account.outlook(target, journey.call, state.learned)
    lacking = state.ledger.shortfalls(account.meters_of(target, client), outlook, now)
    if cooldown := state.cooldowns.in_the_way(target, now):
        journey.resting(target, cooldown, now, lacking)
    elif lacking:
        journey.full(target, LimitReachedError(lacking), now)
    else:
        if not journey.route:
            expected = outlook.at()
            journey.reserved_tokens = expected.hold(account.TOKENS)[0]
            unknown = target.price is None and not target.free
            journey.cost_nanousd = None if unknown else expected.hold(account.COST)[0]
        tightest = _tightest(state, target, client, now)
        text = "free" if target.free else "paid, as allowed"
        if tightest is None:
            journey.fits(target, _rule(target, resolution), text)
            return
        known = numbers(tightest.unit, tightest.used, tightest.amount)
        journey.fits(target, _rule(target, resolution), f"{text}, {room(tightest)}", **known)


def _rule(target: Target, resolution: Resolution) -> str:
    """What gave it its place: that it costs nothing, or the strategy; of a bare name, the priority."""
    if resolution.free_first and target.free:
        return "free_first"
    return "priority" if resolution.strategy == "bare" else resolution.strategy


def _tightest(state: State, target: Target, client: Client | None, now: Moment) -> Gauge | None:
    """Of the limits it has to pass, the one with the least share left; None if there is none."""
    passed = [*account.meters_of(target, client), *account.requests_of(client)]
    asked = [
        meter for meter in passed if meter.unit != "tokens_per_request" and not (target.free and meter.unit == "cost")
    ]
    gauges = meters.gauges(asked, state.ledger, now)
    return min(gauges, key=lambda each: each.remaining / each.amount, default=None)
