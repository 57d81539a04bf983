"""Rest after failure: which provider, key or model is left alone, until when, and who tries it first afterwards.

Deadlines run on boot time. Kept as wall time across restarts.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.catalog.catalog import Target
from gateway.clock import Moment

Kind = Literal["provider", "key", "model", "model_key"]
"""What rests. Their ids: `target.provider`, `target.key_id`, `target.id`, `target.rest_id`."""
Schedule = Literal["backoff", "key", "missing_model"]
"""How long without a hint: 1, 2, 4 ... 300 s with jitter; 10 min doubling to 6 h; 1 h."""
Scope = tuple[Kind, str]

HINT_S = 3600.0
"""The longest rest for a hint that may be wrong."""
CERTAIN_S = 32 * 86400.0
"""The longest rest for a hint that is certain: a month's quota, and a day for time zones."""
PROBING = "; one request tries it now"
"""How the cause of a cooldown ends that is there for a probe only: its end is a guess."""
_BACKOFF_S = 300.0
_KEY_S = (600.0, 6 * 3600.0)
_MISSING_MODEL_S = 3600.0
_PROBING_S = 1.0
"""What others are told to wait while one request probes: nobody knows, and it is soon."""
_LOST_PROBE_S = 600.0
"""A probe of which nothing was heard for so long does not stand in the way any more."""
_MOST = 10_000
"""Entries kept. Names that a wildcard takes come from clients, so there is no end to them."""


class Cooldown(Struct, frozen=True):
    """One scope at rest. `until` is boot time."""

    kind: Kind
    id: str
    until: float
    cause: str

    def left_s(self, now: Moment) -> float:
        """Seconds until it ends; 0 if it has."""
        return max(0.0, self.until - now.boot)


class _Rest(Struct):
    """What is known of one scope: its deadline, which may be past, and its failures in a row."""

    until: float
    cause: str
    streak: int

    def idle(self, now: Moment) -> bool:
        """Whether nothing would be lost without it."""
        return not self.streak and self.until <= now.boot


class _Probe(Struct, frozen=True):
    """One request on its way to a target that has failed before. `lost_at` is boot time."""

    scopes: tuple[Scope, ...]
    lost_at: float


class _Kept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scope on disk. `until` is wall time; `left_s` was left when it was written, and is the most it may become."""

    kind: Kind
    id: str
    until: Annotated[float, Meta(ge=-1e12, le=1e12)]
    left_s: Annotated[float, Meta(ge=0, le=CERTAIN_S)]
    cause: str
    streak: Annotated[int, Meta(ge=0)]


class Cooldowns:
    """Every scope that rests or failed last. An attempt is `enter`, then one of `rest`, `succeeded` and `left`."""

    def __init__(self) -> None:
        self._rests: dict[Scope, _Rest] = {}
        self._probes: dict[Scope, _Probe] = {}
        """By scope with a streak. Few at any time."""

    def blocking(self, target: Target, now: Moment) -> Cooldown | None:
        """The cooldown that keeps the target longest; None if none does."""
        if not self._rests:
            return None
        longest: Cooldown | None = None
        for scope in _scopes(target):
            rest = self._rests.get(scope)
            if rest is None:
                continue
            if rest.idle(now):
                self._forget(scope)
            elif rest.until > now.boot and (longest is None or rest.until > longest.until):
                longest = Cooldown(*scope, rest.until, rest.cause)
        return longest

    def in_the_way(self, target: Target, now: Moment) -> Cooldown | None:
        """What `enter` would give. Changes nothing."""
        return self.blocking(target, now) or self._probing(target, now)

    def enter(self, target: Target, now: Moment) -> Cooldown | None:
        """None if an attempt may start now, else what is in its way. To be asked right before the attempt.

        After a cooldown, or since a failure without one, the first to ask becomes the probe. Until it ended, others
        get a cooldown of 1 s, whose cause ends in `PROBING`.
        """
        if not self._rests:
            return None
        if found := self.in_the_way(target, now):
            return found
        scopes = _scopes(target)
        probe = _Probe(scopes, now.boot + _LOST_PROBE_S)
        for scope in scopes:
            if (rest := self._rests.get(scope)) and rest.streak:
                self._probes[scope] = probe
        return None

    def rest(  # noqa: PLR0913 - one failure has as many sides
        self,
        kind: Kind,
        id: str,  # noqa: A002 - its name in every place that shows it
        now: Moment,
        *,
        wait_s: float | None,
        certain: bool,
        cause: str,
        jitter: Callable[[], float],
        schedule: Schedule,
    ) -> Cooldown:
        """Lay a scope to rest after a failure; gives the cooldown that now holds. Ends the probe that failed so.

        `wait_s` is the upstream's hint, taken up to an hour, or up to 32 days if `certain`; without one the schedule
        says how long. `jitter` gives 0 to 1: a back-off lasts between half and the whole of its step. A later
        deadline stays. A failure while the scope rests is of the same outage, from an attempt that was under way:
        it does not count again, or ten requests failing at once would make it minutes.
        """
        scope = (kind, id)
        self._end([probe for probe in self._probes.values() if scope in probe.scopes])
        rest = self._rests.get(scope)
        if rest is None:
            self._make_room(now)
            rest = self._rests[scope] = _Rest(now.boot, cause, 0)
        if not rest.streak or rest.until <= now.boot:
            rest.streak += 1
        if wait_s is None:
            length = _scheduled_s(schedule, rest.streak, jitter)
        else:
            # In this order a NaN becomes 0.
            length = max(0.0, min(wait_s, CERTAIN_S if certain else HINT_S))
        if now.boot + length >= rest.until:
            rest.until = now.boot + length
            rest.cause = cause
        return Cooldown(kind, id, rest.until, rest.cause)

    def succeeded(self, target: Target) -> None:
        """The target answered: the next failure is a first one. Deadlines stay."""
        if not self._rests:
            return
        for scope in _scopes(target):
            if rest := self._rests.get(scope):
                rest.streak = 0
                self._probes.pop(scope, None)

    def left(self, target: Target) -> None:
        """The attempt ended without a word about the upstream, say because the client left: another may probe."""
        if self._probes:
            scopes = _scopes(target)
            self._end([probe for probe in self._probes.values() if probe.scopes == scopes])

    def clear_keys(self) -> None:
        """Forget what is known of keys: the configuration changed, and one of them may have been the reason."""
        for scope in [scope for scope in self._rests if scope[0] == "key"]:
            self._forget(scope)

    def reset(self, kind: Kind, id: str) -> None:  # noqa: A002 - as in `rest`
        """Forget what is known of one scope, by a person's wish. Unknown ones are none."""
        self._forget((kind, id))

    def active(self, now: Moment) -> list[Cooldown]:
        """Every cooldown that lasts, the one that ends first in front."""
        lasting = [
            Cooldown(*scope, rest.until, rest.cause) for scope, rest in self._rests.items() if rest.until > now.boot
        ]
        return sorted(lasting, key=lambda each: each.until)

    def dump(self, now: Moment) -> list[Any]:
        """Deadlines as wall times, and streaks, for JSON."""
        kept = []
        for (kind, name), rest in self._rests.items():
            if not rest.idle(now):
                left_s = min(max(0.0, rest.until - now.boot), CERTAIN_S)  # the sum may have rounded up
                until = now.wall + left_s
                kept.append(_Kept(kind=kind, id=name, until=until, left_s=left_s, cause=rest.cause, streak=rest.streak))
        found: list[Any] = msgspec.to_builtins(kept)
        return found

    def restore(self, values: object, now: Moment) -> None:
        """Take the place of everything with what `dump` gave.

        None lasts longer than it still had then, whatever the wall clock did since. Of those that are past, the
        streaks are kept. Raises ValueError for anything that `dump` does not write, and then changes nothing.
        """
        try:
            kept = msgspec.convert(values, list[_Kept])
        except msgspec.ValidationError as error:
            raise ValueError(f"These are no cooldowns: {error}.") from error
        self._probes.clear()
        self._rests.clear()
        for each in kept[-_MOST:]:
            left_s = max(0.0, min(each.until - now.wall, each.left_s))
            if left_s or each.streak:
                self._rests[each.kind, each.id] = _Rest(now.boot + left_s, each.cause, each.streak)

    def _probing(self, target: Target, now: Moment) -> Cooldown | None:
        if not self._probes:
            return None
        for scope in _scopes(target):
            if (probe := self._probes.get(scope)) and now.boot < probe.lost_at:
                return Cooldown(*scope, now.boot + _PROBING_S, f"{self._rests[scope].cause}{PROBING}")
        return None

    def _end(self, probes: Iterable[_Probe]) -> None:
        for probe in probes:
            for scope in probe.scopes:
                if self._probes.get(scope) is probe:
                    del self._probes[scope]

    def _forget(self, scope: Scope) -> None:
        self._rests.pop(scope, None)
        self._probes.pop(scope, None)

    def _make_room(self, now: Moment) -> None:
        """If it is full, drop what says nothing, and then what ended or ends first: a tenth, so that this is rare."""
        if len(self._rests) < _MOST:
            return
        for scope in [scope for scope, rest in self._rests.items() if rest.idle(now)]:
            self._forget(scope)
        if len(self._rests) < _MOST:
            return
        for scope in sorted(self._rests, key=lambda scope: self._rests[scope].until)[: _MOST // 10]:
            self._forget(scope)


def _scopes(target: Target) -> tuple[Scope, ...]:
    return (
        ("provider", target.provider),
        ("key", target.key_id),
        ("model", target.id),
        ("model_key", target.rest_id),
    )


def _scheduled_s(schedule: Schedule, streak: int, jitter: Callable[[], float]) -> float:
    """Seconds for the failure that is the `streak`th in a row."""
    doubled = 2.0 ** min(streak - 1, 30)  # further would overflow, and every schedule ends long before
    if schedule == "backoff":
        return min(doubled, _BACKOFF_S) * (0.5 + jitter() / 2)
    if schedule == "key":
        first, most = _KEY_S
        return min(first * doubled, most)
    return _MISSING_MODEL_S
