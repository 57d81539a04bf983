"""What the process can bear: how much of it is in use, who was turned away, and how late its event loop runs."""

from bisect import bisect_right

from msgspec import Struct, field

SHED_AT = 0.8
"""Share of `max_memory` from which on no new request is taken."""
CLOSE_IDLE_AT = 0.9
"""Share of `max_memory` from which on connections that wait for nothing are closed."""
SPARE_FILES = 64
"""Open files that are not for clients: log, snapshots, listening sockets, and connections being refused."""
LATE_S = (0.01, 0.05, 0.1, 0.25, 1.0)
"""Borders of the lateness histogram, in seconds."""
STALL_S = 0.1
"""A heartbeat later than this is a stall: every stream stood still for as long."""


class Lateness(Struct):
    """How late the loop's heartbeats came. `counts` has one place below each border of LATE_S, and one above all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATE_S) + 1))
    stall_s: float | None = None
    """Seconds of the last stall; None while there was none."""
    stall_at: float = 0.0
    """Unix time of its end."""

    def add(self, late_s: float, at: float) -> None:
        """Count one heartbeat that came `late_s` after its time, at Unix time `at`."""
        self.counts[bisect_right(LATE_S, late_s)] += 1
        if late_s >= STALL_S:
            self.stall_s, self.stall_at = late_s, at

    def at_least(self, late_s: float) -> int:
        """How many heartbeats were this late, or later. `late_s` is one of LATE_S."""
        return sum(self.counts[LATE_S.index(late_s) + 1 :])


class Load(Struct):
    """What is in use, and what was turned away for want of it since the start."""

    connections: int = 0
    """Connections of clients that are open."""
    max_connections: int = 0
    """How many there may be: `room_for`; 0 is no cap."""
    memory_bytes: int = 0
    """Resident memory; 0 where the system does not tell."""
    refused_connections: int = 0
    """Answered with 503 and closed, or only closed where there were too many."""
    refused_requests: int = 0
    """Answered with 503 because of `max_concurrent_requests` or `max_memory`."""
    slow_clients: int = 0
    """Connections closed because no head came, or because nobody read the answer."""
    lateness: Lateness = field(default_factory=Lateness)

    @property
    def full(self) -> bool:
        """Whether one more connection would be too many."""
        return bool(self.max_connections) and self.connections >= self.max_connections

    def memory_share(self, most: int | None) -> float:
        """Of `max_memory`, 0 to 1 and over; 0 where there is no cap."""
        return self.memory_bytes / most if most else 0.0

    def shedding(self, max_memory: int | None) -> bool:
        """Whether new requests are refused for want of memory."""
        return self.memory_share(max_memory) >= SHED_AT


def room_for(max_connections: int, open_files: int) -> int:
    """How many connections of clients there may be, at least 1; 0 is no cap.

    Each may need another one to a provider, so half of the files that may be open, after SPARE_FILES. `open_files` is
    what the system grants (RLIMIT_NOFILE); negative where it has no bound.
    """
    if open_files < 0:
        return max_connections
    room = max(1, (open_files - SPARE_FILES) // 2)
    return min(room, max_connections) if max_connections else room


class Seldom:
    """Lets one of many events of a kind through every `every_s` seconds: nobody wants a line a thousand times."""

    def __init__(self, every_s: float = 10.0) -> None:
        self._every_s = every_s
        self._next = float("-inf")
        self._held = 0

    def due(self, now: float) -> int | None:
        """None if this one is held back; else how many were since the last. `now` is seconds of any one clock."""
        if now < self._next:
            self._held += 1
            return None
        held, self._held, self._next = self._held, 0, now + self._every_s
        return held
