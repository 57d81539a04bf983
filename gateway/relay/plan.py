"""The story of a request that is not sent: the steps of the relay, each only looked at.

Takes nothing of any limit, begins no probe and moves no turn on; so the next request of the same kind, if it comes
at once, goes where this says.
"""

from collections.abc import Sequence

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
from .line import Lines


def plan(state: State, lines: Lines, call: Call, client: Client | None, now: Moment) -> Settled:
    """How `call` would fare now: every target with its place, what is in its way, and how much room it has.

    The first that could answer is `chosen`; those that could do so after it are `not_needed`. Where it would wait in
    line, the one that opens first is `chosen`, and opens later. `cost_nanousd` is what the answer is expected to cost.
    Raises UnknownModelError or ModelNotAllowedError.
    """
    resolution = candidates.resolve(state, call, client)
    journey = Journey(call)
    if lacking := state.ledger.shortfalls(account.requests_of(client), Need(1), now):
        journey.refused(candidates.ordered(state, call, resolution), LimitReachedError(lacking))
        return journey.settled(now)
    if not resolution.max_wait:
        look(state, journey, resolution, client, now)
        return journey.settled(now)
    until = now.boot + resolution.max_wait
    ahead, full = lines.ahead(call.model), lines.waiting >= state.catalog.server.max_queue
    away = ""
    if ahead and full:
        away = f"{ahead} are before it in line, which has no more places"
    elif ahead and lines.opens(call.model) > until:
        away = f"{ahead} are before it in line, which does not move within max_wait"
    targets = look(state, journey, resolution, client, now, away)
    if journey.route and ahead:
        journey.behind(ahead)
    opening = None if journey.route or away or full else journey.opening(now)
    if opening and max(now.boot + opening.wait_s, lines.opens(call.model)) <= until:
        _expect(state, journey, targets[journey.waits(opening, ahead, now)])
    return journey.settled(now)


def look(
    state: State, journey: Journey, resolution: Resolution, client: Client | None, now: Moment, away: str = ""
) -> Sequence[Target]:
    """Write down of each target what keeps it from answering now, or how much room it has; they, in their order.

    `away` says why the request is not let to those with room; empty if it is.
    """
    targets = candidates.ordered(state, journey.call, resolution)
    paid = candidates.paid_rule(state.catalog, resolution, client)
    for target in targets:
        outlook = account.outlook(target, journey.call, state.learned)
        lacking = state.ledger.shortfalls(account.meters_of(target, client), outlook, now)
        if reason := candidates.unfit(target, journey.call, client, paid):
            journey.unfit(target, reason)
        elif cooldown := state.cooldowns.in_the_way(target, now):
            journey.resting(target, cooldown, now, lacking)
        elif lacking:
            journey.full(target, LimitReachedError(lacking), now)
        elif away:
            journey.in_line(target, away)
        else:
            _fits(state, journey, target, client, resolution, now)
    return targets


def _fits(
    state: State, journey: Journey, target: Target, client: Client | None, resolution: Resolution, now: Moment
) -> None:
    """Write down how much room `target` has."""
    if not journey.route:
        _expect(state, journey, target)
    tightest = _tightest(state, target, client, now)
    text = "free" if target.free else "paid, as allowed"
    if tightest is None:
        journey.fits(target, _rule(target, resolution), text)
        return
    known = numbers(tightest.unit, tightest.used, tightest.amount)
    journey.fits(target, _rule(target, resolution), f"{text}, {room(tightest)}", **known)


def _expect(state: State, journey: Journey, target: Target) -> None:
    """Write down what its answer would take."""
    expected = account.outlook(target, journey.call, state.learned).at()
    journey.reserved_tokens = expected.hold(account.TOKENS)[0]
    unknown = target.price is None and not target.free
    journey.cost_nanousd = None if unknown else expected.hold(account.COST)[0]


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
