"""Is the event loop on time? A heartbeat in it measures, and a thread beside it tells what it is stuck in.

While the loop is stuck no stream moves and no request is answered, and nothing inside it can say so.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from gateway.clock import Clock
from gateway.overload import STALL_S, Lateness, Seldom

log = logging.getLogger(__name__)

BEAT_S = 0.1
"""Measured to cost less than a thousandth of a core."""
STUCK_S = 1.0
"""From here on the thread writes down where the loop is."""
_GLANCE_S = 0.25
_MOST_FRAMES = 40


class Heartbeat:
    """Beats in the loop; `watched` runs the thread. `time` is seconds of a clock that every thread may read."""

    def __init__(self, lateness: Lateness, clock: Clock, time: Callable[[], float]) -> None:
        self._lateness = lateness
        self._clock = clock
        self._time = time
        self._seldom = Seldom()
        self._thread = threading.get_ident()
        self._last = time()
        self._told = False

    async def run(self) -> None:
        """Beat for ever."""
        self._last = self._time()
        while True:
            await asyncio.sleep(BEAT_S)
            self.beat()

    def beat(self) -> None:
        """Note how late this beat is, and take a stall to the log."""
        now = self._time()
        late_s = max(0.0, now - self._last - BEAT_S)
        self._last, self._told = now, False
        self._lateness.add(late_s, self._clock.now().wall)
        if late_s >= STALL_S and (more := self._seldom.due(now)) is not None:
            log.warning("the event loop stood still for %.2f s (%d more stalls since the last line)", late_s, more)

    def look(self) -> bool:
        """From another thread: log where the loop is, once per stall of over STUCK_S. Whether it did."""
        stuck_s = self._time() - self._last
        if stuck_s < STUCK_S or self._told:
            return False
        self._told = True
        if frame := sys._current_frames().get(self._thread):  # noqa: SLF001 - the documented way to see another thread
            log.error("the event loop is stuck for %.1f s, in: %s", stuck_s, " < ".join(_places(frame)))
        return True

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A thread looks, until the block ends."""
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over,), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(_GLANCE_S):
            self.look()


def _places(frame: FrameType | None) -> Iterator[str]:
    """Innermost first: functions and lines, nothing of what they hold, which may be prompts."""
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return
        yield f"{frame.f_code.co_qualname} ({frame.f_globals.get('__name__', '?')}:{frame.f_lineno})"
        frame = frame.f_back
