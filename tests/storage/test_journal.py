"""The journal over a real folder; the disk's refusals are put in front of the real calls."""

import asyncio
import errno
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import StartError
from gateway.storage.journal import Journal, journals, read_journals, remove, set_aside
from gateway.storage.journal_format import SIZE, Text, head, text


class Words:
    """Changes that are words; forgotten only when the journal says so."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.renewed = 0

    def records(self) -> bytes:
        """All that waits."""
        return b"".join(text(1, each) for each in self.waiting)

    def forget(self) -> None:
        """None of it waits any more."""
        self.waiting.clear()

    def renew(self) -> None:
        """Count it."""
        self.renewed += 1


class Disk:
    """Fails calls of `os` by name: the next ones, or for good."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failing: dict[str, int] = {}
        self.taken = 0
        self.calls: list[str] = []
        for name in ("open", "write", "ftruncate", "fdatasync"):
            monkeypatch.setattr(os, name, self._guarded(name, getattr(os, name)))

    def _guarded(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: Any) -> object:
            self.calls.append(name)
            if code := self.failing.get(name):
                raise OSError(code, os.strerror(code))
            if name == "write" and self.taken:
                part, self.taken = self.taken, 0
                self.failing["write"] = errno.ENOSPC
                return real(args[0], memoryview(args[1])[:part])
            return real(*args)

        return call


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def journal(tmp_path: Path, words: Words, reports: list[str]) -> Journal:
    return Journal(tmp_path / "state", words, reports.append, fsync="never")


def found(directory: Path, gen: int = 0) -> list[bytes]:
    return [each.text for read in read_journals(directory, gen) for each in read.records if isinstance(each, Text)]


async def say(journal: Journal, words: Words, *said: bytes) -> None:
    words.waiting += said
    journal.changed()
    await journal.written()


async def test_what_changed_is_on_disk_before_the_barrier_lets_go(
    journal: Journal, words: Words, tmp_path: Path
) -> None:
    await journal.begin(1)
    await say(journal, words, b"one")
    assert found(tmp_path / "state") == [b"one"]
    assert words.waiting == []
    await say(journal, words, b"two", b"three")
    assert found(tmp_path / "state") == [b"one", b"two", b"three"]
    assert stat.S_IMODE((tmp_path / "state/journal.1").stat().st_mode) == 0o600


async def test_a_turn_of_the_loop_is_one_write(journal: Journal, words: Words, disk: Disk) -> None:
    """Whoever changes something in it, and whoever waits."""
    await journal.begin(1)
    disk.calls.clear()
    await asyncio.gather(*(say(journal, words, b"%d" % n) for n in range(10)))
    assert disk.calls == ["write"]
    await journal.written()
    assert disk.calls == ["write"]


async def test_nothing_new_writes_nothing(journal: Journal, words: Words, disk: Disk) -> None:
    await journal.begin(1)
    assert not journal.worn
    disk.calls.clear()
    journal.changed()
    await journal.written()
    assert disk.calls == []
    await say(journal, words, b"one")
    assert journal.worn


async def test_each_generation_is_a_file_that_begins_anew(journal: Journal, words: Words, tmp_path: Path) -> None:
    """What was changed and not yet written when it begins goes into the new one."""
    await journal.begin(3)
    await say(journal, words, b"one")
    words.waiting.append(b"two")
    assert await journal.begin(4)
    assert (journal.gen, words.renewed) == (4, 2)
    assert [gen for gen, _ in journals(tmp_path / "state")] == [3, 4]
    assert found(tmp_path / "state") == [b"one", b"two"]
    assert found(tmp_path / "state", 4) == [b"two"]


async def test_a_generation_that_is_there_is_never_written_over(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/journal.1").write_bytes(head(1))
    assert not await journal.begin(1)
    assert journal.error == "File exists"
    assert (tmp_path / "state/journal.1").read_bytes() == head(1)
    assert not journal.usable


async def test_a_full_disk_loses_nothing_and_no_record_is_half(
    journal: Journal, words: Words, tmp_path: Path, disk: Disk, reports: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """16 of 48 bytes go in, then none; once there is room, all that waited is written."""
    caplog.set_level(logging.INFO)
    await journal.begin(1)
    await say(journal, words, b"one")
    size = (tmp_path / "state/journal.1").stat().st_size
    disk.taken = 16
    await say(journal, words, b"two")
    assert (tmp_path / "state/journal.1").stat().st_size == size
    assert (journal.error, words.waiting, journal.usable) == ("No space left on device", [b"two"], True)
    await say(journal, words, b"three")
    disk.failing.clear()
    await say(journal, words, b"four")
    assert found(tmp_path / "state") == [b"one", b"two", b"three", b"four"]
    assert (journal.error, words.waiting) == ("", [])
    assert reports == ["No space left on device", "No space left on device", ""]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_half_a_record_that_cannot_be_cut_off_ends_the_file(
    journal: Journal, words: Words, tmp_path: Path, disk: Disk
) -> None:
    """All behind it would be off by some bytes: the next generation takes over."""
    await journal.begin(1)
    disk.taken = 16
    disk.failing["ftruncate"] = errno.EIO
    await say(journal, words, b"one")
    disk.failing.clear()
    await say(journal, words, b"two")
    assert not journal.usable
    assert journal.worn
    assert await journal.begin(2)
    assert found(tmp_path / "state") == [b"one", b"two"]
    assert journal.error == ""


async def test_a_file_whose_sync_failed_is_not_trusted_again(
    journal: Journal, words: Words, tmp_path: Path, disk: Disk
) -> None:
    """The kernel may have dropped the pages and say nothing the next time."""
    await journal.begin(1)
    await say(journal, words, b"one")
    disk.failing["fdatasync"] = errno.EIO
    await journal.sync()
    assert (journal.error, journal.usable) == ("Input/output error", False)
    disk.failing.clear()
    await say(journal, words, b"two")
    assert words.waiting == [b"two"]
    assert await journal.begin(2)
    assert found(tmp_path / "state", 2) == [b"two"]


@pytest.mark.parametrize("call", ["open", "write"])
async def test_a_generation_that_cannot_begin_leaves_the_old_one_in_use(
    journal: Journal, words: Words, tmp_path: Path, disk: Disk, call: str
) -> None:
    await journal.begin(1)
    disk.failing[call] = errno.ENOSPC
    assert not await journal.begin(2)
    disk.failing.clear()
    await say(journal, words, b"one")
    assert found(tmp_path / "state") == [b"one"]
    assert [gen for gen, _ in journals(tmp_path / "state")] == [1]
    assert await journal.begin(2)


async def test_without_any_file_the_changes_wait(journal: Journal, words: Words, tmp_path: Path, disk: Disk) -> None:
    disk.failing["open"] = errno.EROFS
    assert not await journal.begin(1)
    await say(journal, words, b"one")
    await journal.sync()
    assert (words.waiting, journal.gen, journal.error) == ([b"one"], 0, "Read-only file system")
    disk.failing.clear()
    assert await journal.begin(1)
    assert found(tmp_path / "state") == [b"one"]
    journal.close()
    journal.close()
    assert journal.gen == 0


async def test_synced_once_for_what_is_new(journal: Journal, words: Words, disk: Disk) -> None:
    await journal.begin(1)
    disk.calls.clear()
    await journal.sync()
    assert disk.calls == []
    await say(journal, words, b"one")
    await asyncio.gather(journal.sync(), journal.sync())
    await journal.sync()
    assert disk.calls == ["write", "fdatasync"]


async def test_in_tick_mode_the_barrier_waits_for_the_sync(journal: Journal, words: Words, disk: Disk) -> None:
    journal.fsync = "tick"
    await journal.begin(1)
    disk.calls.clear()
    await say(journal, words, b"one")
    assert disk.calls == ["write", "fdatasync"]
    disk.failing["fdatasync"] = errno.EIO
    await say(journal, words, b"two")
    assert journal.error == "Input/output error"


async def test_a_generation_ends_synced(journal: Journal, words: Words, disk: Disk) -> None:
    """It may be read once more; and a sync that comes too late finds a closed file and leaves it."""
    await journal.begin(1)
    await say(journal, words, b"one")
    file = journal._file
    assert file
    disk.calls.clear()
    await journal.begin(2)
    assert disk.calls == ["open", "write", "fdatasync"]
    file.sync()
    file.close()
    assert disk.calls == ["open", "write", "fdatasync"]


def test_journals_of_a_folder_are_those_with_a_number(tmp_path: Path) -> None:
    for name in ("journal.10", "journal.9", "journal.x", "journal.9.damaged", "journal.12345678901"):
        (tmp_path / name).write_bytes(head(9))
    assert [gen for gen, _ in journals(tmp_path)] == [9, 10]
    assert journals(tmp_path / "missing") == []


def test_what_is_wrong_with_a_journal_is_named(tmp_path: Path) -> None:
    """And all that is right in it is read."""
    whole = text(1, b"one")
    (tmp_path / "journal.1").write_bytes(head(1) + whole + b"x" * SIZE + whole)
    (tmp_path / "journal.2").write_bytes(b"x" * SIZE + whole)
    (tmp_path / "journal.3").write_bytes(head(3) + 5 * (b"x" * SIZE + whole))
    (tmp_path / "journal.4").mkdir()
    (tmp_path / "journal.5").touch()
    assert [(len(read.records), read.problem) for read in read_journals(tmp_path, 1)] == [
        (2, "48 bytes at 144 are damaged"),
        (1, "its first line is damaged"),
        (
            5,
            "48 bytes at 48 are damaged, 48 bytes at 192 are damaged, 48 bytes at 336 are damaged and 2 more",
        ),
        (0, "cannot be read (Is a directory)"),
        (0, ""),
    ]
    assert [read.gen for read in read_journals(tmp_path, 3)] == [3, 4, 5]


def test_an_intact_newer_version_refuses_the_start(tmp_path: Path) -> None:
    """A damaged version is damage."""
    (tmp_path / "journal.1").write_bytes(head(1, version=2))
    with pytest.raises(StartError, match="newer version"):
        list(read_journals(tmp_path, 0))
    (tmp_path / "journal.1").write_bytes(head(1).replace(b"v0001", b"v0002"))
    (read,) = read_journals(tmp_path, 0)
    assert read.problem == "its first line is damaged"


def test_files_that_will_not_go_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "journal.1"
    folder.mkdir()
    remove(folder)
    remove(tmp_path / "gone")
    set_aside(tmp_path / "gone")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"cannot remove {folder}",
        f"cannot rename {tmp_path / 'gone'}",
    ]
    set_aside(folder)
    assert (tmp_path / "journal.1.damaged").is_dir()


async def test_a_disk_that_says_nothing_is_named_by_its_error(
    journal: Journal, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal.begin(1)

    def refuse(*_: object) -> int:
        raise TimeoutError

    monkeypatch.setattr(os, "write", refuse)
    await say(journal, words, b"one")
    assert journal.error == "TimeoutError"
