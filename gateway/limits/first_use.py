"""The limit whose window begins when it is used: so much in a fixed length from the first request on."""

from collections.abc import Sequence
from math import inf

from msgspec import Struct

from gateway.clock import Moment

from .states import Entry, State


class FirstUseWindow(Struct, frozen=True, tag_field="algorithm", tag="first_use", gc=False):
    """At most `amount` in `length_s` seconds, which begin with the first count after the last ones ended.

    State: `used` in the window from `at` to `until`, in boot time; it is open while `until` is ahead. What is held
    begins nothing: an attempt that never left is none.
    """

    amount: int
    length_s: float

    @property
    def algorithm(self) -> str:
        """What the YAML calls it."""
        return "first_use"

    @property
    def capacity(self) -> int:
        """The most that can stand at once."""
        return self.amount

    @property
    def ceiling(self) -> float:
        """What used and held together may reach."""
        return self.amount

    def fresh(self, now: Moment) -> State:
        """The state of a rule nothing was counted on."""
        return State(at=now.boot, until=now.boot)

    def used(self, state: State, now: Moment) -> float:
        """What stands as used now."""
        if now.boot >= state.until:
            state.used = 0
        return state.used

    def add(self, state: State, n: float, now: Moment) -> None:
        """Count `n`, negative to take back. Never refuses: that was asked before."""
        used = self.used(state, now)
        if n > 0 and now.boot >= state.until:
            state.at, state.until = now.boot, now.boot + self.length_s
        state.used = max(0, used + n)

    def opens_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until `load` fits beside what is used: 0 if it fits now, inf if it never will."""
        if self.used(state, now) + load <= self.amount:
            return 0.0
        return inf if load > self.amount else self._left_s(state, now)

    def full_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until the whole amount is there again, if `load` were counted now."""
        left_s = self._left_s(state, now)
        return left_s or self.length_s if load > 0 else left_s

    def resets_at(self, state: State, now: Moment) -> float | None:
        """Unix time at which the window ends; None if none has begun."""
        left_s = self._left_s(state, now)
        return now.wall + left_s if left_s else None

    def _left_s(self, state: State, now: Moment) -> float:
        return max(0.0, state.until - now.boot)

    def dump(self, state: State, now: Moment) -> list[float]:
        """[used, wall time at which the window began]; empty if none is open."""
        used = self.used(state, now)
        return [used, state.at - now.boot + now.wall] if self._left_s(state, now) else []

    def entries(self, state: State, since: int, now: Moment) -> list[Entry]:
        """What a journal says of it: (0, wall time at which the window began, used)."""
        used = self.used(state, now)
        return [(0, state.at - now.boot + now.wall, used)]

    def amended(self, values: Sequence[float], entry: Entry) -> list[float]:
        """`values` as `dump` would have written them after the entry."""
        _, at, used = entry
        return [used, at]

    def load(self, values: Sequence[float], now: Moment) -> State:
        """The state that `dump` wrote, after the wall time that passed. A wall clock behind ends nothing."""
        if not values:
            return self.fresh(now)
        used, began = values
        at = now.boot - max(0.0, now.wall - began)
        return State(used=used, at=at, until=at + self.length_s)

    def reads(self, other: object) -> bool:
        """Whether a state of the rule `other`, brought up to date, is one of this rule too."""
        return isinstance(other, FirstUseWindow) and other.length_s == self.length_s
