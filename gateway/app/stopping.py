"""The end of the process: signals, and what the running answers are granted."""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from gateway.state import State

from .door import Door

log = logging.getLogger(__name__)

GLANCE_S = 0.05
"""How often the drain looks whether the last answer is out."""
JUST_CONNECTED_S = 0.5
"""What somebody who has connected and not asked yet gets to do so, when the process ends."""


class Stop:
    """What signals ask of the process. As a context manager: they are listened to inside, as before outside.

    The first SIGTERM or SIGINT sets `first`, the next one `second`. SIGHUP calls what `on_hangup` was given, and is
    ignored before that: a reload must not kill a process that is still starting.
    """

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self.cut = False
        """Whether answers were cut off."""
        self._interrupted = False
        self._hang_up: Callable[[], object] = lambda: None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 1 if answers were cut off, else 0."""
        if self._interrupted:
            return 130
        return 1 if self.cut else 0

    def on_hangup(self, action: Callable[[], object]) -> None:
        """What SIGHUP does from now on."""
        self._hang_up = action

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._end, each)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(each)

    def _reload(self) -> None:
        self._hang_up()

    def _end(self, which: signal.Signals) -> None:
        self._interrupted = self._interrupted or which is signal.SIGINT
        (self.second if self.first.is_set() else self.first).set()


async def finish_answers(door: Door, state: State, stop: Stop) -> None:
    """Accept nothing new and wait for the running answers: `drain_timeout` at most, or until the second signal."""
    log.info("draining: %s", _answers(state.running))
    door.stop()
    log.info("no longer accepting connections")
    door.close_idle(fresh=False)
    # Who was accepted a moment ago and has not asked yet is still served: from outside, nobody was turned away.
    await _until(lambda: not door.waits_for_a_head, stop, JUST_CONNECTED_S)
    state.draining = True
    await _until(lambda: _done(door), stop, state.catalog.server.drain_timeout)
    if door.busy:
        stop.cut = True
        log.warning("%s cut off", _answers(door.busy))
    if stop.second.is_set():
        door.abort()


def _done(door: Door) -> bool:
    """Whether nobody is being answered any more. Who has been is let go."""
    door.close_idle()
    return not door.busy


async def _until(holds: Callable[[], bool], stop: Stop, within_s: float) -> None:
    """Until something holds, the time is over, or the second signal came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not (holds() or stop.second.is_set()):
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.second.wait(), GLANCE_S)


def _answers(count: int) -> str:
    return f"{count} answer" if count == 1 else f"{count} answers"
