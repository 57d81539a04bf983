"""Requests that are drawn before anything runs, so that more than one run can be given the same."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from .run import Run
from .scenarios import Scenario
from .traffic import Request, Traffic


def recorded(scenario: Scenario, seed: int) -> list[Request]:
    """Everything that is asked in a scenario in which requests just come, in that order."""
    g = Random(seed)  # noqa: S311 - traffic, not secrets
    traffic = Traffic(scenario, g)
    rate = scenario.load * traffic.rate()
    asked: list[Request] = []
    at = g.expovariate(rate)
    while at < scenario.seconds:
        asked.append(traffic.next(at))
        at += g.expovariate(rate)
    return asked


class _Recorded(Traffic):
    def __init__(self, scenario: Scenario, asked: Sequence[Request]) -> None:
        super().__init__(scenario, Random(0))  # noqa: S311 - nothing is drawn
        self._asked = (replace(each) for each in asked)

    def next(self, _: float) -> Request:
        """In the order in which they come."""
        return next(self._asked)


class Replayed(Run):
    """A run on the virtual clock that is given its requests."""

    def __init__(self, scenario: Scenario, policy: str, asked: Sequence[Request]) -> None:
        super().__init__(scenario, policy, seed=0)
        self.traffic = _Recorded(scenario, asked)
        self._asked = asked

    def _arrivals(self) -> Iterator[float]:
        return (each.came for each in self._asked)
