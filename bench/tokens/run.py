"""One scenario on a virtual clock, against the gateway's own ledger."""

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from random import Random

from gateway.clock import Moment
from gateway.limits.forecast import Outlook
from gateway.limits.learned import Ended, Learned
from gateway.limits.ledger import Ledger, LimitReachedError, Need
from gateway.relay.growing import FIRST_LOOK, GROWTH

from .scenarios import RATES, Scenario
from .traffic import Request, Traffic

START = 1_800_000_000
"""Unix time at which everything begins: a full hour."""


class Run:
    """One scenario under one policy, from one seed."""

    def __init__(self, scenario: Scenario, policy: str, seed: int) -> None:
        self.scenario, self.policy = scenario, policy
        self._g = Random(seed)  # noqa: S311 - traffic, not secrets
        self.traffic = Traffic(scenario, self._g)
        self._ledger, self._learned = Ledger(), Learned()
        self._meters = [limit.meter(strict=policy not in ("forecast", "afterwards")) for limit in scenario.limits]
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._line: deque[Request] = deque()
        self.ended: list[tuple[float, float, Request]] = []
        """Sent, ended, request."""

    def run(self) -> None:
        """From the first request to the end of the last answer."""
        scenario = self.scenario
        for _ in range(scenario.warm):
            request = self.traffic.next(-1.0)
            self._learn(request)
        for worker in range(scenario.workers):
            self._at(self._g.uniform(0, 1), self._ask(worker))
        if not scenario.workers:
            for at in self._arrivals():
                self._at(at, self._ask(-1))
        if scenario.line_s:
            self._at(0.0, self._tick)
        while self._events:
            at, _, happen = heapq.heappop(self._events)
            happen(at)

    def _arrivals(self) -> Iterator[float]:
        scenario = self.scenario
        if scenario.every_s:
            for window in range(round(scenario.seconds / scenario.every_s)):
                yield from [window * scenario.every_s] * scenario.burst
            return
        rate = scenario.load * self.traffic.rate()
        at = self._g.expovariate(rate)
        while at < scenario.seconds:
            yield at
            at += self._g.expovariate(rate)

    def _at(self, at: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), happen))

    def _now(self, at: float) -> Moment:
        return Moment(START + at * self.scenario.wall_speed, 1000 + at)

    def _ask(self, worker: int) -> Callable[[float], None]:
        def ask(at: float) -> None:
            if at >= self.scenario.seconds:
                return
            request = self.traffic.next(at)
            request.worker = worker
            if self.scenario.line_s:
                self._line.append(request)
                self._serve(at)
            elif not self._send(request, at) and worker >= 0:
                self._at(at + self._g.uniform(2, 10), self._ask(worker))

        return ask

    def _tick(self, at: float) -> None:
        self._serve(at)
        if at < self.scenario.seconds:
            self._at(at + 0.5, self._tick)

    def _serve(self, at: float) -> None:
        """First come, first served: the head of the line waits for its own room."""
        while self._line and at - self._line[0].came > self.scenario.line_s:
            self._line.popleft()
        while self._line and self._send(self._line[0], at):
            self._line.popleft()

    def _send(self, request: Request, at: float) -> bool:
        now, bound = self._now(at), self.traffic.bound(request)
        past = self._learned.past("m", request.client)
        outlook = Outlook(past=past, estimate=request.estimate, bound=bound, rates=RATES)
        need: Need | Outlook = outlook
        if self.policy == "perfect":
            need = self._spent(request.input, request.output)
        elif self.policy == "max_tokens":
            need = self._spent(math.ceil(outlook.at().input), bound)
        elif self.policy == "afterwards":
            need = Need(0)
            if any(self._ledger.used(meter, now) >= meter.rule.capacity for meter in self._meters):
                return False
        try:
            reservation = self._ledger.reserve(self._meters, need, now)
        except LimitReachedError:
            return False
        told = reservation.told or bound
        request.sent, request.outlook, request.reservation = at, outlook, reservation
        request.cut, request.output = told < request.wants, min(told, request.wants)
        self._at(at + request.duration_s, lambda at: self._end(request, at))
        if self.policy == "forecast":
            self._look(request, FIRST_LOOK)
        return True

    def _look(self, request: Request, length: float) -> None:
        """Look again when `length` tokens are out, if there will be as many."""

        def look(_: float) -> None:
            assert request.reservation  # noqa: S101 - it was sent
            self._ledger.grow(request.reservation, length)
            self._look(request, length * GROWTH)

        if length < request.output:
            self._at(request.sent + request.duration_s * length / request.output, look)

    def _end(self, request: Request, at: float) -> None:
        assert request.reservation  # noqa: S101 - it was sent
        assert request.outlook  # noqa: S101 - as well
        muted, guess = self._g.random() < self.scenario.mute, self._g.uniform(0.85, 1.2)
        spent = self._spent(request.input, request.output)
        if muted:
            expected = request.outlook.at().input
            spent = self._spent(math.ceil(expected * 1.05), math.ceil(request.output * guess * 1.05))
        self._ledger.settle(request.reservation, spent, self._now(at))
        if not muted:
            self._learn(request)
        self.ended.append((request.sent, at, request))
        if request.worker >= 0:
            self._at(at + self._g.expovariate(1), self._ask(request.worker))
        if self.scenario.line_s:
            self._serve(at)

    def _learn(self, request: Request) -> None:
        if self.policy in ("forecast", "strict"):
            ended = Ended(
                estimate=request.estimate,
                input=request.input,
                output=request.output,
                cut=request.output < request.wants,
            )
            self._learned.add("m", request.client, ended)

    @staticmethod
    def _spent(input_: int, output: int) -> Need:
        cost = input_ * RATES.input + output * RATES.output
        return Need(0, input_, output, math.ceil(cost))
