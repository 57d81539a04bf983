"""The journal on disk: what changed since the snapshot, written before an attempt that it admits leaves the process.

`journal.<gen>` takes the changes after the snapshot of that generation. One write per turn of the event loop holds all
changes of that turn; `written` is the barrier that a request waits at, in the same turn. The file is synced in a
thread. A disk that refuses stops nobody: the changes stay where they are and are written once there is room, the
newest values only, and `error` says what is wrong.
"""

import asyncio
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from gateway.errors import StartError

from .atomic import make_private
from .journal_format import SIZE, VERSION, Damage, Record, head, read_head, records

log = logging.getLogger(__name__)

Fsync = float | str
"""Seconds between two syncs; `tick`: every turn of the loop, waited for; `never`: when the system likes."""

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = re.compile(r"journal\.(\d{1,10})")


class Changes(Protocol):
    """Where the changes come from: a set that forgets only what is on disk."""

    def records(self) -> bytes:
        """All that is not on disk yet, as records; empty if nothing is."""
        ...

    def forget(self) -> None:
        """What `records` said last is on disk."""
        ...

    def renew(self) -> None:
        """A generation begins, which knows nothing."""
        ...


class _File:
    """One generation, open for appending. Each call blocks for as long as the disk does."""

    def __init__(self, directory: Path, gen: int) -> None:
        """Create it. Raises OSError."""
        make_private(directory)
        self.gen = gen
        self.path = directory / f"journal.{gen}"
        self.size = 0
        self.broken = False
        """Whether what stands in it cannot be trusted or continued."""
        self._in_use = threading.Lock()  # syncs run in threads
        self._closed = False
        self._file = os.open(self.path, _FLAGS, 0o600)
        try:
            self.append(head(gen))
        except OSError:
            self.discard()
            raise

    def append(self, data: bytes) -> None:
        """Write `data` whole, or nothing of it. Raises OSError."""
        rest = memoryview(data)
        try:
            while rest:  # a disk about to be full takes a part first, and refuses with the next
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self._cut_back()
            raise
        self.size += len(data)

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._file, self.size)
        except OSError:
            self.broken = True  # half a record may stand there, and all behind it would be off by some bytes

    def sync(self) -> None:
        """Make it last through a power cut. Raises OSError, and then it never will: the kernel may have dropped it."""
        with self._in_use:
            if self._closed:
                return
            try:
                os.fdatasync(self._file)
            except OSError:
                self.broken = True
                raise

    def close(self) -> None:
        """Write no more."""
        with self._in_use:
            if not self._closed:
                self._closed = True
                os.close(self._file)

    def discard(self) -> None:
        """Have never been there, as far as the disk lets us. An empty one says nothing wrong either."""
        self.close()
        remove(self.path)


class Journal:
    """The journal of a folder that this process alone may write. It belongs to one event loop.

    `error` is why the disk refuses, empty while it does not; `report` is told each time that it changes.
    """

    def __init__(self, directory: Path, changes: Changes, report: Callable[[str], None], fsync: Fsync = 1.0) -> None:
        self.error = ""
        self.fsync = fsync
        self._directory = directory
        self._changes = changes
        self._report = report
        self._file: _File | None = None
        self._scheduled = False
        self._unsynced = False
        self._syncing: asyncio.Future[None] | None = None

    @property
    def gen(self) -> int:
        """The generation that is written; 0 before the first."""
        return self._file.gen if self._file else 0

    @property
    def worn(self) -> bool:
        """Whether the next snapshot wants a new generation: something stands in this one, or it cannot be used."""
        return self._file is None or self._file.broken or self._file.size > SIZE

    @property
    def usable(self) -> bool:
        """Whether there is a file that can be written to."""
        return self._file is not None and not self._file.broken

    async def begin(self, gen: int) -> bool:
        """Write to the generation `gen` from now on; False if the disk refuses, which `error` then says."""
        try:
            new = await asyncio.to_thread(_File, self._directory, gen)
        except OSError as error:
            self._failed(error)
            return False
        old, self._file = self._file, new
        self._changes.renew()
        self._worked()
        self.flush()
        if old:
            await asyncio.to_thread(_end, old)
        return True

    def changed(self) -> None:
        """Something did: write at the end of this turn. Costs nothing the second time."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._end_turn)

    async def written(self) -> None:
        """Until all that has changed is written, or cannot be."""
        if self._scheduled:
            await asyncio.sleep(0)  # the end of the turn was asked for before this, so it comes before
        if self.fsync == "tick" and self._syncing:
            await asyncio.wait((self._syncing,))

    def _end_turn(self) -> None:
        self._scheduled = False
        self.flush()
        if self.fsync == "tick":
            self._start_sync()

    def flush(self) -> None:
        """Write what has changed."""
        data = self._changes.records()
        if not data:
            return
        try:
            if self._file is None or not self.usable:
                raise OSError(0, self.error or "there is no file for it")
            self._file.append(data)
        except OSError as error:
            self._failed(error)
            return
        self._changes.forget()
        self._unsynced = True
        self._worked()

    async def sync(self) -> None:
        """Make what is written last through a power cut."""
        self._start_sync()
        if self._syncing:
            await asyncio.wait((self._syncing,))

    def _start_sync(self) -> None:
        if self._file and self._unsynced:
            self._unsynced = False
            self._syncing = asyncio.get_running_loop().run_in_executor(None, self._file.sync)
            self._syncing.add_done_callback(self._synced)

    def _synced(self, syncing: asyncio.Future[None]) -> None:
        error = syncing.exception()
        if isinstance(error, OSError):
            self._failed(error)

    def close(self) -> None:
        """Write what is left, and no more. The last snapshot says it all: it need not be synced."""
        if self._file:
            self.flush()
            self._file.close()
            self._file = None

    def _failed(self, error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        if not self.error:
            log.warning("no journal in %s: %s. The gateway goes on; a crash would forget.", self._directory, reason)
        self.error = reason
        self._report(reason)

    def _worked(self) -> None:
        if self.error:
            log.info("the journal in %s works again", self._directory)
            self.error = ""
            self._report("")


def _end(file: _File) -> None:
    """Sync and close a generation that the next one continues; it may be read once more."""
    with suppress(OSError):  # the snapshot that is about to be written says the same
        file.sync()
    file.close()


class Read(Struct, frozen=True):
    """What one journal says."""

    path: Path
    gen: int
    records: tuple[Record, ...]
    problem: str
    """What is wrong with it; empty if nothing is."""


def journals(directory: Path) -> list[tuple[int, Path]]:
    """The journals of a folder, oldest first."""
    found = ((_NAME.fullmatch(path.name), path) for path in directory.glob("journal.*"))
    return sorted((int(name[1]), path) for name, path in found if name)


def read_journals(directory: Path, gen: int) -> Iterator[Read]:
    """The journals from `gen` on, oldest first. Blocks.

    Raises StartError for a whole one of a newer version: what it says would be lost.
    """
    for number, path in journals(directory):
        if number >= gen:
            yield _read(number, path)


def _read(gen: int, path: Path) -> Read:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Read(path, gen, (), f"cannot be read ({error.strerror})")
    first = read_head(data)
    if first and first.version > VERSION:
        raise StartError(
            f"{path} was written by a newer version (format {first.version}, this one reads up to {VERSION}): "
            "start that one, or move the file away to begin without it."
        )
    # Empty: the process was killed before it wrote anything.
    problems = [] if first or not data else ["its first line is damaged"]
    whole: list[Record] = []
    lost = 0
    for each in records(data):
        if isinstance(each, Damage):
            lost += 1
            problems.append(f"{each.length} bytes at {each.offset} are damaged")
        else:
            whole.append(each)
    return Read(path, gen, tuple(whole), ", ".join(problems[:3]) + (f" and {lost - 3} more" if lost > 3 else ""))


def set_aside(path: Path) -> None:
    """Keep a damaged journal under a name that is not read again."""
    try:
        path.rename(path.with_name(f"{path.name}.damaged"))
    except OSError as error:
        log.warning("cannot rename %s: %s", path, error.strerror)


def remove(path: Path) -> None:
    """Delete a journal that is no longer needed. What cannot be deleted is read once more and changes nothing."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("cannot remove %s: %s", path, error.strerror)
