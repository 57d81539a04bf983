"""How much memory the process holds, and what is given up before the system takes all of it."""

import asyncio
import logging
import resource
from collections.abc import Callable
from pathlib import Path

from gateway.overload import CLOSE_IDLE_AT
from gateway.state import State

log = logging.getLogger(__name__)

LOOK_S = 1.0
_STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell (only Linux does, without a package)."""
    try:
        return int(_STATM.read_text("ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return 0


class MemoryGuard:
    """Compares with `server.max_memory`; `close_idle` is called when it is nearly reached."""

    def __init__(
        self, state: State, close_idle: Callable[[], None], measure: Callable[[], int] = resident_bytes
    ) -> None:
        self._state = state
        self._close_idle = close_idle
        self._measure = measure
        self._shedding = False

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Measure; tell the log when requests begin and cease to be refused; close idle connections."""
        load, most = self._state.load, self._state.catalog.server.max_memory
        load.memory_bytes = self._measure()
        before, self._shedding = self._shedding, load.shedding(most)
        share = load.memory_share(most)
        if self._shedding and not before:
            text = "memory at %.0f %% of server.max_memory: no new requests are taken until it falls"
            log.warning(text, 100 * share)
        elif before and not self._shedding:
            log.info("memory at %.0f %% of server.max_memory: requests are taken again", 100 * share)
        if share >= CLOSE_IDLE_AT:
            self._close_idle()
