"""How far back one can look, and in which steps (contract section 3)."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

RingName = Literal["second", "minute", "hour", "day"]


class Window(NamedTuple):
    """The last `points` steps, the running one included."""

    ring: RingName
    slots: int
    """Slots of the ring in one step. Steps of several begin where their number divides the index."""
    points: int
    step_s: int
    """Seconds of a step. A day may have an hour more or less."""


WINDOWS: Mapping[str, Window] = {
    "1m": Window("second", 1, 60, 1),
    "5m": Window("second", 5, 60, 5),
    "10m": Window("second", 10, 60, 10),
    "30m": Window("minute", 1, 30, 60),
    "60m": Window("minute", 1, 60, 60),
    "24h": Window("minute", 15, 96, 900),
    "7d": Window("hour", 1, 168, 3600),
    "30d": Window("day", 1, 30, 86400),
    "1y": Window("day", 1, 365, 86400),
}
