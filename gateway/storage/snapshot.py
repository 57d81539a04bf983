"""The state of the process on disk, every few seconds: what a restart begins with.

`state.json` is one head line and the state as JSON, for people and programs; `state.prev.json` is the one before. The
head's checksum covers the head too, so that a damaged generation or time is damage and not a number. The history has
files of the same make, `history.json` and `history.prev.json`: it is larger, and written less often.

A snapshot names the journal that began before it was taken (`journal.py`): that one and later ones go over it.
"""

import asyncio
import logging
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from gateway.clock import Moment
from gateway.errors import StartError

from . import migrations
from .atomic import left_over, make_private, write_atomic
from .migrations import STATE

log = logging.getLogger(__name__)


_CHECKSUM = b',"crc32":'


class DamagedError(Exception):
    """These bytes are not a whole snapshot. The message says what is wrong with them."""


class Recorded(Struct, frozen=True, kw_only=True):
    """A snapshot, read."""

    gen: int
    """Counts the snapshots of a folder."""
    v: int
    saved_wall: float
    """Unix seconds."""
    body: bytes
    """The state as JSON."""
    journal: int = 0
    """The generation of the journal to read after it."""


class Loaded(Struct, frozen=True, kw_only=True):
    """What a folder remembers."""

    dump: dict[str, Any] | None = None
    """As it was saved; None if there is nothing to go on."""
    saved_at: float | None = None
    journal: int = 0
    """The generation of the journal that goes on from there."""
    problems: tuple[str, ...] = ()
    """What was wrong on the way here, for the log and `/health`."""


class _Head(Struct, frozen=True, kw_only=True):
    format: str
    v: int
    gen: int
    saved_wall: float
    bytes: int
    journal: int = 0


def encode(
    body: bytes, *, gen: int, saved_wall: float, version: int = 0, file_format: str = STATE, journal: int = 0
) -> bytes:
    """A snapshot file: the head line, then `body`. Of today's version unless one is given."""
    version = version or migrations.version(file_format)
    head = _Head(format=file_format, v=version, gen=gen, saved_wall=saved_wall, bytes=len(body), journal=journal)
    return sealed(msgspec.json.encode(head)[:-1], body)


def sealed(head: bytes, body: bytes) -> bytes:
    """`head`, a JSON object without its closing brace, with a checksum over itself and `body`; then `body`."""
    return b"%b%b%d}\n%b" % (head, _CHECKSUM, zlib.crc32(body, zlib.crc32(head)), body)


def decode(data: bytes, file_format: str = STATE) -> Recorded:
    """A snapshot file taken apart, whatever its version. Raises DamagedError unless every bit is as it was written."""
    line, _, body = data.partition(b"\n")
    covered, mark, tail = line.rpartition(_CHECKSUM)
    if not mark or tail != b"%d}" % zlib.crc32(body, zlib.crc32(covered)):
        raise DamagedError("its checksum is wrong")
    try:
        head = msgspec.json.decode(covered + b"}", type=_Head)
    except msgspec.DecodeError:
        raise DamagedError("its head is of another kind") from None
    if head.format != file_format:
        raise DamagedError("it is not a state of this program")
    return Recorded(gen=head.gen, v=head.v, saved_wall=head.saved_wall, body=body, journal=head.journal)


def read(path: Path, file_format: str = STATE) -> tuple[Recorded, dict[str, Any]]:
    """A snapshot and the state in it, as one of today. Blocks.

    Raises DamagedError, OSError, or StartError for a whole one of a newer version: what it remembers would be lost.
    """
    recorded = decode(path.read_bytes(), file_format)
    _refuse_newer(path, recorded.v, migrations.version(file_format))
    return recorded, _state(recorded, file_format)


class Snapshots:
    """The snapshots in a folder that this process alone may write (`FolderLock`).

    `saved_at` is when the last one succeeded, as Unix time, and `error` why the latest try failed, empty if it did
    not: together what `/health` shows.
    """

    def __init__(self, directory: Path, name: str = "state", file_format: str = STATE) -> None:
        self.saved_at: float | None = None
        self.error = ""
        self._directory = directory
        self._format = file_format
        self._current = directory / f"{name}.json"
        self._previous = directory / f"{name}.prev.json"
        self._current_is_good = True
        self._gen = 0
        self._on_disk_gen = 0
        self._on_disk: bytes | None = None
        self._journals = (0, 0)
        """The journals that the previous snapshot and the current one name."""
        self._one_at_a_time = threading.Lock()  # not asyncio's: a cancelled save goes on in its thread

    def load(self) -> Loaded:
        """The newest whole snapshot. DamagedError files are set aside under a new name, with a warning. Blocks.

        Raises StartError for a whole one of a newer version: what it remembers would be overwritten.
        """
        problems: list[str] = []
        whole: list[tuple[Recorded, dict[str, Any]]] = []
        for path in (self._current, self._previous):
            try:
                whole.append(read(path, self._format))
            except FileNotFoundError:
                continue
            except DamagedError as damage:
                problems.append(f"{path.name} is damaged ({damage}): {self._set_aside(path)}")
            except OSError as error:
                problems.append(f"{path.name} cannot be read ({error.strerror}): {self._set_aside(path)}")
        for problem in problems:
            log.warning("snapshot folder %s: %s", self._directory, problem)
        self._sweep()
        if not whole:
            return Loaded(problems=tuple(problems))
        newest, dump = max(whole, key=lambda each: each[0].gen)
        self._gen, self.saved_at = newest.gen, newest.saved_wall
        self._journals = (min(each.journal for each, _ in whole), newest.journal)
        return Loaded(dump=dump, saved_at=self.saved_at, journal=newest.journal, problems=tuple(problems))

    @property
    def oldest_journal(self) -> int:
        """Journals before this generation are in every snapshot there is."""
        return min(self._journals)

    async def save(self, dump: Mapping[str, Any], now: Moment, journal: int = 0) -> bool:
        """Write the state, in a thread; whether it is on disk now. `journal` is the one that began before it.

        A disk that refuses raises nothing: it is logged once and kept in `error`, and the next save tries again.
        """
        body = _body(dump)  # here and not in the thread: the state may change once we wait
        self._gen += 1
        try:
            await asyncio.to_thread(self._write, body, self._gen, now.wall, journal)
        except OSError as error:
            self._failed(error.strerror or type(error).__name__)
            return False
        if self.error:
            log.info("snapshots in %s work again", self._directory)
        self.error = ""
        self.saved_at = now.wall
        return True

    def _write(self, body: bytes, gen: int, wall: float, journal: int) -> None:
        with self._one_at_a_time:
            if gen < self._on_disk_gen:
                return  # a later one overtook it
            if body != self._on_disk or not self._current.exists():  # a gateway at rest leaves the disk at rest
                make_private(self._directory)
                keep = self._previous if self._current_is_good else None  # never a bad one over the good previous
                data = encode(body, gen=gen, saved_wall=wall, file_format=self._format, journal=journal)
                write_atomic(self._current, data, keep=keep)
                self._journals = (self._journals[1] if keep else self._journals[0], journal)
                self._current_is_good = True
            self._on_disk, self._on_disk_gen = body, gen

    def _failed(self, error: str) -> None:
        if error != self.error:
            log.warning("no snapshot in %s: %s. The gateway goes on; a restart would forget.", self._directory, error)
        self.error = error

    def _set_aside(self, path: Path) -> str:
        """Rename a bad file, so that its bytes are not lost. What became of it, in words."""
        number = 1
        while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
            number += 1
        try:
            path.rename(aside)
        except OSError as error:
            self._current_is_good = self._current_is_good and path != self._current
            return f"it stays there ({error.strerror})"
        return f"now {aside.name}"

    def _sweep(self) -> None:
        for path in (*left_over(self._current), *left_over(self._previous)):
            try:
                path.unlink()
            except OSError as error:
                log.warning("cannot remove %s: %s", path, error.strerror)


def _body(dump: Mapping[str, Any]) -> bytes:
    """One line for each part, so that people can read and compare it."""
    lines = (msgspec.json.encode(name) + b":" + msgspec.json.encode(part) for name, part in dump.items())
    return b"{" + b",\n".join(lines) + b"}\n"


def _state(recorded: Recorded, file_format: str) -> dict[str, Any]:
    try:
        state = msgspec.json.decode(recorded.body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise DamagedError("it is no JSON object") from None
    try:
        return migrations.migrated(file_format, recorded.v, state)
    except ValueError as error:
        raise DamagedError(str(error)) from None


def _refuse_newer(path: Path, version: int, known: int) -> None:
    if version > known:
        raise StartError(
            f"{path} was written by a newer version (format {version}, this one reads up to {known}): "
            "start that one, or move the file away to begin from nothing."
        )
