"""One limit's count: what is used by its rule's law, and beside it what requests in flight hold."""

from math import ceil, inf, sqrt
from typing import Protocol

from msgspec import Struct

from gateway.clock import Moment

from .forecast import MOST_Z, Outlook, margin
from .reported import Lowered, Reported, bare
from .rules import Rule
from .shorthand import ESTIMATED, UNITS
from .states import State
from .terms import Meter, Shortfall

REQUESTS = UNITS.index("requests")
_PER_REQUEST = UNITS.index("tokens_per_request")
_HEALING_S = 5.0
"""When to ask again after a disk that refuses: nobody knows, so not too often."""


class Wanted(Protocol):
    """What an attempt would take: a Forecast, or a Need that is sure. Units go by their place in UNITS."""

    def hold(self, unit: int) -> tuple[int, float, float]:
        """Mean, variance and doubt."""
        ...

    def most(self, unit: int) -> int:
        """What `strict` holds."""
        ...

    def certain(self, unit: int) -> int:
        """What it takes however short the answer."""
        ...


class Hold(Struct, eq=False):
    """What one reservation holds on one counter."""

    counter: "Counter"
    mean: int
    variance: float
    doubt: float


class Reservation(Struct, eq=False):
    """Room that was granted. Settle it exactly once."""

    id: int
    holds: list[Hold]
    since: float
    """Boot time at which it was granted."""
    outlook: Outlook | None = None
    """What it was forecast from; None where it was sure."""
    bound: int | None = None
    """Output tokens of one choice that are held for, where a strict limit bounds them."""
    told: int | None = None
    """The same, where it has to be sent as `max_tokens`: it is lower than what client and model say."""
    judged: bool = False
    """Whether its request unit was charged or given back."""


class Remembered(Struct, frozen=True, omit_defaults=True):
    """A counter in a snapshot or journal. What is held goes along: after a crash it counts as spent."""

    meter: Meter
    values: list[int | float]
    held: int = 0
    """Without the margin: that is room, and no one's need."""
    gone_at: float | None = None
    reported: Reported | None = None


Changed = dict["Counter", bool]
"""Counters that changed since they were written down; whether in a way that only the whole of them tells."""


class Counter:
    """The count of one meter: its rule's state, and the sums over what is in flight.

    It notes in `changed` that it changed, if there is anything to remember of it: limits without a window start anew.
    """

    __slots__ = (
        *("_changed", "capacity", "ceiling", "doubt", "estimated", "gone_at", "live", "mean", "meter"),
        *("rule", "state", "strict", "unit", "variance"),
    )

    def __init__(self, meter: Meter, state: State, changed: Changed | None = None) -> None:
        self._changed: Changed = {} if changed is None or not meter.window else changed
        self.mean = 0
        self.variance = self.doubt = 0.0
        self.live: dict[int, Reservation] = {}
        """What holds something here, the oldest first."""
        self.gone_at: float | None = None
        self.state = state
        self.take_over(meter)

    def take_over(self, meter: Meter) -> None:
        """Be the count of `meter`, whose rule reads the state."""
        self.meter = meter
        self.rule: Rule | Lowered = meter.rule
        self.strict = meter.is_strict
        self.unit = UNITS.index(meter.unit)
        self.estimated = meter.unit in ESTIMATED
        self.ceiling = meter.rule.ceiling
        self.capacity = meter.rule.capacity

    def lower(self, told: Reported | None, now: Moment) -> None:
        """Let what was reported stand before the rule; None: let it stand alone."""
        self.rule = Lowered(bare(self.rule), told, now) if told else bare(self.rule)

    def remembered(self, now: Moment) -> Remembered:
        """All that a restart has to know."""
        values = self.rule.dump(self.state, now)
        return Remembered(self.meter, values, self.mean, self.gone_at, self.told(now))

    def rewritten(self) -> None:
        """Note that it changed in a way that only the whole of it tells."""
        self._changed[self] = True

    def told(self, now: Moment) -> Reported | None:
        """What was reported, while that holds."""
        return self.rule.in_force(now) if isinstance(self.rule, Lowered) else None

    @property
    def held(self) -> int:
        """What is held, with the margin for all of it together."""
        return self.mean + ceil(margin(self.capacity, self.variance, self.doubt)) if self.variance else self.mean

    def offer(self, wanted: Wanted, now: Moment) -> Hold | Shortfall:
        """What the newcomer may hold here, or what is lacking for it and for the margin for all of them.

        What is not needed is never refused.
        """
        mean, variance, doubt = (wanted.most(self.unit), 0.0, 0.0) if self.strict else wanted.hold(self.unit)
        hold = Hold(self, mean, variance, doubt)
        load = self.rule.used(self.state, now) + self.mean + mean
        luck, doubts = self.variance + variance, self.doubt + doubt
        # Where not even the largest margin there is would be in the way, none is worked out.
        if luck and load + MOST_Z * (sqrt(luck) + doubts) > self.ceiling:
            load += margin(self.capacity, luck, doubts)
        if load <= self.ceiling or not mean or self._fits_alone(wanted, now):
            # What one request may be at most is no room that it takes from the next.
            return hold if self.unit != _PER_REQUEST else Hold(self, 0, 0.0, 0.0)
        return self._shortfall(hold, wanted, now)

    def _fits_alone(self, wanted: Wanted, now: Moment) -> bool:
        """Whether it is let in although it is larger than the room: nothing is in the way, and its input fits.

        It could never pass otherwise. Counts of attempts are no estimates, and bounds are bounds: they never do.
        """
        return (
            not self.live
            and not self.strict
            and self.estimated
            and 0 < self.capacity >= wanted.certain(self.unit)
            and self.rule.used(self.state, now) <= self.ceiling - self.capacity
        )

    def _shortfall(self, hold: Hold, wanted: Wanted, now: Moment) -> Shortfall:
        """What is lacking for `hold`, and when that will be there."""
        rule, state, held, capacity = self.rule, self.state, self.held, self.capacity
        # To the fraction, as `offer` asks: in a slow bucket a token is more than a second.
        load, alone = float(self.mean + hold.mean), float(hold.mean)
        if hold.variance or self.variance:
            load += margin(capacity, self.variance + hold.variance, self.doubt + hold.doubt)
            alone += margin(capacity, hold.variance, hold.doubt)
        least = wanted.certain(self.unit) if self.estimated and not self.strict else hold.mean
        never = not capacity or least > capacity
        # What is larger than the whole amount waits until nothing is used and nothing in flight.
        wait_s = inf if never else rule.opens_in(state, min(load, capacity), now)
        by_holds = held > 0 and not never and rule.opens_in(state, min(alone, capacity), now) <= 0
        if by_holds:
            wait_s = min(self._clear_in(now), wait_s or inf)
        return Shortfall(
            meter=self.meter,
            used=ceil(rule.used(state, now) - (self.ceiling - capacity)),
            held=held,
            need=max(hold.mean, ceil(load) - held),
            amount=capacity,
            opens_at=now.wall + wait_s if wait_s < inf else None,
            wait_s=wait_s,
            never=never,
            by_holds=by_holds,
        )

    def closed(self, wanted: Wanted, reason: str, now: Moment) -> Shortfall:
        """That nobody passes while nothing can be written down, for `reason`."""
        return Shortfall(
            meter=self.meter,
            used=ceil(self.rule.used(self.state, now) - (self.ceiling - self.capacity)),
            held=self.held,
            need=wanted.hold(self.unit)[0],
            amount=self.capacity,
            opens_at=now.wall + _HEALING_S,
            wait_s=_HEALING_S,
            never=False,
            by_holds=True,
            closed=reason,
        )

    def put(self, reservation: Reservation, hold: Hold) -> None:
        """Hold it."""
        self.live[reservation.id] = reservation
        self.mean += hold.mean
        self.variance += hold.variance
        self.doubt += hold.doubt
        self._changed.setdefault(self, False)

    def drop(self, reservation: Reservation, hold: Hold) -> None:
        """Hold it no longer."""
        self._changed.setdefault(self, False)
        self._drop(reservation, hold)

    def charge(self, reservation: Reservation, hold: Hold, now: Moment) -> None:
        """Count it instead of holding it: no change to a restart, which counts what was held."""
        self._drop(reservation, hold)
        self.rule.add(self.state, hold.mean, now)

    def _drop(self, reservation: Reservation, hold: Hold) -> None:
        del self.live[reservation.id]
        if self.live:
            self._change(-hold.mean, -hold.variance, -hold.doubt)
        else:  # sums of floats leave dust
            self.mean, self.variance, self.doubt = 0, 0.0, 0.0

    def grow(self, hold: Hold, wanted: Wanted) -> None:
        """Hold what it has become: more, or as much. There is no refusing any more."""
        mean, variance, doubt = wanted.hold(self.unit)
        mean = max(mean, hold.mean)
        if self.strict:
            variance = doubt = 0.0
        self._change(mean - hold.mean, variance - hold.variance, doubt - hold.doubt)
        self._changed.setdefault(self, False)
        hold.mean, hold.variance, hold.doubt = mean, variance, doubt

    def _change(self, mean: int, variance: float, doubt: float) -> None:
        self.mean += mean
        self.variance = max(0.0, self.variance + variance)
        self.doubt = max(0.0, self.doubt + doubt)

    def _clear_in(self, now: Moment) -> float:
        """Seconds in which the oldest in flight may be gone: a guess, and 1 where there is nothing to go by."""
        oldest = next(iter(self.live.values()), None)
        if oldest is None or oldest.outlook is None:
            return 1.0
        clear_s = oldest.outlook.clear_in(now.boot - oldest.since, head_only=self.unit == REQUESTS)
        return max(1.0, clear_s or 0.0)
