"""The ledger: every counter in RAM, and the moments that change them.

A request *reserves* what it is expected to need, and *settles* what it needed. What is reserved is held beside what
is used, never inside: a hold taken out of a bucket and given back later would count the refill twice.
Nothing here awaits, so in one event loop each step is atomic.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import count
from math import ceil, inf
from typing import Any

import msgspec

from gateway.clock import Moment

from .counters import REQUESTS, Changed, Counter, Hold, Remembered, Reservation, Wanted
from .forecast import Outlook
from .reported import Lowered, Reported, bare
from .rules import Rule
from .states import State
from .terms import NOTHING, LimitReachedError, Meter, Need, Shortfall

__all__ = ["NOTHING", "Ledger", "LimitReachedError", "Meter", "Need", "Remembered", "Reservation", "Shortfall"]

REMEMBERED_S = 35 * 86400.0
"""How long the count of a limit that left the configuration is kept: a month, and some days to notice."""

_STEP = 200
"""Counters that are put under a new rule at once: half a millisecond."""


class Ledger:
    """All counters, by meter id. A meter is opened when it is first seen."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}
        self._live: dict[int, Reservation] = {}
        self._ids = count(1)
        self._in_force: Mapping[str, Meter] = {}
        self.changed: Changed = {}
        """What is not written down yet: whoever writes it down clears it."""
        self.on_change: Callable[[], object] = lambda: None
        """Called after each change of a counter that a restart has to know."""
        self.unsaved = ""
        """Why changes cannot be written down; empty while they can."""
        self.denying = False
        """Whether limits that do not say it themselves let nobody pass while changes cannot be written down."""

    def reserve(self, meters: Sequence[Meter], need: Need | Outlook, now: Moment) -> Reservation:
        """Hold what is expected, or what is sure, on all meters (distinct ones), or on none. Raises LimitReachedError.

        Strict limits hold a bound. A meter of whose unit nothing is needed never refuses: a free answer passes a
        spent budget.
        """
        counters = self._find(meters, now)
        holds: list[Hold] = []
        reservation = Reservation(next(self._ids), holds, now.boot)
        wanted = self._expect(counters, need, reservation, now)
        short = self._closed(counters, wanted, now) if self.unsaved else []
        for counter in counters:
            offered = counter.offer(wanted, now)
            if isinstance(offered, Hold):
                holds.append(offered)
            else:
                short.append(offered)
        if short:
            raise LimitReachedError(short)
        for hold in holds:
            hold.counter.put(reservation, hold)
        self._live[reservation.id] = reservation
        self.on_change()
        return reservation

    def shortfalls(self, meters: Sequence[Meter], need: Need | Outlook, now: Moment) -> tuple[Shortfall, ...]:
        """Every limit that `reserve` would be refused by. Holds nothing."""
        counters = self._find(meters, now)
        wanted = self._expect(counters, need, Reservation(0, [], now.boot), now)
        offers = [counter.offer(wanted, now) for counter in counters]
        closed = self._closed(counters, wanted, now) if self.unsaved else []
        return (*closed, *(offered for offered in offers if isinstance(offered, Shortfall)))

    def _closed(self, counters: Sequence[Counter], wanted: Wanted, now: Moment) -> list[Shortfall]:
        """The limits that nobody passes while changes cannot be written down, but those of which nothing is needed."""
        return [
            counter.closed(wanted, self.unsaved, now)
            for counter in counters
            if (self.denying if counter.meter.denies is None else counter.meter.denies) and wanted.hold(counter.unit)[0]
        ]

    def _expect(
        self, counters: Sequence[Counter], need: Need | Outlook, reservation: Reservation, now: Moment
    ) -> Wanted:
        """What to hold. The bound that strict limits put on it goes into the reservation."""
        if isinstance(need, Need):
            return need
        reservation.outlook = need
        for counter in counters:
            if counter.strict:
                _bound(counters, need, reservation, now)
                break
        return need.at(0.0, reservation.bound)

    def grow(self, reservation: Reservation, length: float) -> None:
        """Follow an answer of which `length` tokens are out. Bounds that hold stay as they are."""
        if reservation.outlook is None or reservation.id not in self._live:
            return
        wanted = reservation.outlook.at(length, reservation.bound)
        for hold in reservation.holds:
            if hold.counter.estimated and not (hold.counter.strict and reservation.bound):
                hold.counter.grow(hold, wanted)
        self.on_change()

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
            if hold.counter.unit == REQUESTS:
                if requests:
                    hold.counter.charge(reservation, hold, now)
                else:
                    hold.counter.drop(reservation, hold)
                    self.on_change()

    def settle(self, reservation: Reservation, spent: Need, now: Moment) -> None:
        """Drop what is still held and charge what was `spent`. A second settle changes nothing.

        `spent.requests` (1 charges, 0 gives back) counts only if the head was never judged.
        """
        amounts = spent.amounts()
        for hold in self._ended(reservation):
            if n := amounts[hold.counter.unit]:
                hold.counter.rule.add(hold.counter.state, n, now)
        self.on_change()

    def keep(self, reservation: Reservation, now: Moment) -> None:
        """Charge what is held: it was sent, and nothing came back. As final as `settle`."""
        for hold in self._ended(reservation):
            if hold.mean:
                hold.counter.rule.add(hold.counter.state, hold.mean, now)
        self.on_change()

    def _ended(self, reservation: Reservation) -> list[Hold]:
        """What it still held, and holds no more; nothing the second time."""
        if self._live.pop(reservation.id, None) is None:
            return []
        ended = [hold for hold in reservation.holds if not (reservation.judged and hold.counter.unit == REQUESTS)]
        for hold in ended:
            hold.counter.drop(reservation, hold)
        return ended

    def report(self, meter: Meter, told: Reported | None, now: Moment) -> None:
        """Take a provider's word for how a limit stands; None: there is as much left as we think.

        After a refusal only another one is heard until it is over: answers that were under way know less.
        """
        counter = self._counters.get(meter.id) or self._open(meter, now)
        before = counter.told(now)
        if before is None or not before.shut or (told and told.shut):
            counter.lower(told, now)
            if told and told.shut:  # what lowers comes again with the next answer
                self._rewritten(counter)

    def reported(self, meter: Meter, now: Moment) -> Reported | None:
        """What a provider reported of a limit, while that lowers it."""
        counter = self._counters.get(meter.id)
        return counter.told(now) if counter else None

    def lift(self, meter: Meter, now: Moment) -> Reported | None:
        """Drop what a provider reported of a limit, a refusal too, by a person's word; what held until now."""
        counter = self._counters.get(meter.id) or self._open(meter, now)
        told = counter.told(now)
        counter.lower(None, now)
        self._rewritten(counter)
        return told

    def _rewritten(self, counter: Counter) -> None:
        counter.rewritten()
        self.on_change()

    def used(self, meter: Meter, now: Moment) -> float:
        """What stands as used, by the rule's law and by what was reported: over the capacity is debt."""
        counter = self._counters.get(meter.id) or self._open(meter, now)
        return counter.rule.used(counter.state, now)

    def held(self, meter: Meter) -> int:
        """What requests in flight hold, with the margin for all of them."""
        counter = self._counters.get(meter.id)
        return counter.held if counter else 0

    def standing(self, meter: Meter, now: Moment) -> tuple[Rule | Lowered, State, int]:
        """The rule in force, its state as of now, and what is held with its margin: what gauges are read from."""
        counter = self._counters.get(meter.id) or self._open(meter, now)
        counter.rule.used(counter.state, now)
        return counter.rule, counter.state, counter.held

    def retain(self, meters: Iterable[Meter], now: Moment) -> None:
        """Put the meters of a new configuration in force.

        A known id with another amount, algorithm or zone keeps what was used. An id that is gone keeps its count
        for 35 days. Requests that still run under the old configuration count under the new rules.
        """
        for _ in self.retaining(meters, now):
            pass

    def retaining(self, meters: Iterable[Meter], now: Moment) -> Generator[None, None, None]:
        """The same in steps, between which requests may go on: a limit not reached yet stands as it stood."""
        wanted = self._in_force = {meter.id: meter for meter in meters}
        for n, (id_, counter) in enumerate(list(self._counters.items())):
            if n % _STEP == 0:
                yield
            if meter := wanted.get(id_):
                counter.gone_at = None
                if _change(counter, meter, now):
                    self._rewritten(counter)
            elif counter.gone_at is None:
                counter.gone_at = now.wall
            elif now.wall - counter.gone_at > REMEMBERED_S:
                del self._counters[id_]

    def remembered(self, now: Callable[[], Moment]) -> Iterator[tuple[str, Remembered]]:
        """Everything to remember, counter by counter, each as of the moment at which it is asked for."""
        for id_, counter in list(self._counters.items()):
            found = counter.remembered(now())
            if found.values or found.held or found.reported:
                yield id_, found

    def dump(self, now: Moment) -> dict[str, Any]:
        """The same at once, as JSON-able values."""
        return {id_: msgspec.to_builtins(found) for id_, found in self.remembered(lambda: now)}

    def restore(self, dump: Mapping[str, Any], meters: Sequence[Meter], now: Moment) -> None:
        """Take over what another process dumped, under the `meters` of now. Raises ValueError if it is no dump."""
        counters = {}
        try:
            for id_, entry in msgspec.convert(dump, dict[str, Remembered]).items():
                counter = counters[id_] = Counter(entry.meter, entry.meter.rule.load(entry.values, now), self.changed)
                counter.gone_at = entry.gone_at
                counter.rule.add(counter.state, entry.held, now)
                if entry.reported:
                    counter.lower(entry.reported, now)
        # KeyError: a time zone that this machine does not know.
        except (msgspec.ValidationError, ValueError, KeyError) as error:
            raise ValueError(f"no dump of a ledger: {error}") from None
        self._counters.update(counters)
        self.retain(meters, now)

    def _find(self, meters: Sequence[Meter], now: Moment) -> list[Counter]:
        known = self._counters
        return [known.get(meter.id) or self._open(meter, now) for meter in meters]

    def _open(self, meter: Meter, now: Moment) -> Counter:
        # Who asks may run under an older configuration.
        meter = self._in_force.get(meter.id, meter)
        counter = self._counters[meter.id] = Counter(meter, meter.rule.fresh(now), self.changed)
        return counter

    def adjust(self, meter: Meter, used: int, now: Moment) -> None:
        """Set what counts as used, by a person's word: a provider's is dropped. What is held stays beside it.

        More than before is counted as of now, of a rolling window the newest is taken back first.
        """
        self.lift(meter, now)
        rule, state, _ = self.standing(meter, now)
        rule.add(state, used - rule.used(state, now), now)
        self._rewritten(self._counters[meter.id])


def _bound(counters: Sequence[Counter], need: Outlook, reservation: Reservation, now: Moment) -> None:
    """Find the bound that the strict limits have room for; of those that only weigh the input there is none."""
    room = whole = inf
    most_input = need.most_input
    for counter in counters:
        if not counter.strict:
            continue
        fixed, a, b = need.weights(counter.unit)
        if b:
            left = counter.capacity - fixed - a * most_input - 1  # which rounding up may take
            whole = min(whole, left / b)
            room = min(room, (left - counter.rule.used(counter.state, now) - counter.held) / b)
    if room == inf:
        return
    reservation.bound = need.bound
    if need.may_bound and (need.bound is not None or any(counter.meter.strict for counter in counters)):
        bound = reservation.bound = need.strict_bound(room, whole)
        reservation.told = bound if need.bound is None or bound < need.bound else None


def _change(counter: Counter, meter: Meter, now: Moment) -> bool:
    """Put the rule of `meter` in force, keeping what was used, and a refusal; whether it is another one.

    A report that lowers was about another amount: the next answer brings one about this.
    """
    if meter == counter.meter:
        return False
    rule, told = bare(counter.rule), counter.told(now)
    used = rule.used(counter.state, now)
    if not meter.rule.reads(rule):
        counter.state = meter.rule.fresh(now)
        meter.rule.add(counter.state, ceil(used), now)
    counter.take_over(meter)
    if told and (told.shut or meter.rule == rule):
        counter.lower(told, now)
    return True
