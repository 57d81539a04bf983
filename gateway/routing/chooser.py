"""Puts the targets of a name in the order in which they are tried, and remembers what that takes."""

from collections.abc import Callable
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from gateway.catalog.catalog import Catalog, Resolution, Target
from gateway.clock import Moment
from gateway.limits.ledger import Ledger
from gateway.pricing import list_price_nanousd
from gateway.records import Call, Usage

from . import rank
from .headroom import headroom
from .latency import Latencies
from .score import Score, score
from .sticky import Conversations, conversation

USUAL_TOKENS = (1000, 500)
"""Input and output of the request that a page takes for a usual one."""


_MOST_TURNS = 10_000
"""Models whose keys take turns. A wildcard's names come from clients, so there is no end to them."""


class Situation(Struct, frozen=True):
    """What a choice depends on, beside the targets."""

    catalog: Catalog
    ledger: Ledger
    now: Moment
    cost: Callable[[Target], int]
    """What the request is expected to cost there, in nano-dollars. Asked of targets with a price only."""
    stream: bool = True
    turn: int | None = None
    """The turn that the request took, as `turned` gave it; None before it did: then whoever's turn it is now."""


_STANDING = frozenset({"order", "grade", "bare"})
"""Strategies whose order is the same for every request."""


class _Ranked(Struct, frozen=True):
    """The order of one name by such a strategy. It stays with its targets, which each catalog makes anew."""

    targets: tuple[Target, ...]
    strategy: str
    free_first: bool
    ranked: list[Target]


class _Scored(Struct, frozen=True):
    """The scores of one meta-model. They stay with its targets, which each catalog makes anew."""

    targets: tuple[Target, ...]
    resolution: Resolution
    """With the targets that are left out marked so."""
    scores: dict[str, float]
    """By target id."""


class Chooser:
    """The order of targets: by rule, by what was measured, by whose turn it is."""

    def __init__(self) -> None:
        self.latencies = Latencies()
        self.conversations = Conversations()
        self._turns: dict[str, int] = {}
        """Requests by name, for those whose models take turns."""
        self._key_turns: dict[str, int] = {}
        """Attempts by `provider/model`, for those that have several keys."""
        self._scored: dict[str, _Scored] = {}
        self._standing: dict[str, _Ranked] = {}

    def order(self, resolution: Resolution, call: Call, situation: Situation) -> list[Target]:
        """The targets for a request, first choice first; those that it shall not have are last, and idle.

        Remembers nothing: asked again, it says the same.
        """
        targets = self._ranked(resolution, situation)
        if resolution.sticky and (known_by := conversation(resolution.name, call)):
            last = self.conversations.target(known_by)
            if last is not None:
                targets = rank.kept_on(targets, last, free_first=resolution.free_first)
        return targets if call.preferences is None else rank.preferred(targets, call.preferences)

    def turned(self, resolution: Resolution) -> int:
        """A request took the turn of its names, which is given: the next one begins at the next model, if they do."""
        turn = self._turns.get(resolution.name, 0)
        for name in (resolution.name,) if resolution.strategy == "round_robin" else resolution.turning:
            self._turns[name] = self._turns.get(name, 0) + 1
        return turn

    def began(self, target: Target) -> None:
        """An attempt at `target` has its room: the next one at this model begins at another key, if they take turns.

        Attempts are counted, not requests, and for each model: whatever makes it the one to be tried, all of its keys
        are used alike.
        """
        if target.key:
            if len(self._key_turns) >= _MOST_TURNS and target.id not in self._key_turns:
                self._key_turns.clear()
            self._key_turns[target.id] = self._key_turns.get(target.id, 0) + 1

    def answered(self, resolution: Resolution, call: Call, target: Target) -> None:
        """`target` answered `call`: a conversation that is kept on its target is kept on this one from now on."""
        if resolution.sticky and (known_by := conversation(resolution.name, call)):
            self.conversations.answered(known_by, target.rest_id)

    def usual(self, resolution: Resolution, catalog: Catalog, ledger: Ledger, now: Moment) -> list[Target]:
        """The order for the next request if it is a usual one, for pages."""
        return self._ranked(resolution, Situation(catalog, ledger, now, _usual_cost))

    def _ranked(self, resolution: Resolution, situation: Situation) -> list[Target]:
        key_turn = self._key_turn(situation.catalog) if self._key_turns else None
        # A wildcard's names come from clients: nothing is kept of them.
        if resolution.strategy in _STANDING and key_turn is None and resolution.kind != "wildcard":
            return self._standing_order(resolution)
        if resolution.strategy == "score":
            scored = self._scores(resolution, situation)
            resolution, scores = scored.resolution, scored.scores
            return rank.order(resolution, lambda target: -scores[target.id], key_turn=key_turn)
        turn = self._turns.get(resolution.name, 0) if situation.turn is None else situation.turn
        return rank.order(resolution, self._measure(resolution.strategy, situation), turn=turn, key_turn=key_turn)

    def _standing_order(self, resolution: Resolution) -> list[Target]:
        known = self._standing.get(resolution.name)
        if (
            known is None
            or known.targets is not resolution.targets
            or known.strategy != resolution.strategy
            or known.free_first != resolution.free_first
        ):
            ranked = rank.order(resolution)
            known = _Ranked(resolution.targets, resolution.strategy, resolution.free_first, ranked)
            self._standing[resolution.name] = known
        return known.ranked.copy()

    def _key_turn(self, catalog: Catalog) -> Callable[[Target], int]:
        def key_turn(target: Target) -> int:
            provider = catalog.providers.get(target.provider)  # None after a reload without it
            return self._key_turns.get(target.id, 0) if provider and provider.round_robin else 0

        return key_turn

    def _measure(self, strategy: str, situation: Situation) -> Callable[[Target], float]:
        """The number that the strategy sorts by; 0 for those that need none."""
        now = situation.now
        match strategy:
            case "cheapest":
                return lambda target: _cost(target, situation.cost)
            case "headroom":
                return lambda target: -headroom(target, situation.ledger, now)
            case "fastest":
                latency = self.latencies.seconds
                # What was not measured goes first, or it never would be.
                return lambda target: latency(target.id, stream=situation.stream, wall=now.wall) or 0.0
            case _:
                return lambda target: 0.0

    def _scores(self, resolution: Resolution, situation: Situation) -> _Scored:
        known = self._scored.get(resolution.name)
        if known and known.targets is resolution.targets:
            return known
        catalog = situation.catalog
        found = {
            target.id: score(target, resolution.weights, resolution.adjustments, catalog.leaderboard, catalog.percents)
            for target in resolution.targets
        }
        targets = tuple(_unless_out(target, found[target.id]) for target in resolution.targets)
        scored = self._scored[resolution.name] = _Scored(
            resolution.targets,
            replace(resolution, targets=targets),
            {name: each.total for name, each in found.items()},
        )
        return scored


def _unless_out(target: Target, found: Score) -> Target:
    if not found.out:
        return target
    return rank.left_out(target, "score", f"adjustments of {found.adjusted:g} push its score to {found.total:g}")


def _cost(target: Target, cost: Callable[[Target], int]) -> float:
    if target.free:
        return 0
    return inf if target.price is None else cost(target)


def _usual_cost(target: Target) -> int:
    return list_price_nanousd(target.price, Usage(*USUAL_TOKENS)) if target.price else 0
