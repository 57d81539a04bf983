"""What a provider reported of one of our limits, and the limit as that lowers it.

A report holds until its reset. Until then it stands between the ledger and the rule, whose own count it never touches:
when it is over, all that we counted is still there, and nothing that somebody else used. What it says is missing comes
back as the rule gives back: with a bucket bit by bit, so that all of it is there at the reset, else at the reset.
"""

from math import ceil, inf
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from gateway.clock import Moment

from .rules import Rule, TokenBucket
from .states import State

Sure = Literal["certain", "likely", "guess"]


class Reported(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an answer told of a limit. Amounts are in the limit's unit, times are Unix seconds."""

    by: str
    """The provider's id."""
    remaining: int
    """What was left by its count."""
    over: int
    """How much less that is than what was left by ours."""
    drift: int
    """The part of `over` that somebody else used; the rest is for a limit that is smaller than ours."""
    at: float
    until: float
    """When our own count is good again."""
    sure: Sure = "guess"
    """`certain` and `likely`: the provider said until when. `guess`: it follows from the limit's own window."""
    shut: bool = False
    """It refused: nothing fits before `until`, whatever we counted."""


class Lowered:
    """A rule under a report, in place of the rule itself: it reads the same states, and adds to the same counts.

    How long it holds is boot time: a wall clock that is set neither ends it nor keeps it, not even between two runs.
    """

    __slots__ = ("ends", "pace", "rule", "told", "wall_at_boot")

    def __init__(self, rule: Rule, told: Reported, now: Moment) -> None:
        self.rule = rule
        self.told = told
        self.wall_at_boot = now.wall - now.boot
        length_s = told.until - told.at
        self.ends = now.boot + min(told.until - now.wall, length_s)
        # The reset tells when all of it is there again, ours included: the others' part refills last.
        self.pace = inf
        if isinstance(rule, TokenBucket) and told.over > 0 and length_s > 0:
            self.pace = max(rule.amount / rule.per_s, told.over / length_s)

    @property
    def algorithm(self) -> str:
        """What the YAML calls it."""
        return self.rule.algorithm

    @property
    def capacity(self) -> int:
        """The most that can stand at once."""
        return self.rule.capacity

    @property
    def ceiling(self) -> float:
        """What used and held together may reach."""
        return self.rule.ceiling

    def in_force(self, now: Moment) -> Reported | None:
        """The report, its times by the wall clock of now; None once it is over."""
        if now.boot >= self.ends:
            return None
        set_by_s = now.wall - now.boot - self.wall_at_boot
        return replace(self.told, at=self.told.at + set_by_s, until=now.wall + self.ends - now.boot)

    def used(self, state: State, now: Moment) -> float:
        """What stands as used now, by whomever; all of it where the provider refused."""
        counted = self.rule.used(state, now)
        left_s = self.ends - now.boot
        if left_s <= 0:
            return counted
        return max(counted, self.rule.ceiling) if self.told.shut else counted + self._over(left_s)

    def _over(self, left_s: float) -> float:
        """What is not there beside our own count, so long before the end."""
        return min(self.told.over, self.pace * left_s)

    def add(self, state: State, n: float, now: Moment) -> None:
        """Count `n` of ours, negative to take back."""
        self.rule.add(state, n, now)

    def opens_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until `load` fits beside what is used: 0 if it fits now, inf if it never will."""
        opens_s = self.rule.opens_in(state, load, now)
        left_s = self.ends - now.boot
        if left_s <= 0:
            return opens_s
        after_s = max(opens_s, left_s)
        if self.told.shut:
            return after_s
        before_s = self.rule.opens_in(state, load + self._over(left_s), now)
        if before_s and isinstance(self.rule, TokenBucket):
            before_s = self._refilled_in(self.rule, state.used, self.rule.capacity - load, left_s)
        return min(after_s, before_s)

    def _refilled_in(self, bucket: TokenBucket, counted: float, level: float, left_s: float) -> float:
        """Seconds until our count and the others' are down to `level`; inf if not before the end."""
        rate = bucket.amount / bucket.per_s

        def at(second: float) -> float:
            return max(0.0, counted - rate * second) + self._over(left_s - second)

        # Between these the level is a straight line.
        empty_s = counted / rate if rate else left_s
        turns = (min(max(0.0, turn), left_s) for turn in (empty_s, left_s - self.told.over / self.pace, left_s))
        begin = 0.0
        for end in sorted(turns):
            if at(end) <= level:
                return begin + (end - begin) * (at(begin) - level) / (at(begin) - at(end))
            begin = end
        return inf

    def full_in(self, state: State, load: float, now: Moment) -> float:
        """Seconds until the whole amount is there again, if `load` were counted now."""
        return max(self.rule.full_in(state, load, now), self.ends - now.boot)

    def dump(self, state: State, now: Moment) -> list[float]:
        """What the rule remembers. The report is written beside it."""
        return self.rule.dump(state, now)


def bare(rule: Rule | Lowered) -> Rule:
    """The rule without what was reported."""
    return rule.rule if isinstance(rule, Lowered) else rule


def counted(rule: Rule | Lowered, state: State, now: Moment) -> int:
    """What we counted ourselves, in whole units, upwards but for float dust."""
    own = bare(rule)
    return ceil(own.used(state, now) - (own.ceiling - own.capacity))
