"""Waiting in line for room: first come, first served, one line for each name that was asked for."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import OverloadedError

WORD_S = 5.0
"""How long a waiting stream hears nothing; the contract's."""


class Place:
    """One request's place in a line."""

    def __init__(self, line: "deque[Place]") -> None:
        self._line = line
        self.woken = asyncio.Event()
        """Set when it became the first, or when room was given back while it was."""

    @property
    def first(self) -> bool:
        """Whether nobody is before it."""
        return self._line[0] is self

    @property
    def ahead(self) -> int:
        """How many are before it."""
        return self._line.index(self)


class Lines:
    """Every line there is. Nobody overtakes: whoever comes while others wait stands behind them."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Place]] = {}
        self._opens: dict[str, float] = {}
        self.waiting = 0
        """Requests in all lines."""

    def busy(self, name: str) -> bool:
        """Whether somebody waits for `name`."""
        return name in self._lines

    def ahead(self, name: str) -> int:
        """How many wait for `name`."""
        return len(self._lines.get(name, ()))

    def opens(self, name: str) -> float:
        """Boot time before which there is no room for the first in line, as far as is known; 0 if it is not."""
        return self._opens.get(name, 0.0)

    def expect(self, name: str, boot: float) -> None:
        """What the first in line was told about when room opens."""
        self._opens[name] = boot

    @contextmanager
    def join(self, name: str, most: int) -> Iterator[Place]:
        """A place at the end of the line for `name`. Raises OverloadedError where `most` wait already."""
        if self.waiting >= most:
            raise OverloadedError(f"{self.waiting} requests are waiting for room already (server.max_queue).")
        line = self._lines.setdefault(name, deque())
        place = Place(line)
        line.append(place)
        self.waiting += 1
        try:
            yield place
        finally:
            self.waiting -= 1
            line.remove(place)
            if line:
                line[0].woken.set()
            else:
                del self._lines[name]
                self._opens.pop(name, None)

    def wake(self) -> None:
        """Room was given back: the first of each line looks again."""
        for line in self._lines.values():
            line[0].woken.set()


async def pause(woken: asyncio.Event, seconds: float) -> None:
    """Wait until woken, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        pass
    woken.clear()
