"""Who asks for what, how often, under which limits."""

from dataclasses import dataclass

from gateway.limits.forecast import Rates
from gateway.limits.ledger import Meter
from gateway.limits.shorthand import Unit, make_rule

RATES = Rates(0, 600.0, 2400.0)
"""0.60 and 2.40 USD per million tokens."""
WEIGHTS: dict[Unit, tuple[float, float]] = {"tokens": (1, 1), "cost": (RATES.input, RATES.output)}


@dataclass(frozen=True)
class Limit:
    """So much in so many seconds."""

    algorithm: str
    amount: int
    per_s: float = 60.0
    unit: Unit = "tokens"

    def meter(self, *, strict: bool) -> Meter:
        """The gateway's own. A calendar's windows are hours, of a wall clock that runs faster."""
        window = {"bucket": "minute", "calendar": "hour", "rolling": f"{self.per_s:g}s"}[self.algorithm]
        rule = make_rule(self.unit, window, self.amount, algorithm=self.algorithm)
        return Meter.of("model", f"m{self.per_s:g}", self.unit, window, rule, strict)


@dataclass(frozen=True)
class Scenario:
    """Who asks for what, how often, under which limits."""

    limits: tuple[Limit, ...]
    mix: str
    seconds: float = 4 * 3600
    load: float = 2.0
    """Offered by what fits, where requests just come."""
    workers: int = 0
    """Instead: so many, each of whom waits for its answer before it asks again."""
    burst: int = 1
    """Requests at one instant..."""
    every_s: float = 0.0
    """... so often."""
    warm: int = 0
    """Answers that were learned from before."""
    regime: float = 1.0
    """By how much answers are longer in the middle third."""
    max_output: int = 16384
    mute: float = 0.0
    """Share of answers that never say what they took."""
    line_s: float = 0.0
    """How long requests wait in line instead of being refused."""
    aims: tuple[float, float] = (0, 0)
    """Per cent of the allowance that a forecast and a strict limit should use: what they do in a simulation of their
    own, which knows nothing of the gateway."""
    bad: float = 6.0
    """Per cent of windows that a forecast may overshoot by more than 2 %."""

    @property
    def wall_speed(self) -> float:
        """Wall seconds in a second, so that the calendar's hours are as short as they are meant to be."""
        return next((3600 / limit.per_s for limit in self.limits if limit.algorithm == "calendar"), 1.0)


def _minute(aims: tuple[float, float], amount: int, mix: str, algorithm: str = "bucket", **rest: float) -> Scenario:
    return Scenario((Limit(algorithm, amount),), mix, aims=aims, **rest)  # type: ignore[arg-type]  # mixed numbers


def _bursts(
    aims: tuple[float, float], amount: int, mix: str, burst: int, windows: int = 60, warm: int = 300
) -> Scenario:
    limits = (Limit("calendar", amount, 120),)
    return Scenario(limits, mix, 120 * windows, burst=burst, every_s=120, warm=warm, aims=aims)


def _days(aims: tuple[float, float], amount: int, mix: str, workers: int, unit: Unit = "tokens") -> Scenario:
    return Scenario((Limit("calendar", amount, 900, unit),), mix, 900 * 30, workers=workers, aims=aims)


SCENARIOS = {
    "chat-6k": _minute((100, 98), 6_000, "chat"),
    "chat-12k": _minute((100, 100), 12_000, "chat"),
    "mixed-12k": _minute((100, 98), 12_000, "mixed"),
    "max8192-8k": _minute((99, 95), 8_000, "huge", max_output=8192),
    "writer-12k": _minute((84, 58), 12_000, "writer"),
    "reason-12k": _minute((55, 45), 12_000, "reason"),
    "mixed-250k": _minute((99, 99), 250_000, "agents", seconds=3600),
    "agents-250k": _minute((100, 100), 250_000, "agent", seconds=7200),
    "regime-12k": _minute((98, 97), 12_000, "chat", regime=6),
    "regime-250k": _minute((99, 99), 250_000, "chat", regime=6, seconds=1800, bad=13),
    "few-12k": _minute((100, 100), 12_000, "mixed", workers=3),
    "many-12k": _minute((100, 100), 12_000, "mixed", workers=100),
    "roll-12k": _minute((72, 66), 12_000, "mixed", "rolling"),
    "mute-12k": _minute((99, 97), 12_000, "mixed", mute=0.2),
    "line-12k": _minute((99, 99), 12_000, "mixed", load=1.3, line_s=60),
    "burst20-chat": _bursts((80, 29), 12_000, "chat", 60),
    "burst100-chat": _bursts((91, 28), 60_000, "chat", 300),
    "burst100-mixed": _bursts((93, 33), 100_000, "mixed", 300),
    "burst1000-chat": _bursts((88, 11), 600_000, "chat", 3000, windows=10),
    # One window a seed: its aims are the simulation's mean of 24, which five of them scatter around by three points.
    "burst100-cold": _bursts((86, 30), 180_000, "writer", 300, windows=1, warm=0),
    "day100k-chat": _days((100, 100), 100_000, "chat", 8),
    "day500k-mixed": _days((100, 100), 500_000, "mixed", 32),
    "day500k-writers": _days((100, 100), 500_000, "writer", 64),
    "day1M-agents": _days((100, 100), 1_000_000, "agent", 16),
    "usd1-agents": _days((100, 100), 10**9, "agent", 16, "cost"),
    "three limits": Scenario(
        (Limit("bucket", 12_000), Limit("calendar", 200_000, 1800), Limit("calendar", 5 * 10**8, 1800, "cost")),
        "mixed",
        aims=(100, 100),
    ),
}
QUICK = {"chat-12k": 1800.0, "max8192-8k": 1800.0, "burst100-chat": 1200.0}
"""Seconds of the scenarios of a quick run."""
