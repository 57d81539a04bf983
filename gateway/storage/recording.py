"""What was asked and how it went, a line of JSON per request, to be replayed against another configuration.

A line is a `Settled` without its candidates: `msgspec.json.decode(line, type=Settled)` reads it back. It holds no
prompt, no answer and no key. Whoever reads the file skips lines that are no JSON: a process can die half-way in one.
"""

import asyncio
import logging
import os
import threading
from pathlib import Path

import msgspec

from gateway.records import Settled

from .atomic import make_private

log = logging.getLogger(__name__)

EVERY_S = 1.0
MOST_WAITING = 10_000
"""Requests that wait to be written. More than the disk takes are not recorded."""
ROTATE_BYTES = 64 * 2**20
KEPT = 4
"""Older files: `FILE.1` is the newest of them."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class Recording:
    """The file, while there is one: requests are noted at once and written in a thread, once a second."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._waiting: list[Settled] = []
        self._error = ""
        self._one_at_a_time = threading.Lock()  # not asyncio's: a cancelled write goes on in its thread

    def use(self, file: Path | None) -> None:
        """Write there from now on; None ends the recording."""
        self._file = file

    def note(self, settled: Settled) -> None:
        """Record a request that has ended."""
        if self._file and len(self._waiting) < MOST_WAITING:
            self._waiting.append(settled)

    async def keep(self) -> None:
        """Write every second, for as long as it is let."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. A disk that refuses is logged once, and those lines are lost."""
        waiting, self._waiting = self._waiting, []
        if not waiting or not self._file:
            return
        try:
            await asyncio.to_thread(self._append, self._file, waiting)
        except OSError as error:
            self._failed(self._file, error.strerror or type(error).__name__)
            return
        if self._error:
            log.info("requests are recorded in %s again", self._file)
        self._error = ""

    def _failed(self, file: Path, error: str) -> None:
        if error != self._error:
            log.warning("requests are not recorded in %s: %s", file, error)
        self._error = error

    def _append(self, file: Path, requests: list[Settled]) -> None:
        lines = b"".join(msgspec.json.encode(msgspec.structs.replace(each, candidates=())) + b"\n" for each in requests)
        with self._one_at_a_time:
            make_private(file.parent)
            if file.exists() and file.stat().st_size + len(lines) > ROTATE_BYTES:
                rotate(file)
            _write(file, lines)


def rotate(file: Path) -> None:
    """Give `file` the name `FILE.1`, and those before it the next number each; the oldest makes room."""
    for number in range(KEPT, 0, -1):
        older = file.with_name(f"{file.name}.{number}")
        newer = file.with_name(f"{file.name}.{number - 1}") if number > 1 else file
        if newer.exists():
            newer.replace(older)


def _write(file: Path, lines: bytes) -> None:
    opened = os.open(file, _FLAGS, 0o600)
    try:
        size = os.fstat(opened).st_size
        whole = size == 0 or os.pread(opened, 1, size - 1) == b"\n"
        rest = memoryview(lines if whole else b"\n" + lines)  # half a line may be left by a full disk or a kill
        while rest:
            rest = rest[os.write(opened, rest) :]
    finally:
        os.close(opened)
