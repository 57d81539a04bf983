"""How a provider or model stands now, in one word, and what is in the way of a target."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from gateway.catalog.catalog import Target

from .bars import Bar, Level
from .bars import level as level_of

Standing = Literal["ready", "near_limit", "used_up", "cooling", "failing", "no_key", "off"]

IN_WORDS: Mapping[Standing, str] = {
    "ready": "ready",
    "near_limit": "near limit",
    "used_up": "used up",
    "cooling": "cooling down",
    "failing": "failing",
    "no_key": "no key",
    "off": "switched off",
}

TONES: Mapping[Standing, Level | Literal[""]] = {
    "ready": "ok",
    "near_limit": "hot",
    "used_up": "bad",
    "cooling": "warn",
    "failing": "bad",
    "no_key": "",
    "off": "",
}

_FAILURES_IN_A_ROW = 3


class Rest(Struct, frozen=True, kw_only=True):
    """A cooldown that keeps a target from being tried."""

    kind: str
    """`provider`, `key`, `model`, or model and key."""
    id: str
    left_s: float
    cause: str


class Obstacles(Struct, frozen=True):
    """What stands in the way, for all targets at once: bars by meter id, rests by the target's `rest_id`."""

    bars: Mapping[str, Bar]
    rests: Mapping[str, Rest]

    def rest(self, target: Target) -> Rest | None:
        """The cooldown that keeps it, if one does."""
        return self.rests.get(target.rest_id)

    def limits(self, target: Target) -> tuple[Bar, ...]:
        """The bars it has to pass. Money is no obstacle to what costs nothing."""
        return tuple(self.bars[each.id] for each in target.meters if not (target.free and each.unit == "cost"))

    def full(self, target: Target) -> Bar | None:
        """The first of its limits without any room."""
        return next((bar for bar in self.limits(target) if bar.level == "bad"), None)

    def busy(self, target: Target) -> Bar | None:
        """The first of its limits whose room is held by running requests, and comes back as they end."""
        return next(
            (bar for bar in self.limits(target) if bar.reserved and bar.used + bar.reserved >= bar.amount), None
        )


def standing(targets: Iterable[Target], obstacles: Obstacles, outcomes: Sequence[bool] = ()) -> Standing:
    """How these targets stand together. `outcomes` tells of their last attempts, the newest first, which succeeded.

    The best of them counts: as long as one can be tried, what keeps the others is a detail.
    """
    targets = tuple(targets)
    keyed = [target for target in targets if not target.idle]
    if not keyed:
        return "no_key" if any(target.idle == "no_key" for target in targets) else "off"
    awake = [target for target in keyed if obstacles.rest(target) is None]
    if not awake:
        return "cooling"
    if all(obstacles.full(target) for target in awake):
        return "used_up"
    last = outcomes[:_FAILURES_IN_A_ROW]
    if len(last) == _FAILURES_IN_A_ROW and not any(last):
        return "failing"
    shares = [bar.share for target in awake for bar in obstacles.limits(target)]
    return "near_limit" if level_of(max(shares, default=0.0)) in {"hot", "bad"} else "ready"
