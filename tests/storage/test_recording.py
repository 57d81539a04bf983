"""The file of what was asked: a line each, rotated, and never in the way."""

import asyncio
import logging
import stat
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.records import Candidate, Settled
from gateway.storage import recording
from gateway.storage.recording import KEPT, Recording, rotate
from gateway.tasks import Tasks
from tests.history.requests import ended

ONE = replace(
    ended("503", "ok", client="aider"), estimated_tokens=900, max_tokens=4096, needs=frozenset({"tools"}), may_pay=True
)


async def written(file: Path, *requests: Settled) -> Recording:
    """After these were recorded."""
    found = Recording()
    found.use(file)
    for each in requests:
        found.note(each)
    await found.flush()
    return found


def names(folder: Path) -> list[str]:
    """Every file in it."""
    return sorted(path.name for path in folder.iterdir())


def read(file: Path) -> list[Settled]:
    """As a replay would."""
    return [msgspec.json.decode(line, type=Settled) for line in file.read_bytes().splitlines()]


async def test_a_line_has_what_a_replay_needs(tmp_path: Path) -> None:
    """All of the request but its candidates, which the replay finds anew."""
    candidate = Candidate(id="groq/llama", place=1, verdict="chosen", rule="first", text="free")
    file = tmp_path / "new" / "requests.jsonl"
    await written(file, replace(ONE, candidates=(candidate,)))
    assert read(file) == [ONE]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_lines_are_added(tmp_path: Path) -> None:
    """Also by the next process; a half line that a kill left ends there."""
    file = tmp_path / "requests.jsonl"
    await written(file, ONE)
    await written(file, ONE, ONE)
    assert read(file) == [ONE] * 3
    with file.open("ab") as opened:
        opened.write(b'{"id":"r","at":17')
    await written(file, ONE)
    assert file.read_bytes().splitlines()[3] == b'{"id":"r","at":17'
    assert msgspec.json.decode(file.read_bytes().splitlines()[4], type=Settled) == ONE


async def test_nothing_is_recorded_unless_told(tmp_path: Path) -> None:
    """By default, and after it was switched off; what waited is not written either."""
    found = Recording()
    found.note(ONE)
    await found.flush()
    found.use(tmp_path / "requests.jsonl")
    found.note(ONE)
    found.use(None)
    await found.flush()
    assert names(tmp_path) == []


async def test_full_files_get_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.1` is the newest of four; the oldest makes room."""
    file = tmp_path / "requests.jsonl"
    monkeypatch.setattr(recording, "ROTATE_BYTES", 1)
    for number in range(7):
        await written(file, replace(ONE, id=str(number)))
    assert names(tmp_path) == ["requests.jsonl", *(f"requests.jsonl.{number}" for number in range(1, KEPT + 1))]
    assert [read(tmp_path / f"requests.jsonl{end}")[0].id for end in ("", ".1", ".2", ".3", ".4")] == list("65432")


def test_rotation_skips_what_is_not_there(tmp_path: Path) -> None:
    """Somebody may have removed one in the middle."""
    file = tmp_path / "r"
    file.write_text("new")
    (tmp_path / "r.2").write_text("old")
    rotate(file)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"r.1": "new", "r.3": "old"}


async def test_a_disk_that_refuses_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Those lines are lost, requests go on; and it is told when it works again."""
    caplog.set_level(logging.INFO)
    file = tmp_path / "requests.jsonl"
    file.mkdir()
    found = await written(file, ONE)
    found.note(ONE)
    await found.flush()
    file.rmdir()
    for _ in range(2):
        found.note(ONE)
        await found.flush()
    assert [record.getMessage() for record in caplog.records] == [
        f"requests are not recorded in {file}: Is a directory",
        f"requests are recorded in {file} again",
    ]
    assert read(file) == [ONE, ONE]


async def test_a_slow_disk_costs_lines_and_not_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than can wait is not recorded."""
    monkeypatch.setattr(recording, "MOST_WAITING", 2)
    await written(tmp_path / "requests.jsonl", ONE, ONE, ONE)
    assert len(read(tmp_path / "requests.jsonl")) == 2


async def test_it_writes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a second; here more often."""
    monkeypatch.setattr(recording, "EVERY_S", 0.001)
    found, file = Recording(), tmp_path / "requests.jsonl"
    found.use(file)
    found.note(ONE)
    wrote = asyncio.Event()
    flush = found.flush

    async def flushed() -> None:
        await flush()
        wrote.set()

    monkeypatch.setattr(found, "flush", flushed)
    async with Tasks() as tasks, asyncio.timeout(5):
        tasks.start("recording", found.keep())
        await wrote.wait()
    assert read(file) == [ONE]
