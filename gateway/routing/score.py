"""The weighted score of a target: four parts on fixed scales, and what the configuration adds.

The scales are fixed so that a score does not move when another target comes or goes.
"""

import math
import re
from collections.abc import Mapping

from msgspec import Struct

from gateway.catalog.catalog import Adjustments, Target
from gateway.catalog.schema import Weights
from gateway.leaderboard import Leaderboard

UNKNOWN = 0.5
"""A part of which nothing is known: neither for nor against."""

_WORST_PERCENT, _BEST_PERCENT = 20.0, 65.0
"""Of BigCodeBench: a model of a billion parameters has less, and nobody has more. Its middle is a middling model."""
_MOST_BILLIONS = 1000.0
_LEAST_CONTEXT, _MOST_CONTEXT = 4096, 2**20
_SIZE = re.compile(r"(?<![a-z0-9.])(?:([0-9]{1,3})x)?[ae]?([0-9]{1,4}(?:\.[0-9]{1,3})?)b(?![a-z0-9])")


class Score(Struct, frozen=True):
    """A target's score."""

    total: float
    adjusted: float
    """The part of it that was added by the configuration."""

    @property
    def out(self) -> bool:
        """Whether the configuration pushed it out."""
        return self.adjusted < 0 and self.total <= 0


def score(
    target: Target,
    weights: Weights,
    adjustments: Adjustments,
    leaderboard: Leaderboard,
    percents: Mapping[str, float],
) -> Score:
    """The score of `target`. `percents` go over the leaderboard, by `provider/model`, model or upstream model."""
    weighed = (
        weights.priority * of_priority(target.priority)
        + weights.leaderboard * of_percent(percent(target, leaderboard, percents))
        + weights.parameters * of_parameters(parameters(target.upstream_model) or parameters(target.model))
        + weights.context * of_context(target.context)
    )
    added = math.fsum(number for pattern, number in adjustments if pattern.search(target.model))
    return Score(weighed + added, added)


def percent(target: Target, leaderboard: Leaderboard, percents: Mapping[str, float]) -> float | None:
    """What the leaderboard, or the configuration in its place, says of the target; None for nothing."""
    names = (target.upstream_model, target.model)
    stated = next((percents[name] for name in (target.id, *reversed(names)) if name in percents), None)
    return leaderboard.percent(*names) if stated is None else stated


def parameters(name: str) -> float | None:
    """Billions, read from a name; None where it says nothing.

    `70b`, `1.5b`, `e4b` (effective), `8x7b` is 56. Of several, as in `235b-a22b`, the largest: the others are active
    ones.
    """
    found = [int(times or 1) * float(billions) for times, billions in _SIZE.findall(name.lower())]
    return max(found, default=None)


def of_priority(priority: int) -> float:
    """1 for 0 and less, a half for 1, a third for 2."""
    return 1 / (1 + max(0, priority))


def of_percent(percent: float | None) -> float:
    """0 for 20 percent or less, 1 for 65 or more."""
    if percent is None:
        return UNKNOWN
    return _between((percent - _WORST_PERCENT) / (_BEST_PERCENT - _WORST_PERCENT))


def of_parameters(billions: float | None) -> float:
    """0 for one billion, a third for ten, 1 for a thousand."""
    if billions is None:
        return UNKNOWN
    return _between(math.log(billions) / math.log(_MOST_BILLIONS)) if billions else 0.0


def of_context(tokens: int | None) -> float:
    """0 for 4,096 tokens, an eighth more for each doubling, 1 for a million."""
    if tokens is None:
        return UNKNOWN
    return _between(math.log2(tokens / _LEAST_CONTEXT) / math.log2(_MOST_CONTEXT / _LEAST_CONTEXT))


def _between(part: float) -> float:
    return min(1.0, max(0.0, part))
