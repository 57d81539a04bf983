"""Noticing that a configuration file was saved, in whatever way editors and deployment tools do it.

By `stat` a few times a second and by content, not by inotify: that works on network mounts, in containers, over renames
and symlink swaps. A save in pieces is one change: it counts once two readings, `settle_s` apart, agree.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

from msgspec import Struct

from gateway.clock import Clock
from gateway.errors import Problem

INTERVAL_S = 0.25
"""Between two looks. With `SETTLE_S`, a save is noticed after 0.45 to 0.75 s."""

SETTLE_S = 0.45
"""Longer than the pauses of a writer in pieces, which the contract puts under 0.4 s."""

MAX_BYTES = 16 * 1024 * 1024

_Mark = tuple[int, ...]
"""What `stat` says of a file; ctime sees through a restored mtime, the inode through a swap."""


_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What there may be in a file that says nothing: a byte order mark, too."""


class Change(Struct, frozen=True, kw_only=True):
    """Some of the files are not what they were, and have come to rest."""

    changed: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()
    """Files that cannot be read now, and the first one if it is gone or empty: keep what is in force."""
    digest: str = ""
    """SHA-256 of the first file's bytes as they came to rest, in hex; empty where there is none."""


class _Seen(Struct, frozen=True):
    """One reading of one file."""

    content: bytes = b""
    """A digest; empty where there is none."""
    fault: str = ""


_GONE = _Seen(fault="is gone")
_UNKNOWN = _Seen(fault="is unknown")
_EMPTY = _Seen(fault="is empty")
"""What a full disk or an interrupted save leaves. By itself it would be a configuration that serves nothing."""


class Watch:
    """Watches files, the first of which must exist; the others may come and go.

    Make it before the files are first loaded, so that no save falls in between. `poll` blocks for as long as reading
    takes; `interval_s` is what should lie between two of them.
    """

    def __init__(self, paths: Iterable[Path], settle_s: float = SETTLE_S, interval_s: float = INTERVAL_S) -> None:
        self.interval_s = interval_s
        self._paths = tuple(paths)
        self._settle_s = settle_s
        self._marks = self._stat()
        self._known = self._latest = self._read()
        self._since: float | None = None
        self._settled = False  # a write within the clock tick of this very reading would leave no other trace

    def poll(self, now: float) -> Change | None:
        """What changed since the last Change, once it is at rest. `now` is boot time in seconds."""
        marks = self._stat()
        if marks != self._marks:
            self._marks = marks
            self._settled = False
        elif self._settled or (self._since is not None and now - self._since < self._settle_s):
            return None
        latest = self._read()
        if latest != self._latest or self._since is None:
            self._latest = latest
            self._since = now
            return None
        if now - self._since < self._settle_s:
            return None
        self._settled = True
        self._since = None
        return self._difference()

    def _difference(self) -> Change | None:
        before, self._known = self._known, self._latest
        changed = [path for path, old, new in zip(self._paths, before, self._known, strict=True) if old != new]
        if not changed:
            return None
        faults = zip(self._paths, self._known, strict=True)
        problems = [
            Problem(str(path), 0, 0, f"{seen.fault}: the configuration in force stays")
            for path, seen in faults
            if seen.fault and (seen not in (_GONE, _EMPTY) or path == self._paths[0])
        ]
        return Change(changed=tuple(changed), problems=tuple(problems), digest=self._known[0].content.hex())

    def again(self) -> None:
        """Report what comes to rest next, whatever it is: the last Change could not be followed."""
        self._known = tuple(_UNKNOWN for _ in self._paths)
        self._settled = False

    def _stat(self) -> tuple[_Mark, ...]:
        return tuple(_mark(path) for path in self._paths)

    def _read(self) -> tuple[_Seen, ...]:
        return tuple(_seen(path) for path in self._paths)


async def changes(
    watch: Watch,
    clock: Clock,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncIterator[Change]:
    """Each change as it comes, for ever. The files are looked at in a thread: a mount that hangs holds up nobody."""
    while True:
        await sleep(watch.interval_s)
        if change := await asyncio.to_thread(watch.poll, clock.now().boot):
            yield change


def _mark(path: Path) -> _Mark:
    try:
        found = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)


def _seen(path: Path) -> _Seen:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us up
    except FileNotFoundError:
        return _GONE
    except OSError as error:
        return _Seen(fault=f"cannot be read ({error.strerror})")
    try:
        return _content(file)
    except OSError as error:
        return _Seen(fault=f"cannot be read ({error.strerror})")
    finally:
        os.close(file)


def _content(file: int) -> _Seen:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        return _Seen(fault="is not a file")
    if found.st_size > MAX_BYTES:
        return _Seen(fault=f"is larger than {MAX_BYTES // 1024 // 1024} MB")
    digest, blank = hashlib.sha256(), True
    while piece := os.read(file, 1024 * 1024):
        digest.update(piece)
        blank = blank and not piece.strip(_BLANK)
    return _EMPTY if blank else _Seen(content=digest.digest())
