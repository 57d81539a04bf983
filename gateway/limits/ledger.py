"""The ledger: every counter in RAM, and the moments that change them.

A request *reserves* what it is expected to need, and *settles* what it needed. What is reserved is held beside what
is used, never inside: a hold taken out of a bucket and given back later would count the refill twice.
Nothing here awaits, so in one event loop each step is atomic.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from math import ceil, inf
from typing import Any

import msgspec
from msgspec import Struct

from gateway.clock import Moment

from .reported import Lowered, Reported, bare
from .rules import Rule
from .shorthand import UNITS
from .states import State
from .terms import NOTHING, LimitReachedError, Meter, Need, Shortfall

__all__ = ["NOTHING", "Ledger", "LimitReachedError", "Meter", "Need", "Reservation", "Shortfall"]

REMEMBERED_S = 35 * 86400.0
"""How long the count of a limit that left the configuration is kept: a month, and some days to notice."""

_REQUESTS = UNITS.index("requests")
_PER_REQUEST = UNITS.index("tokens_per_request")


class _Counter:
    """One meter's count: what is used by its rule's law, and what is held."""

    __slots__ = ("ceiling", "gone_at", "held", "meter", "rule", "state", "unit")

    def __init__(self, meter: Meter, state: State) -> None:
        self.held = 0
        self.gone_at: float | None = None
        self.state = state
        self.take_over(meter)

    def take_over(self, meter: Meter) -> None:
        """Be the count of `meter`, whose rule reads the state."""
        self.meter = meter
        self.rule: Rule | Lowered = meter.rule
        self.unit = UNITS.index(meter.unit)
        self.ceiling = meter.rule.ceiling

    def lower(self, told: Reported | None, now: Moment) -> None:
        """Let what was reported stand before the rule; None: let it stand alone."""
        self.rule = Lowered(bare(self.rule), told, now) if told else bare(self.rule)

    def told(self, now: Moment) -> Reported | None:
        """What was reported, while that holds."""
        return self.rule.in_force(now) if isinstance(self.rule, Lowered) else None


class _Hold(Struct):
    """What one reservation holds on one counter."""

    counter: _Counter
    n: int


class Reservation(Struct, eq=False):
    """Room that was granted. Settle it exactly once."""

    id: int
    holds: list[_Hold]
    judged: bool = False
    """Whether its request unit was charged or given back."""


class _Remembered(Struct, frozen=True, omit_defaults=True):
    """A counter in a snapshot."""

    meter: Meter
    values: list[int | float]
    held: int = 0
    gone_at: float | None = None
    reported: Reported | None = None


class Ledger:
    """All counters, by meter id. A meter is opened when it is first seen."""

    def __init__(self) -> None:
        self._counters: dict[str, _Counter] = {}
        self._live: dict[int, Reservation] = {}
        self._ids = count(1)

    def reserve(self, meters: Sequence[Meter], need: Need, now: Moment) -> Reservation:
        """Hold `need` on all meters (distinct ones), or on none. Raises LimitReachedError.

        A meter of whose unit nothing is needed never refuses: a free answer passes a spent budget.
        """
        amounts = need.amounts()
        holds = []
        for meter in meters:
            counter = self._counters.get(meter.id) or self._open(meter, now)
            n = amounts[counter.unit]
            if (
                n
                and counter.rule.used(counter.state, now) + counter.held + n > counter.ceiling
                and not _fits_alone(counter, need, now)
            ):
                raise LimitReachedError(self.shortfalls(meters, need, now))
            # What one request may be at most is no room that it takes from the next.
            holds.append(_Hold(counter, 0 if counter.unit == _PER_REQUEST else n))
        for hold in holds:
            hold.counter.held += hold.n
        reservation = Reservation(next(self._ids), holds)
        self._live[reservation.id] = reservation
        return reservation

    def shortfalls(self, meters: Sequence[Meter], need: Need, now: Moment) -> tuple[Shortfall, ...]:
        """Every limit that `reserve` would be refused by. Holds nothing."""
        amounts = need.amounts()
        found = []
        for meter in meters:
            counter = self._counters.get(meter.id) or self._open(meter, now)
            n = amounts[counter.unit]
            load = counter.rule.used(counter.state, now) + counter.held + n
            if n and load > counter.ceiling and not _fits_alone(counter, need, now):
                found.append(_shortfall(counter, need, now))
        return tuple(found)

    def charge_request(self, reservation: Reservation, now: Moment) -> None:
        """The head was judged: the attempt counts. A second judgement changes nothing."""
        self._judge(reservation, 1, now)

    def release_request(self, reservation: Reservation, now: Moment) -> None:
        """The head was judged: the attempt does not count. A second judgement changes nothing."""
        self._judge(reservation, 0, now)

    def _judge(self, reservation: Reservation, requests: int, now: Moment) -> None:
        if reservation.judged or reservation.id not in self._live:
            return
        reservation.judged = True
        for hold in reservation.holds:
            counter = hold.counter
            if counter.unit == _REQUESTS:
                counter.held -= hold.n
                if requests:
                    counter.rule.add(counter.state, hold.n, now)

    def settle(self, reservation: Reservation, spent: Need, now: Moment) -> None:
        """Drop what is still held and charge what was `spent`. A second settle changes nothing.

        `spent.requests` (1 charges, 0 gives back) counts only if the head was never judged.
        """
        if self._live.pop(reservation.id, None) is None:
            return
        amounts = spent.amounts()
        for hold in reservation.holds:
            counter = hold.counter
            if reservation.judged and counter.unit == _REQUESTS:
                continue
            counter.held -= hold.n
            if n := amounts[counter.unit]:
                counter.rule.add(counter.state, n, now)

    def report(self, meter: Meter, told: Reported | None, now: Moment) -> None:
        """Take a provider's word for how a limit stands; None: there is as much left as we think.

        After a refusal only another one is heard until it is over: answers that were under way know less.
        """
        counter = self._counters.get(meter.id) or self._open(meter, now)
        before = counter.told(now)
        if before is None or not before.shut or (told and told.shut):
            counter.lower(told, now)

    def reported(self, meter: Meter, now: Moment) -> Reported | None:
        """What a provider reported of a limit, while that lowers it."""
        counter = self._counters.get(meter.id)
        return counter.told(now) if counter else None

    def used(self, meter: Meter, now: Moment) -> float:
        """What stands as used, by the rule's law and by what was reported: over the capacity is debt."""
        counter = self._counters.get(meter.id) or self._open(meter, now)
        return counter.rule.used(counter.state, now)

    def held(self, meter: Meter) -> int:
        """What requests in flight hold."""
        counter = self._counters.get(meter.id)
        return counter.held if counter else 0

    def standing(self, meter: Meter, now: Moment) -> tuple[Rule | Lowered, State, int]:
        """The rule in force, its state as of now, and what is held: what gauges are read from."""
        counter = self._counters.get(meter.id) or self._open(meter, now)
        counter.rule.used(counter.state, now)
        return counter.rule, counter.state, counter.held

    def retain(self, meters: Sequence[Meter], now: Moment) -> None:
        """Put the meters of a new configuration in force.

        A known id with another amount, algorithm or zone keeps what was used. An id that is gone keeps its count
        for 35 days. Requests that still run under the old configuration count under the new rules.
        """
        wanted = {meter.id: meter for meter in meters}
        for id_, counter in list(self._counters.items()):
            if meter := wanted.get(id_):
                counter.gone_at = None
                _change(counter, meter, now)
            elif counter.gone_at is None:
                counter.gone_at = now.wall
            elif now.wall - counter.gone_at > REMEMBERED_S:
                del self._counters[id_]

    def dump(self, now: Moment) -> dict[str, Any]:
        """Everything to remember, as JSON-able values. What is held goes along: after a crash it counts as spent."""
        remembered = {}
        for id_, counter in self._counters.items():
            values, told = counter.rule.dump(counter.state, now), counter.told(now)
            if values or counter.held or told:
                entry = _Remembered(counter.meter, values, counter.held, counter.gone_at, told)
                remembered[id_] = msgspec.to_builtins(entry)
        return remembered

    def restore(self, dump: Mapping[str, Any], meters: Sequence[Meter], now: Moment) -> None:
        """Take over what another process dumped, under the `meters` of now. Raises ValueError if it is no dump."""
        counters = {}
        try:
            for id_, entry in msgspec.convert(dump, dict[str, _Remembered]).items():
                counter = counters[id_] = _Counter(entry.meter, entry.meter.rule.load(entry.values, now))
                counter.gone_at = entry.gone_at
                counter.rule.add(counter.state, entry.held, now)
                if entry.reported:
                    counter.lower(entry.reported, now)
        # KeyError: a time zone that this machine does not know.
        except (msgspec.ValidationError, ValueError, KeyError) as error:
            raise ValueError(f"no dump of a ledger: {error}") from None
        self._counters.update(counters)
        self.retain(meters, now)

    def _open(self, meter: Meter, now: Moment) -> _Counter:
        counter = self._counters[meter.id] = _Counter(meter, meter.rule.fresh(now))
        return counter

    def adjust(self, meter: Meter, used: int, now: Moment) -> None:
        """Set what counts as used, by a person's word. What is held stays beside it.

        More than before is counted as of now, of a rolling window the newest is taken back first.
        """
        rule, state, _ = self.standing(meter, now)
        rule.add(state, used - rule.used(state, now), now)


def _fits_alone(counter: _Counter, need: Need, now: Moment) -> bool:
    """Whether it is let in although it is larger than the room: nothing is in the way, and its input fits.

    It could never pass otherwise (reference: forecast, section 3). Requests are no estimate: they never do.
    """
    used = counter.rule.used(counter.state, now)
    return (
        counter.unit != _REQUESTS
        and not counter.held
        and used <= counter.ceiling - counter.rule.capacity
        and 0 < counter.rule.capacity >= need.least()[counter.unit]
    )


def _shortfall(counter: _Counter, need: Need, now: Moment) -> Shortfall:
    rule, state, held = counter.rule, counter.state, counter.held
    capacity = rule.capacity
    n = need.amounts()[counter.unit]
    never = not capacity or need.least()[counter.unit] > capacity
    # What is larger than the whole amount waits until nothing is used and nothing in flight.
    by_law_s = rule.opens_in(state, min(n, capacity), now)
    by_holds = not never and by_law_s <= 0
    if never:
        wait_s = inf
    elif by_holds:
        # How long answers in flight still need is not known, so: soon, and no later than the law itself opens.
        wait_s = min(1.0, rule.opens_in(state, min(held + n, capacity), now) or 1.0)
    else:
        wait_s = rule.opens_in(state, min(held + n, capacity), now)
    return Shortfall(
        meter=counter.meter,
        used=ceil(rule.used(state, now) - (counter.ceiling - capacity)),
        held=held,
        need=n,
        amount=capacity,
        opens_at=now.wall + wait_s if wait_s < inf else None,
        wait_s=wait_s,
        never=never,
        by_holds=by_holds,
    )


def _change(counter: _Counter, meter: Meter, now: Moment) -> None:
    """Put the rule of `meter` in force, keeping what was used, and a refusal.

    A report that lowers was about another amount: the next answer brings one about this.
    """
    rule, told = bare(counter.rule), counter.told(now)
    if meter.rule == rule:
        return
    used = rule.used(counter.state, now)
    if not meter.rule.reads(rule):
        counter.state = meter.rule.fresh(now)
        meter.rule.add(counter.state, ceil(used), now)
    counter.take_over(meter)
    if told and told.shut:
        counter.lower(told, now)
