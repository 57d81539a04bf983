"""The limit that follows the wall clock: so much per hour, day, week or month of a time zone."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from math import inf

from msgspec import Struct

from gateway.clock import Moment

from .states import Entry, Mark, State
from .windows import SHORTEST_S, Named, bounds


class CalendarWindow(Struct, frozen=True, tag_field="algorithm", tag="calendar", gc=False):
    """At most `amount` per clock second, minute, hour, day, week or month of an IANA zone.

    A day, week or month begins anew at `reset` (see `windows.reset_of`); without one at midnight, on Monday, on the
    first.

    State: `used` in the window from `at` to `until`. The wall clock can be set, so:

    - A clock put back leaves the window in force, until it has been set to before the window just ahead of it;
      then the window is dated anew, with what was used, however often.
    - `marks` are the windows left within the last window's length of boot time, in the order they were left.
      Coming back to one of them brings along all that was counted since it began, or since one after it did: no
      window opens twice.
      Once that long has really passed, a window that was visited by mistake opens like any other.
    """

    amount: int
    window: Named
    timezone: str = "UTC"
    reset: str = ""

    @property
    def algorithm(self) -> str:
        """What the YAML calls it."""
        return "calendar"

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
        start, end = bounds(self.window, self.timezone, now.wall, self.reset)
        return State(at=start, until=end)

    def used(self, state: State, now: Moment) -> float:
        """What stands as used now."""
        if not state.at <= now.wall < state.until:
            self._turn(state, now)
        return state.used

    def _turn(self, state: State, now: Moment) -> None:
        """Leave the window for the one that the wall clock is in, if it is time to."""
        start, end = bounds(self.window, self.timezone, now.wall, self.reset)
        if start < state.at <= end:
            return
        marks = state.marks
        while marks and now.boot - marks[0].left >= SHORTEST_S[self.window]:
            marks.popleft()
        marks.append(Mark(state.at, state.used - state.carried, now.boot))
        carried: float = 0
        least: float = 0
        if start < state.at or any(mark.at == start for mark in marks):
            first = next(i for i, mark in enumerate(marks) if mark.at >= start)
            carried = sum(mark.n for mark in islice(marks, first, None))
        if start < state.at:
            least = state.used  # what the marks no longer know as well: a clock put back opens nothing
        state.at, state.until = start, end
        state.carried, state.used = carried, max(carried, least)

    def add(self, state: State, n: float, now: Moment) -> None:
        """Count `n`, negative to take back. Never refuses: that was asked before."""
        state.used = max(0, self.used(state, now) + n)

    def opens_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until `load` fits beside what is used: 0 if it fits now, inf if it never will."""
        if self.used(state, now) + load <= self.amount:
            return 0.0
        return inf if load > self.amount else state.until - now.wall

    def full_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until the whole amount is there again, if `load` were counted now."""
        return state.until - now.wall if self.used(state, now) + load > 0 else 0.0

    def resets_at(self, state: State, now: Moment) -> float | None:
        """Unix time at which the next window opens."""
        self.used(state, now)
        return state.until

    def dump(self, state: State, now: Moment) -> list[float]:
        """[began, used, carried], then [began, n, wall time it was left] of each mark, in one row; empty if unused."""
        if not self.used(state, now) and not any(mark.n for mark in state.marks):
            return []
        marks = (value for mark in state.marks for value in (mark.at, mark.n, mark.left - now.boot + now.wall))
        return [state.at, state.used, state.carried, *marks]

    def entries(self, state: State, since: int, now: Moment) -> list[Entry]:
        """What a journal says of it: (carried, when the window began, used)."""
        used = self.used(state, now)
        return [(int(state.carried), state.at, used)]

    def amended(self, values: Sequence[float], entry: Entry) -> list[float]:
        """`values` as `dump` would have written them after the entry, or before it if they are of a later window.

        When a window was left is not in it: that is taken to have been as soon as it can have been.
        """
        carried, at, used = entry
        began, before, brought, *marks = values or (at, 0, 0)
        if at < began:
            return list(values)
        if began < at:
            marks += began, before - brought, at
        return [at, used, carried, *marks]

    def load(self, values: Sequence[float], now: Moment) -> State:
        """The state that `dump` wrote. Its window ends when the wall clock says so, as if nothing had stopped."""
        if not values:
            return self.fresh(now)
        at, used, carried, *rest = values
        start, end = bounds(self.window, self.timezone, at, self.reset)
        triples = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        marks = deque(Mark(began, n, now.boot - max(0.0, now.wall - left)) for began, n, left in triples)
        return State(used=used, at=start, until=end, carried=carried, marks=marks)

    def reads(self, other: object) -> bool:
        """Whether a state of the rule `other`, brought up to date, is one of this rule too."""
        return isinstance(other, CalendarWindow) and (other.window, other.timezone, other.reset) == (
            self.window,
            self.timezone,
            self.reset,
        )
