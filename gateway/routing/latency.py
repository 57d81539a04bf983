"""How long targets take to say something: smoothed times to the first token, of streams and of whole answers.

Of a whole answer that is the time until it is there, which is why the two are never compared with each other.
"""

from collections import OrderedDict
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway.records import Settled

REMEMBERED_S = 3600.0
"""A target of which nothing was heard for so long is measured anew: it may have had a bad hour."""
_WEIGHT = 0.3
"""Of the newest measurement: about the last five count."""
_MOST = 10_000
"""Entries kept. Names that a wildcard takes come from clients, so there is no end to them."""


class _Kept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of them on disk. `at` is Unix time."""

    target: str
    stream: bool
    seconds: Annotated[float, Meta(ge=0)]
    at: Annotated[float, Meta(ge=-1e12, le=1e12)]


class Latencies:
    """By target (`provider/model`) and kind of answer; the one that was heard of last is kept longest."""

    def __init__(self) -> None:
        self._smoothed: OrderedDict[tuple[str, bool], tuple[float, float]] = OrderedDict()
        """Seconds, and the Unix time of the last measurement."""

    def note(self, settled: Settled) -> None:
        """Measure the attempt that answered, if one did, and those that were given up: they took that long at least."""
        tried, answered = settled.attempts, None
        if settled.first_token_s is not None and tried and tried[-1].target == settled.route:
            tried, answered = tried[:-1], tried[-1]
        for attempt in tried:
            # Or a target that hangs would never be measured, and so go first for ever.
            if attempt.cause == "timeout":
                self._add((attempt.target, settled.stream), attempt.duration_s, settled.at)
        if answered and settled.first_token_s is not None:
            # The request's clock began when it was received, the attempt's later: others may have been tried before.
            began_s = answered.started_at - (settled.at - settled.duration_s)
            self._add((settled.route, settled.stream), max(0.0, settled.first_token_s - began_s), settled.at)

    def seconds(self, target_id: str, *, stream: bool, wall: float) -> float | None:
        """The smoothed time; None where none was measured in the last hour. `wall` is Unix time."""
        seconds, at = self._smoothed.get((target_id, stream), (0.0, -REMEMBERED_S))
        return seconds if wall - at < REMEMBERED_S else None

    def dump(self) -> list[Any]:
        """Everything, for JSON."""
        found: list[Any] = msgspec.to_builtins(
            [
                _Kept(target=target, stream=stream, seconds=seconds, at=at)
                for (target, stream), (seconds, at) in self._smoothed.items()
            ]
        )
        return found

    def restore(self, values: object) -> None:
        """Take the place of everything with what `dump` gave. Raises ValueError for anything else."""
        try:
            kept = msgspec.convert(values, list[_Kept])
        except msgspec.ValidationError as error:
            raise ValueError(f"These are no latencies: {error}.") from error
        self._smoothed = OrderedDict(((each.target, each.stream), (each.seconds, each.at)) for each in kept[-_MOST:])

    def _add(self, key: tuple[str, bool], seconds: float, at: float) -> None:
        known = self.seconds(key[0], stream=key[1], wall=at)
        self._smoothed[key] = (seconds if known is None else known + _WEIGHT * (seconds - known), at)
        self._smoothed.move_to_end(key)
        if len(self._smoothed) > _MOST:
            self._smoothed.popitem(last=False)
