"""Who says how much of a limit was used, and how far it was crossed: by its own law, and nothing of the gateway's."""

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from .scenarios import Limit, Scenario
from .traffic import Request, Traffic, weighed


class Ran(Protocol):
    """What there is to judge."""

    scenario: Scenario
    traffic: Traffic
    ended: list[tuple[float, float, Request]]
    """Sent, ended, request."""


@dataclass
class Referee:
    """Counts by a limit's own law, and by nothing of the gateway's."""

    limit: Limit
    level: float = 0.0
    at: float = 0.0
    recent: deque[tuple[float, float]] = field(default_factory=deque)

    def count(self, n: float, at: float) -> float:
        """The level after `n` more, as a share of the amount."""
        limit = self.limit
        if limit.algorithm == "bucket":
            self.level = max(0.0, self.level - (at - self.at) * limit.amount / limit.per_s)
        elif limit.algorithm == "calendar":
            if at // limit.per_s != self.at // limit.per_s:
                self.level = 0.0
        else:
            while self.recent and self.recent[0][0] <= at - limit.per_s:
                self.level -= self.recent.popleft()[1]
            self.recent.append((at, n))
        self.at = at
        self.level += n
        return self.level / limit.amount


@dataclass
class Judgement:
    """One run, in percent. Countings: at the end, when sent."""

    use: float = 0.0
    over: list[float] = field(default_factory=lambda: [0.0, 0.0])
    bad: list[float] = field(default_factory=lambda: [0.0, 0.0])
    worst: list[float] = field(default_factory=lambda: [0.0, 0.0])
    cut: float = 0.0


def judged(run: Ran) -> Judgement:
    """What the referees say; of several limits the worst."""
    found = Judgement()
    for limit in run.scenario.limits:
        for counting, moment in enumerate((1, 0)):
            slots, used = _excesses(limit, run, moment)
            found.over[counting] = max(found.over[counting], 100 * statistics.fmean(slots))
            found.bad[counting] = max(found.bad[counting], 100 * statistics.fmean(slot > 0.02 for slot in slots))
            found.worst[counting] = max(found.worst[counting], 100 * max(slots))
            if counting == 0:
                found.use = max(found.use, 100 * used)
    found.cut = 100 * sum(request.cut and request.output < run.traffic.bound(request) for _, _, request in run.ended)
    found.cut /= max(1, len(run.ended))
    return found


def _excesses(limit: Limit, run: Ran, moment: int) -> tuple[list[float], float]:
    """The worst excess in each minute (of a calendar: each window), and the share of the allowance that was used."""
    seconds = run.scenario.seconds
    slot_s = limit.per_s if limit.algorithm == "calendar" else 60.0
    slots = [0.0] * max(1, round(seconds / slot_s))
    last: dict[int, float] = {}
    referee, total = Referee(limit), 0.0
    for row in sorted(run.ended, key=lambda row: row[moment]):  # type: ignore[arg-type, return-value]
        at = float(row[moment])  # type: ignore[arg-type]
        if at < seconds:
            slot = int(at // slot_s)
            n = weighed(limit, row[2])
            total += n
            last[slot] = referee.count(n, at)
            slots[slot] = max(slots[slot], last[slot] - 1)
    if limit.algorithm == "calendar":
        return slots, sum(min(1.0, level) for level in last.values()) / len(slots)
    allowed = limit.amount * (seconds / limit.per_s + (limit.algorithm == "bucket"))
    return slots, total / allowed
