"""The kinds of limit. A kind is one frozen class; where it stands is a `State`, handed in with `now`.

To add a kind: one class with the methods of these, and its name in `Rule`.
All but calendar windows run on boot time, which no one can set; those run on the wall clock.
"""

from collections import deque
from collections.abc import Sequence
from math import inf

from msgspec import Struct

from gateway.clock import Moment

from .calendars import CalendarWindow
from .ceilings import Concurrency, PerRequest
from .first_use import FirstUseWindow
from .states import Entry, Mark, State

__all__ = ["CalendarWindow", "Concurrency", "FirstUseWindow", "PerRequest", "RollingWindow", "Rule", "TokenBucket"]

_SLACK = 1e-9
"""Share of a bucket by which it may be overfilled.

A level is a float: ten of ten a minute used at boot time 1000.1 and read every six seconds stand at 6.000000000000019
after the fourth, and the fourth of the four that came back would be refused for dust. What boot times round away is
at most 1e-9 of a bucket (a year of uptime, a bucket that fills in seconds). One request is far more than that of any
bucket there is; a few tokens or nano-dollars in billions may pass, and are still counted.
All other kinds count in whole numbers and have no slack.
"""

_SLICES = 1000
"""Slices of a rolling window's length."""


class TokenBucket(Struct, frozen=True, tag_field="algorithm", tag="bucket", gc=False):
    """Refills evenly, `amount` per `per_s` seconds, and holds `burst`.

    State: `used` is what is missing from a full bucket at boot time `at`; over `burst` it is debt, paid by waiting.
    """

    amount: int
    per_s: float
    burst: int

    @property
    def algorithm(self) -> str:
        """What the YAML calls it."""
        return "bucket"

    @property
    def capacity(self) -> int:
        """The most that can stand at once."""
        return self.burst

    @property
    def ceiling(self) -> float:
        """What used and held together may reach: the capacity and float dust."""
        return self.burst * (1 + _SLACK)

    def fresh(self, now: Moment) -> State:
        """The state of a rule nothing was counted on."""
        return State(at=now.boot)

    def used(self, state: State, now: Moment) -> float:
        """What stands as used now."""
        elapsed_s = now.boot - state.at
        if elapsed_s > 0:
            state.at = now.boot
            state.used = max(0.0, state.used - elapsed_s * self.amount / self.per_s)
        return state.used

    def add(self, state: State, n: float, now: Moment) -> None:
        """Count `n`, negative to take back. Never refuses: that was asked before."""
        state.used = max(0.0, self.used(state, now) + n)

    def opens_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until `load` fits beside what is used: 0 if it fits now, inf if it never will."""
        total = self.used(state, now) + load
        if total <= self.ceiling:
            return 0.0
        if load > self.ceiling or not self.amount:
            return inf
        # Down to the capacity, not the ceiling: then the slack is there to cover the rounding of this very wait.
        return (total - self.burst) * self.per_s / self.amount

    def full_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until the whole amount is there again, if `load` were counted now."""
        level = self.used(state, now) + load
        if level <= 0:
            return 0.0
        return level * self.per_s / self.amount if self.amount else inf

    def resets_at(self, state: State, now: Moment) -> float | None:
        """Unix time at which it is full; None if it is."""
        full_in = self.full_in(state, 0, now)
        return now.wall + full_in if 0 < full_in < inf else None

    def dump(self, state: State, now: Moment) -> list[float]:
        """[used, wall time]; empty if there is nothing to remember."""
        used = self.used(state, now)
        return [used, now.wall] if used else []

    def entries(self, state: State, since: int, now: Moment) -> list[Entry]:
        """What a journal says of it: (0, wall time, used)."""
        return [(0, now.wall, self.used(state, now))]

    def amended(self, values: Sequence[float], entry: Entry) -> list[float]:
        """`values` as `dump` would have written them after the entry."""
        _, at, used = entry
        return [used, at]

    def load(self, values: Sequence[float], now: Moment) -> State:
        """The state that `dump` wrote, after the wall time that passed. A wall clock behind refills nothing."""
        if not values:
            return self.fresh(now)
        used, wall = values
        state = State(used=used, at=now.boot - max(0.0, now.wall - wall))
        self.used(state, now)
        return state

    def reads(self, other: object) -> bool:
        """Whether a state of the rule `other`, brought up to date, is one of this rule too."""
        return isinstance(other, TokenBucket)


class RollingWindow(Struct, frozen=True, tag_field="algorithm", tag="rolling", gc=False):
    """Never more than `amount` in any `length_s` seconds.

    State: `used` is the sum of `marks`, the oldest first: slices that begin with a count, take in what comes in the
    next thousandth of the length, and expire a full length after their end, so late rather than early.
    """

    amount: int
    length_s: float

    @property
    def algorithm(self) -> str:
        """What the YAML calls it."""
        return "rolling"

    @property
    def capacity(self) -> int:
        """The most that can stand at once."""
        return self.amount

    @property
    def ceiling(self) -> float:
        """What used and held together may reach."""
        return self.amount

    @property
    def _life_s(self) -> float:
        return self.length_s + self.length_s / _SLICES

    def fresh(self, now: Moment) -> State:
        """The state of a rule nothing was counted on."""
        return State(at=now.boot)

    def used(self, state: State, now: Moment) -> float:
        """What stands as used now."""
        marks = state.marks
        while marks and marks[0].at + self._life_s <= now.boot:  # the very sum that `opens_in` waits for
            state.used -= marks.popleft().n
        return state.used

    def add(self, state: State, n: float, now: Moment) -> None:
        """Count `n`, negative to take back, the newest first. Never refuses: that was asked before."""
        self.used(state, now)
        marks = state.marks
        if n > 0:
            if marks and now.boot - marks[-1].at < self.length_s / _SLICES:
                marks[-1].n += n
            else:
                marks.append(Mark(now.boot, n))
                state.serial += 1
            state.used += n
            return
        while marks and n < 0:
            taken = min(marks[-1].n, -n)
            marks[-1].n -= taken
            state.used -= taken
            n += taken
            if not marks[-1].n:
                marks.pop()
                state.serial -= 1

    def opens_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until `load` fits beside what is used: 0 if it fits now, inf if it never will."""
        excess = self.used(state, now) + load - self.amount
        if excess <= 0:
            return 0.0
        for mark in state.marks:
            excess -= mark.n
            if excess <= 0:
                return mark.at + self._life_s - now.boot
        return inf

    def full_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until the whole amount is there again, if `load` were counted now."""
        self.used(state, now)
        if load > 0:
            return self._life_s
        return state.marks[-1].at + self._life_s - now.boot if state.marks else 0.0

    def resets_at(self, state: State, now: Moment) -> float | None:
        """Unix time at which the oldest slice expires; None if there is none."""
        self.used(state, now)
        return now.wall + state.marks[0].at + self._life_s - now.boot if state.marks else None

    def dump(self, state: State, now: Moment) -> list[float]:
        """The first slice's number, then [wall time, n] of each in one row; empty if there is nothing to remember."""
        self.used(state, now)
        marks = state.marks
        if not marks:
            return []
        slices = (value for mark in marks for value in (mark.at - now.boot + now.wall, mark.n))
        return [state.serial - len(marks) + 1, *slices]

    def entries(self, state: State, since: int, now: Moment) -> list[Entry]:
        """What a journal says of it: (number, wall time, n) of each slice from `since` on, the newest first.

        That the newest one is over is said too, so that there is always something to say.
        """
        self.used(state, now)
        newest = zip(range(state.serial, since - 1, -1), reversed(state.marks), strict=False)
        found = [(number, mark.at - now.boot + now.wall, mark.n) for number, mark in newest]
        return found or [(state.serial, now.wall, 0)]

    def amended(self, values: Sequence[float], entry: Entry) -> list[float]:
        """`values` as `dump` would have written them after the entry; slices in between that are not known count 0."""
        number, at, n = entry
        if not values:
            return [number, at, n]
        first, *slices = values
        place = 2 * (number - int(first))
        if place < 0:
            slices = [at, 0] * (-place // 2) + slices
            first, place = number, 0
        slices += [at, 0] * ((place + 2 - len(slices)) // 2)
        slices[place : place + 2] = at, n
        return [first, *slices]

    def load(self, values: Sequence[float], now: Moment) -> State:
        """The state that `dump` wrote, after the wall time that passed. A wall clock behind expires nothing."""
        if not values:
            return self.fresh(now)
        first, *slices = values
        pairs = zip(slices[::2], slices[1::2], strict=True)
        marks = deque(Mark(now.boot - max(0.0, now.wall - wall), n) for wall, n in pairs)
        used = sum(mark.n for mark in marks)
        return State(used=used, at=now.boot, serial=int(first) + len(marks) - 1, marks=marks)

    def reads(self, other: object) -> bool:
        """Whether a state of the rule `other`, brought up to date, is one of this rule too."""
        return isinstance(other, RollingWindow) and other.length_s == self.length_s


Rule = TokenBucket | CalendarWindow | RollingWindow | FirstUseWindow | Concurrency | PerRequest
