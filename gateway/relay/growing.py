"""A hold that follows its answer: looked at when 64, 80, 100 ... tokens of it are out."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.dialects.taps import UsageTap
from gateway.limits.learned import Pace

FIRST_LOOK = 64
GROWTH = 1.25
"""How much longer an answer has become from one look to the next.

A look costs microseconds. With 1.41 a day of long answers is overshot by more than 2 % seven times in a hundred, with
this hardly ever (`bench/token_limits.py`, day500k-writers).
"""


class Growing:
    """Tells `grow` how many tokens of one choice are out, when there is something to tell. Never waits."""

    def __init__(self, tap: UsageTap, grow: Callable[[float], None], pace: Pace, choices: int = 1) -> None:
        self._tap = tap
        self._grow = grow
        self._pace = pace
        self._per_seen = pace.per_seen / choices
        self._next = float(FIRST_LOOK)

    def feed(self, piece: bytes) -> None:
        """The next bytes of an answer, whose text can be seen in a stream."""
        self._tap.feed(piece)
        length = self._tap.relayed * self._per_seen
        if length >= self._next:
            self._look(length)

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """While an answer is made that comes as a whole: it has the tokens that the model usually said by then."""
        loop = asyncio.get_running_loop()
        began = loop.time() + self._pace.first_s
        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal timer
            self._look(self._next)
            timer = loop.call_at(self._due(began), look)

        timer = loop.call_at(self._due(began), look)
        try:
            yield
        finally:
            timer.cancel()

    def _due(self, began: float) -> float:
        return began + self._next / self._pace.tokens_per_s

    def _look(self, length: float) -> None:
        self._grow(length)
        self._next = length * GROWTH
