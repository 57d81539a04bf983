"""Requests, with all that nobody knows beforehand."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from gateway.limits.forecast import Outlook
from gateway.limits.ledger import Reservation

from .scenarios import WEIGHTS, Limit, Scenario


@dataclass(slots=True, eq=False)
class Request:
    """One request, with all that nobody knows beforehand."""

    client: str
    estimate: int
    input: int
    wants: int
    """Tokens that the answer would have, were it not for any bound."""
    max_tokens: int | None
    first_s: float
    tokens_per_s: float
    worker: int = -1
    came: float = 0.0
    sent: float = 0.0
    output: int = 0
    cut: bool = False
    outlook: Outlook | None = None
    reservation: Reservation | None = None

    @property
    def duration_s(self) -> float:
        """From sending to the end."""
        return min(60.0, max(1.0, self.first_s + self.output / self.tokens_per_s))


def drawn(g: Random, median: float, sigma: float, low: float, high: float) -> int:
    """A lognormal number, clipped."""
    return int(min(high, max(low, g.lognormvariate(math.log(median), sigma))))


def _either(g: Random, first: tuple[float, float, float, float], second: tuple[float, float, float, float]) -> int:
    return drawn(g, *(first if g.random() < 0.7 else second))


def _agents_bound(g: Random) -> int | None:
    return g.choices((None, 8192, 32000), (30, 40, 30))[0]


Draw = Callable[[Random], int]
KINDS: dict[str, tuple[Draw, Draw, Callable[[Random], int | None]]] = {
    "chat": (
        lambda g: drawn(g, 300, 1, 20, 4000),
        lambda g: drawn(g, 220, 0.9, 5, 4096),
        lambda g: g.choices((None, 1024, 2048, 32000), (50, 15, 15, 20))[0],
    ),
    "agent": (
        lambda g: int(math.exp(g.uniform(math.log(5_000), math.log(50_000)))),
        lambda g: _either(g, (150, 0.6, 20, 4000), (1500, 0.6, 50, 8000)),
        _agents_bound,
    ),
    "helper": (
        lambda g: drawn(g, 1500, 0.6, 200, 5000),
        lambda g: _either(g, (120, 0.6, 20, 2000), (900, 0.6, 50, 4000)),
        _agents_bound,
    ),
    "batch": (lambda g: drawn(g, 600, 0.3, 100, 2000), lambda g: drawn(g, 120, 0.25, 20, 200), lambda _: 200),
    "writer": (
        lambda g: drawn(g, 200, 0.5, 30, 1000),
        lambda g: drawn(g, 1600, 0.5, 100, 6000),
        lambda g: g.choice((None, 8192)),
    ),
    "reason": (
        lambda g: drawn(g, 400, 0.8, 30, 3000),
        lambda g: drawn(g, 800, 1.2, 50, 16000),
        lambda g: g.choice((None, 32000)),
    ),
    "huge": (lambda g: drawn(g, 300, 1, 20, 3000), lambda g: drawn(g, 300, 0.9, 5, 4096), lambda _: 8192),
}
"""Estimated input, output, `max_tokens`."""
MIXES = {
    "mixed": {"chat": 50, "helper": 20, "batch": 20, "writer": 10},
    "agents": {"chat": 40, "agent": 25, "batch": 20, "writer": 15},
}


class Traffic:
    """Requests of one scenario, two clients for each kind of work."""

    def __init__(self, scenario: Scenario, g: Random) -> None:
        self._scenario, self._g = scenario, g
        self._mix = MIXES.get(scenario.mix, {scenario.mix: 1})
        self._model_ratio = g.uniform(0.95, 1.12)
        self._ratios = {f"{kind}-{i}": g.uniform(0.94, 1.07) for kind in self._mix for i in (1, 2)}

    def bound(self, request: Request) -> int:
        """What the client and the model leave an answer."""
        return min(request.max_tokens or self._scenario.max_output, self._scenario.max_output)

    def next(self, at: float) -> Request:
        """The next request, which comes `at` seconds after the beginning."""
        g, scenario = self._g, self._scenario
        kind = g.choices(list(self._mix), list(self._mix.values()))[0]
        draw_input, draw_output, draw_bound = KINDS[kind]
        client = f"{kind}-{g.choice((1, 2))}"
        estimate, wants = draw_input(g), draw_output(g)
        if scenario.regime != 1 and 1 / 3 <= at / scenario.seconds < 2 / 3:
            wants = int(min(8000, wants * scenario.regime))
        ratio = min(1.25, max(0.85, self._model_ratio * self._ratios[client] * g.gauss(1, 0.03)))
        request = Request(
            client=client,
            estimate=estimate,
            input=max(1, round(estimate * ratio)),
            wants=wants,
            max_tokens=draw_bound(g),
            first_s=g.uniform(0.3, 2),
            tokens_per_s=min(200.0, max(20.0, g.lognormvariate(math.log(80), 0.4))),
            came=at,
        )
        request.output = min(wants, self.bound(request))
        return request

    def rate(self) -> float:
        """Requests a second at which the tightest limit is asked for exactly what it has."""
        probe = Traffic(self._scenario, Random(7))  # noqa: S311 - traffic, not secrets
        asked = [probe.next(-1.0) for _ in range(4000)]
        return min(
            limit.amount / limit.per_s / statistics.fmean(weighed(limit, each) for each in asked)
            for limit in self._scenario.limits
        )


def weighed(limit: Limit, request: Request) -> float:
    """What a request takes of a limit."""
    a, b = WEIGHTS[limit.unit]
    return a * request.input + b * request.output
