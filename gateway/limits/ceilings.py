"""Limits without a window: how much may run at once, and how large one request may be. Nothing is ever used up."""

from collections.abc import Sequence
from math import inf

from msgspec import Struct

from gateway.clock import Moment

from .states import Entry, State


class _Ceiling(Struct, frozen=True, gc=False):
    """What these limits have in common: a state that stays empty, because nothing outlasts its request."""

    amount: int

    @property
    def capacity(self) -> int:
        """The most that can stand at once."""
        return self.amount

    @property
    def ceiling(self) -> float:
        """What is held may reach."""
        return self.amount

    def fresh(self, now: Moment) -> State:
        """The state, which stays as it is."""
        return State(at=now.boot)

    def used(self, state: State, now: Moment) -> float:
        """Nothing, ever."""
        return state.used

    def add(self, state: State, n: float, now: Moment) -> None:
        """What has ended leaves no trace."""

    def opens_in(self, state: State, load: float, now: Moment) -> float:
        """0 if `load` can ever fit, inf if it never will: the law itself asks nobody to wait."""
        return 0.0 if load <= self.amount else inf

    def full_in(self, state: State, load: float, now: Moment) -> float:
        """0: no window has to pass."""
        return 0.0

    def resets_at(self, state: State, now: Moment) -> float | None:
        """None: there is no window."""
        return None

    def dump(self, state: State, now: Moment) -> list[float]:
        """Nothing to remember: no request outlives its process."""
        return []

    def entries(self, state: State, since: int, now: Moment) -> list[Entry]:
        """Nothing for a journal."""
        return []

    def amended(self, values: Sequence[float], entry: Entry) -> list[float]:
        """Nothing."""
        return []

    def load(self, values: Sequence[float], now: Moment) -> State:
        """The state after a restart: nothing runs."""
        return self.fresh(now)

    def reads(self, other: object) -> bool:
        """Whether a state of the rule `other` is one of this rule too."""
        return type(other) is type(self)


class Concurrency(_Ceiling, frozen=True, tag_field="algorithm", tag="concurrency", gc=False):
    """At most `amount` at the same time: held from the reservation to the end of the answer, and never used."""

    @property
    def algorithm(self) -> str:
        """What `/usage/current` calls it."""
        return "concurrency"


class PerRequest(_Ceiling, frozen=True, tag_field="algorithm", tag="per_request", gc=False):
    """At most `amount` in one request, however many there are. Nothing is held: the next one has all of it."""

    @property
    def algorithm(self) -> str:
        """What `/usage/current` calls it."""
        return "per_request"
