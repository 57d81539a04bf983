"""How long answers are: a fading histogram, whose every question is a look-up.

Four bins to the octave from 8 to 131,072 tokens. A new length weighs more than the one before it, which is the same as
fading all the others, at the price of one bin.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import erf, inf, isfinite, log, sqrt
from operator import mul
from struct import Struct as Layout

BINS = 56
HALF_LIFE = 200
"""Answers after which one counts half."""

_EDGES = [8 * 2 ** (i / 4) for i in range(BINS)]
"""Where each bin begins."""
_LONGEST = 8 * 2 ** (BINS / 4)
_MIDDLES = [8 * 2 ** ((i + 0.5) / 4) for i in range(BINS)]
_SQUARES = [middle * middle for middle in _MIDDLES]
_GROWTH = 2 ** (1 / HALF_LIFE)
_LARGEST_UNIT = 1e6
_PACKED = Layout(f"<{BINS}f")


class Histogram:
    """Weights of lengths, with the sums over all that is longer at hand."""

    __slots__ = ("_above", "_firsts", "_seconds", "_unit", "_weights", "weight")

    def __init__(self, weights: Iterable[float]) -> None:
        self._weights = list(weights)
        self._unit = 1.0
        """What one new answer weighs."""
        self._sum_up()

    @classmethod
    def neutral(cls) -> "Histogram":
        """Before there is a past: lognormal, median 300, sigma 1.2, worth two answers."""
        below = [0.5 * (1 + erf(log(edge / 300) / 1.2 / sqrt(2))) for edge in (*_EDGES, _LONGEST)]
        shares = [after - before for before, after in pairwise(below)]
        return cls(2 * share / sum(shares) for share in shares)

    def child(self, most: float) -> "Histogram":
        """The same shape, worth `most` answers at most."""
        scale = min(1.0, most / self.weight) / self._unit
        return Histogram(weight * scale for weight in self._weights)

    def add(self, length: float) -> None:
        """One more answer, of `length` tokens."""
        self._unit *= _GROWTH
        self._weights[max(0, bisect_right(_EDGES, length) - 1)] += self._unit
        if self._unit > _LARGEST_UNIT:
            self._weights = [weight / self._unit for weight in self._weights]
            self._unit = 1.0
        self._sum_up()

    def moments(self, beyond: float = 0.0, bound: float = inf) -> tuple[float, float]:
        """Mean and variance of a length that `bound` cuts off, given that it is longer than `beyond`.

        Longer than anything known: half as much again is expected, give or take half of that.
        """
        start = bisect_right(_EDGES, beyond) if beyond else 0
        weight = self._above[start]
        if not weight:
            mean = max(beyond, min(bound, 1.5 * beyond))
            return mean, mean * mean / 4
        first, second = self._firsts[start], self._seconds[start]
        if bound < _MIDDLES[-1]:
            cut = max(start, bisect_left(_MIDDLES, bound))
            first += self._above[cut] * bound - self._firsts[cut]
            second += self._above[cut] * bound * bound - self._seconds[cut]
        mean = first / weight
        variance = max(0.0, second / weight - mean * mean)
        return max(mean, beyond) if beyond else mean, variance

    def quantile(self, share: float, beyond: float = 0.0) -> float:
        """The length that `share` (under 1) of the answers do not exceed, of those longer than `beyond`."""
        above, start = self._above, bisect_right(_EDGES, beyond)
        if not above[start]:
            return 1.5 * beyond
        target = above[start] * (1 - share)
        place = bisect_right(above, -target, start, BINS, key=_negative) - 1
        inside = (above[place] - target) / (above[place] - above[place + 1])
        return max(beyond, _EDGES[place] * 2 ** (inside / 4))

    def dump(self) -> bytes:
        """The weights as 224 bytes."""
        return _PACKED.pack(*(weight / self._unit for weight in self._weights))

    @classmethod
    def load(cls, packed: bytes) -> "Histogram":
        """What `dump` wrote. Raises ValueError if it is none."""
        if len(packed) != _PACKED.size:
            raise ValueError(f"{len(packed)} bytes are no histogram")
        weights = _PACKED.unpack(packed)
        if not all(isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
            raise ValueError("a histogram without weight")
        return cls(weights)

    def _sum_up(self) -> None:
        weights = self._weights
        self._above = _suffixes(weights)
        self._firsts = _suffixes(list(map(mul, weights, _MIDDLES)))
        self._seconds = _suffixes(list(map(mul, weights, _SQUARES)))
        self.weight = self._above[0] / self._unit
        """Answers that it is worth."""


def _suffixes(values: Sequence[float]) -> list[float]:
    """The sum from each place to the end, and 0 at the end."""
    sums = list(accumulate(reversed(values), initial=0.0))
    sums.reverse()
    return sums


def _negative(value: float) -> float:
    return -value
