"""Where a rule stands: one mutable record for all kinds, so that a ledger need not know which it keeps."""

from collections import deque

from msgspec import Struct, field

Entry = tuple[int, float, float]
"""What a journal says of a rule: a number that the rule gives a meaning, a wall time, an amount."""


class Mark(Struct):
    """`n` counted at `at`: a slice of a rolling window (boot time), or a calendar window that was left (wall time)."""

    at: float
    n: float
    left: float = 0.0
    """When the calendar window was left, in boot time."""


class State(Struct):
    """Where one rule stands. Whose fields are used how is the rule's to say; times are seconds."""

    used: float = 0
    at: float = 0.0
    """Bucket: boot time of `used`. Calendar: wall time at which the window began."""
    until: float = 0.0
    """Calendar: wall time at which the window ends."""
    carried: float = 0
    """Calendar: the part of `used` that other windows brought along."""
    serial: int = 0
    """Rolling: the number of the newest slice. They are numbered one after the other, over restarts too."""
    marks: deque[Mark] = field(default_factory=deque)
