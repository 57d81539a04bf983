"""What an attempt is expected to take before its answer's length is known, and the margin for all of them together.

Each limit weighs tokens: `a` for one of the input, `b` for one of the output. A forecast is three numbers: the mean,
the variance, in which own luck adds up in squares, and the doubt, by which a wrong forecast is wrong for all at once.
"""

from bisect import bisect_right
from math import ceil, erfc, exp, inf, pi, sqrt
from typing import Final

from msgspec import Struct

from .learned import Past
from .shorthand import UNITS, Unit

TOLERANCE = 0.002
"""The expected overshoot that the margin leaves, as a share of the limit."""

ASSUMED_BOUND = 4096
"""Output tokens that `strict` holds where neither the client nor the model names a bound."""

SHORTEST_BOUND = 64
"""Output tokens below which `strict` sends nobody off."""

_UNFOLDED = 256
"""Output tokens to which an answer may grow under `strict`, however short the others were."""

_FAR = 0.05
"""Share of the room up to which a bound is held as it is: so far from the edge no body is touched."""

_BEYOND_THOUGHTS = 1024
"""Output tokens that are left for the answer itself, where thoughts were given theirs."""

_INPUT_SLACK, _INPUT_DUST = 1.05, 4
MOST_Z = 4.0
"""Standard deviations that a margin has at most."""
_Z = [MOST_Z, *(step / 100 for step in range(400, -1, -1))]
_LOSSES = [0.0, *(exp(-z * z / 2) / sqrt(2 * pi) - z * erfc(z / sqrt(2)) / 2 for z in _Z[1:])]
"""How much a standard normal is expected to exceed each z."""

_TOKENS: Final[dict[Unit, tuple[float, float]]] = {
    "tokens": (1.0, 1.0),
    "input_tokens": (1.0, 0.0),
    "output_tokens": (0.0, 1.0),
}
_WEIGHTS = tuple(_TOKENS.get(unit) for unit in UNITS)
_COST, _PER_REQUEST = UNITS.index("cost"), UNITS.index("tokens_per_request")


def margin(capacity: float, variance: float, doubt: float) -> float:
    """What is kept free beside the means, so that the expected overshoot stays under 0.2 % of the capacity."""
    sd = sqrt(variance + doubt * doubt)
    if not sd:
        return 0.0
    return sd * _Z[bisect_right(_LOSSES, TOLERANCE * capacity / sd) - 1]


class Rates(Struct, frozen=True):
    """What money is charged by, in nano-dollars."""

    request: int = 0
    input: float = 0.0
    """For each token."""
    output: float = 0.0
    """For each token."""


NO_MONEY = Rates()


class Forecast(Struct, frozen=True):
    """What an attempt is expected to take, at some length of its answer."""

    outlook: "Outlook"
    input: float
    input_var: float
    input_doubt: float
    output: float
    output_var: float
    output_doubt: float
    bound: int | None
    """What cuts the answer off; None where nothing is known to."""

    def hold(self, unit: int) -> tuple[int, float, float]:
        """Mean, variance and doubt in a unit, by its place in UNITS. Units that count attempts take one."""
        weights = _WEIGHTS[unit]
        if weights:
            a, b = weights
            mean = ceil(a * self.input + b * self.output)
        elif unit == _COST:
            rates = self.outlook.rates
            a, b = rates.input, rates.output
            mean = ceil(rates.request + a * self.input + b * self.output)
        elif unit == _PER_REQUEST:
            return ceil(self.input + max(self.output, self.outlook.asked)), 0.0, 0.0
        else:
            return 1, 0.0, 0.0
        variance = a * a * self.input_var + b * b * self.output_var
        return mean, variance, a * self.input_doubt + b * self.output_doubt

    def most(self, unit: int) -> int:
        """The bound of it in a unit: what `strict` holds."""
        fixed, a, b = self.outlook.weights(unit)
        return ceil(fixed + a * self.outlook.most_input + b * (self.bound or ASSUMED_BOUND))

    def certain(self, unit: int) -> int:
        """The part of the mean that the input takes, whatever the answer's length."""
        fixed, a, _ = self.outlook.weights(unit)
        return ceil(fixed + a * self.input)


class Outlook(Struct, frozen=True, kw_only=True):
    """What is known of an attempt before it is made. Lengths and bounds are of one choice."""

    past: Past
    estimate: int
    """Input tokens, as the client's body looks."""
    bound: int | None = None
    """Output tokens that neither client nor model exceed; None where no such bound is known."""
    may_bound: bool = True
    """Whether `max_tokens` may be written into the body."""
    thinking: int = 0
    """Output tokens that the client sets aside for thoughts."""
    choices: int = 1
    asked: int = 0
    """Output tokens that the caller asks for: what makes a request too large for `tokens_per_request`, where it is
    more than is expected. Never held, so that large round numbers cost nobody anything."""
    rates: Rates = NO_MONEY

    def at(self, length: float = 0.0, bound: int | None = None) -> Forecast:
        """The forecast when `length` tokens of the answer are out, and `bound` (left out: its own) cuts it off."""
        past, estimate, choices = self.past, self.estimate, self.choices
        bound = bound or self.bound
        mean, variance = past.lengths.moments(length, bound or inf)
        ratio = past.ratio
        return Forecast(
            self,
            estimate * ratio.mean,
            estimate * estimate * ratio.var,
            estimate * past.doubt,
            choices * mean,
            choices * variance,
            choices * sqrt(variance / past.weight),
            bound,
        )

    @property
    def most_input(self) -> float:
        """Input tokens that it will hardly exceed."""
        return self.estimate * self.past.model.highest * _INPUT_SLACK + _INPUT_DUST

    def weights(self, unit: int) -> tuple[float, float, float]:
        """What each attempt, each input token and each output token of one choice weighs in a unit."""
        if weights := _WEIGHTS[unit]:
            a, b = weights
            return 0.0, a, b * self.choices
        rates = self.rates
        return (rates.request, rates.input, rates.output * self.choices) if unit == _COST else (1.0, 0.0, 0.0)

    def strict_bound(self, room: float, whole: float) -> int:
        """The bound to hold and to send: so far as there is room, but not less than is sensible.

        `room` is what is left in the tightest limit, `whole` what it leaves when nothing is used; output tokens.
        """
        most = self.bound or ASSUMED_BOUND
        if most <= _FAR * room:
            return most
        # What never fits, however empty the limit, would shut the model for good: then what fits has to do.
        least = max(SHORTEST_BOUND, int(min(self.past.long, whole)))
        if self.thinking:
            least = max(least, self.thinking + _BEYOND_THOUGHTS)
        wish = max(_UNFOLDED, 1.25 * self.past.longest, _FAR * room)
        return max(int(min(most, room, wish)), min(most, least))

    def clear_in(self, elapsed_s: float, *, head_only: bool = False) -> float | None:
        """Seconds until half of such attempts have ended (or begun to answer); None before a pace was learned."""
        pace = self.past.model.pace
        if not pace.n:
            return None
        speaking_s = elapsed_s - pace.first_s
        if head_only or speaking_s <= 0:
            waiting_s = max(0.0, -speaking_s)
            return waiting_s if head_only else waiting_s + self._median() / pace.tokens_per_s
        return self._median(speaking_s * pace.tokens_per_s) / pace.tokens_per_s - speaking_s

    def _median(self, beyond: float = 0.0) -> float:
        return self.past.lengths.quantile(0.5, beyond)
