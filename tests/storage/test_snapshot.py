import asyncio
import errno
import logging
import os
import re
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.clock import FakeClock, Moment
from gateway.errors import StartError
from gateway.storage import snapshot
from gateway.storage.atomic import make_private
from gateway.storage.migrations import HISTORY
from gateway.storage.snapshot import DamagedError, Snapshots, decode, encode

NOW = Moment(1_700_000_000.5, 50.0)
OLD = {"used": {"groq:requests_per_day": [3, 1]}, "note": "old"}
NEW = {"used": {"groq:requests_per_day": [4, 2]}, "note": "new"}


async def saved(directory: Path, *dumps: dict[str, Any]) -> Snapshots:
    snapshots = Snapshots(directory)
    for dump in dumps:
        assert await snapshots.save(dump, NOW)
    return snapshots


def load(directory: Path) -> dict[str, Any] | None:
    return Snapshots(directory).load().dump


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def refusing(code: int) -> Any:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


async def test_what_was_saved_is_what_the_next_process_loads(tmp_path: Path) -> None:
    """Values come back as they were, integers that no float holds included, with the time of the save."""
    dump = {"a": [1, 2.5, None, "Ü"], "b": {"nano": 9007199254740993}, "c": {}}
    snapshots = await saved(tmp_path / "new" / "folder", dump)
    assert (snapshots.saved_at, snapshots.error) == (1_700_000_000.5, "")
    loaded = Snapshots(tmp_path / "new" / "folder").load()
    assert (loaded.dump, loaded.saved_at, loaded.problems) == (dump, 1_700_000_000.5, ())


def test_an_empty_or_missing_folder_remembers_nothing(tmp_path: Path) -> None:
    """The first start is no problem."""
    assert Snapshots(tmp_path).load() == snapshot.Loaded()
    assert Snapshots(tmp_path / "missing").load() == snapshot.Loaded()


async def test_the_file_can_be_read_by_people(tmp_path: Path) -> None:
    """A head line, then one line for each part; and only its owner may."""
    await saved(tmp_path, OLD)
    head, *body = (tmp_path / "state.json").read_text().splitlines()
    assert re.fullmatch(
        r'{"format":"gateway-state","v":2,"gen":1,"saved_wall":1700000000\.5,"bytes":55,"journal":0,"crc32":\d+}', head
    )
    assert body == ['{"used":{"groq:requests_per_day":[3,1]},', '"note":"old"}']
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


async def test_the_previous_snapshot_is_kept(tmp_path: Path) -> None:
    """And counts on over a restart."""
    await saved(tmp_path, OLD, NEW)
    assert decode((tmp_path / "state.prev.json").read_bytes()).gen == 1
    later = Snapshots(tmp_path)
    assert later.load().dump == NEW
    assert await later.save(OLD, NOW)
    assert decode((tmp_path / "state.json").read_bytes()).gen == 3


async def test_an_unchanged_state_is_not_written_again(tmp_path: Path) -> None:
    """A gateway at rest leaves the disk at rest, unless somebody removed the file; `saved_at` moves on."""
    snapshots = await saved(tmp_path, OLD)
    before = (tmp_path / "state.json").stat().st_ino
    assert await snapshots.save(OLD, Moment(1_700_000_100.0, 150.0))
    assert snapshots.saved_at == 1_700_000_100.0
    assert (tmp_path / "state.json").stat().st_ino == before
    (tmp_path / "state.json").unlink()
    assert await snapshots.save(OLD, NOW)
    assert load(tmp_path) == OLD


# -- damage --------------------------------------------------------------------------------------------------------


async def small_pair(directory: Path) -> tuple[bytes, bytes]:
    await saved(directory, OLD, NEW)
    return (directory / "state.prev.json").read_bytes(), (directory / "state.json").read_bytes()


async def test_every_flipped_bit_gives_the_current_or_the_previous_state(tmp_path: Path) -> None:
    """Exhaustive: no bit of the file may turn into another number, time or version."""
    _, current = await small_pair(tmp_path)
    for position in range(len(current) * 8):
        damaged = bytearray(current)
        damaged[position // 8] ^= 1 << position % 8
        (tmp_path / "state.json").write_bytes(damaged)
        assert load(tmp_path) == OLD
        (tmp_path / "state.json.damaged-1").unlink()


async def test_every_cut_gives_the_previous_state(tmp_path: Path) -> None:
    """A file of any shorter length is damaged, the empty one included."""
    _, current = await small_pair(tmp_path)
    for length in range(len(current)):
        (tmp_path / "state.json").write_bytes(current[:length])
        assert load(tmp_path) == OLD
        (tmp_path / "state.json.damaged-1").unlink()


async def test_every_flipped_bit_of_the_previous_leaves_the_current(tmp_path: Path) -> None:
    """The older file is never needed while the newer one is whole."""
    previous, _ = await small_pair(tmp_path)
    for position in range(0, len(previous) * 8, 7):
        damaged = bytearray(previous)
        damaged[position // 8] ^= 1 << position % 8
        (tmp_path / "state.prev.json").write_bytes(damaged)
        assert load(tmp_path) == NEW
        (tmp_path / "state.prev.json.damaged-1").unlink()


@pytest.mark.parametrize(
    "addition", [pytest.param(b"\n", id="line"), pytest.param(b"\0" * 512, id="zeros"), pytest.param(b"{}", id="JSON")]
)
async def test_something_at_the_end_is_damage(tmp_path: Path, addition: bytes) -> None:
    """Some file systems leave zeros after a power cut."""
    _, current = await small_pair(tmp_path)
    (tmp_path / "state.json").write_bytes(current + addition)
    assert load(tmp_path) == OLD


async def test_damaged_files_are_set_aside_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Under a new name each time, with one warning, so that nothing is lost and nothing is silent."""
    await small_pair(tmp_path)
    (tmp_path / "state.json.damaged-1").write_text("from last year")
    (tmp_path / "state.json").write_text("junk")
    loaded = Snapshots(tmp_path).load()
    assert loaded.dump == OLD
    assert loaded.problems == ("state.json is damaged (its checksum is wrong): now state.json.damaged-2",)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert loaded.problems[0] in caplog.text
    assert names(tmp_path) == ["state.json.damaged-1", "state.json.damaged-2", "state.prev.json"]


async def test_two_damaged_files_begin_from_nothing(tmp_path: Path) -> None:
    """It starts all the same, and says so."""
    for name in ("state.json", "state.prev.json"):
        (tmp_path / name).write_text("junk")
    loaded = Snapshots(tmp_path).load()
    assert loaded.dump is None
    assert len(loaded.problems) == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(snapshot.sealed(b'{"format":"other","v":1', b"{}"), "its head is of another kind", id="fields"),
        pytest.param(snapshot.sealed(b"[1", b"{}"), "its head is of another kind", id="no object"),
        pytest.param(
            snapshot.sealed(b'{"format":"else","v":9,"gen":1,"saved_wall":1,"bytes":2', b"{}"),
            "it is not a state of this program",
            id="format",
        ),
        pytest.param(encode(b"[1]", gen=1, saved_wall=1.0), "it is no JSON object", id="body is a list"),
        pytest.param(encode(b"[" * 5000, gen=1, saved_wall=1.0), "it is no JSON object", id="body is nested"),
        pytest.param(encode(b"{", gen=1, saved_wall=1.0), "it is no JSON object", id="body is cut before the sum"),
    ],
)
def test_a_right_checksum_over_something_else_is_damage(tmp_path: Path, data: bytes, why: str) -> None:
    """Somebody's file, or a bug of ours: set aside, not trusted and not fatal."""
    (tmp_path / "state.json").write_bytes(data)
    assert Snapshots(tmp_path).load().problems == (f"state.json is damaged ({why}): now state.json.damaged-1",)


@pytest.mark.parametrize("name", ["state.json", "state.prev.json"])
async def test_a_whole_file_of_a_newer_version_refuses_the_start(tmp_path: Path, name: str) -> None:
    """Going on would overwrite what only the newer version can read. The file stays where it is."""
    await saved(tmp_path, OLD)
    newer = encode(b'{"shape": "unknown"}', gen=7, saved_wall=1.0, version=3)
    (tmp_path / name).write_bytes(newer)
    with pytest.raises(StartError) as caught:
        Snapshots(tmp_path).load()
    assert str(caught.value) == (
        f"{tmp_path / name} was written by a newer version (format 3, this one reads up to 2): "
        "start that one, or move the file away to begin from nothing."
    )
    assert (tmp_path / name).read_bytes() == newer


async def test_a_damaged_version_is_damage(tmp_path: Path) -> None:
    """`"v":2` turned into `"v":9` by a flipped bit is no newer version: the checksum covers it."""
    _, current = await small_pair(tmp_path)
    (tmp_path / "state.json").write_bytes(current.replace(b'"v":2', b'"v":9'))
    assert load(tmp_path) == OLD


def test_decode_names_damage() -> None:
    """No part of the file is in the message."""
    with pytest.raises(DamagedError, match=r"^its checksum is wrong$"):
        decode(b"secret")


async def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    """Temporary files would pile up over the years."""
    await saved(tmp_path, OLD)
    (tmp_path / ".state.json.0123.tmp").write_text("half")
    (tmp_path / ".state.prev.json.0123.tmp").write_text("half")
    assert load(tmp_path) == OLD
    assert names(tmp_path) == ["state.json"]


# -- disks that refuse ---------------------------------------------------------------------------------------------


async def test_a_full_disk_is_said_once_shown_and_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Traffic goes on; the old snapshot stays; `error` is for `/health`."""
    caplog.set_level(logging.INFO)
    snapshots = await saved(tmp_path, OLD)
    with monkeypatch.context() as full:
        full.setattr(os, "write", refusing(errno.ENOSPC))
        for _ in range(3):
            assert not await snapshots.save(NEW, Moment(1_700_000_100.0, 0.0))
        assert (snapshots.error, snapshots.saved_at) == ("No space left on device", 1_700_000_000.5)
        assert len(caplog.records) == 1
    assert load(tmp_path) == OLD
    assert await snapshots.save(NEW, NOW)
    assert snapshots.error == ""
    assert load(tmp_path) == NEW
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert names(tmp_path) == ["state.json", "state.prev.json"]


@pytest.mark.parametrize("call", ["write", "fsync", "link", "replace", "open"])
@pytest.mark.parametrize("nth", [1, 2])
async def test_the_nth_fault_of_each_call_leaves_a_state_to_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    """Whatever step fails, a restart finds the old or the new state, and the next save succeeds."""
    snapshots = await saved(tmp_path, OLD, NEW)
    newest = {"note": "newest"}
    place: Any = Path if call == "replace" else os
    real = getattr(place, call)
    calls = 0

    def faulty(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise OSError(errno.EIO, "Input/output error")
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(place, call, faulty)
        await snapshots.save(newest, NOW)
    assert load(tmp_path) in (NEW, newest)
    assert await snapshots.save({"note": "healed"}, NOW)
    assert load(tmp_path) == {"note": "healed"}


async def test_a_folder_that_cannot_be_changed_still_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Damaged files cannot be set aside there, nor litter removed; and once it heals, the bad file is not kept
    in the place of the good previous one.
    """  # noqa: D205
    await small_pair(tmp_path)
    (tmp_path / "state.json").write_text("junk")
    (tmp_path / ".state.json.0123.tmp").touch()
    snapshots = Snapshots(tmp_path)
    with monkeypatch.context() as read_only:
        read_only.setattr(Path, "rename", refusing(errno.EROFS))
        read_only.setattr(Path, "unlink", refusing(errno.EROFS))
        loaded = snapshots.load()
    assert loaded.dump == OLD
    assert loaded.problems == ("state.json is damaged (its checksum is wrong): it stays there (Read-only file system)",)
    assert "cannot remove" in caplog.text
    assert await snapshots.save(NEW, NOW)
    assert decode((tmp_path / "state.prev.json").read_bytes()).gen == 1
    assert load(tmp_path) == NEW


async def test_a_file_that_cannot_be_read_is_set_aside_like_a_damaged_one(tmp_path: Path) -> None:
    """Here it is a folder; it might be a bad sector."""
    await saved(tmp_path, OLD, NEW)
    (tmp_path / "state.json").unlink()
    (tmp_path / "state.json").mkdir()
    loaded = Snapshots(tmp_path).load()
    assert loaded.dump == OLD
    assert loaded.problems == ("state.json cannot be read (Is a directory): now state.json.damaged-1",)


# -- one at a time -------------------------------------------------------------------------------------------------


async def test_a_save_that_was_overtaken_does_not_put_the_older_state_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled save goes on in its thread: the last one, at the end of the process, must win."""
    entered = threading.Event()
    go_on = threading.Event()

    def held_up(directory: Path) -> None:
        entered.set()
        go_on.wait(5)
        make_private(directory)

    monkeypatch.setattr("gateway.storage.snapshot.make_private", held_up)
    snapshots = Snapshots(tmp_path)
    first = asyncio.ensure_future(snapshots.save(OLD, NOW))
    await asyncio.to_thread(entered.wait, 5)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    last = asyncio.ensure_future(snapshots.save(NEW, NOW))
    await asyncio.sleep(0)
    assert names(tmp_path) == []
    go_on.set()
    assert await last
    assert load(tmp_path) == NEW
    snapshots._write(b"{}\n", 1, 0.0, 0)
    assert load(tmp_path) == NEW


async def test_the_state_is_taken_before_the_first_wait(tmp_path: Path, clock: FakeClock) -> None:
    """What changes while the file is written belongs to the next snapshot."""
    live = {"used": {"a": 1}}
    saving = asyncio.ensure_future(Snapshots(tmp_path).save(live, clock.now()))
    await asyncio.sleep(0)
    live["used"]["a"] = 2
    assert await saving
    assert load(tmp_path) == {"used": {"a": 1}}


async def test_the_history_has_files_of_its_own(tmp_path: Path) -> None:
    """Of the same make, but neither is taken for the other; bytes are base64."""
    histories = Snapshots(tmp_path, "history", HISTORY)
    assert await histories.save({"model": {"a": b"\x00\x01"}}, NOW)
    assert await histories.save({"model": {"a": b"\x00\x02"}}, NOW)
    assert names(tmp_path) == ["history.json", "history.prev.json"]
    assert load(tmp_path) is None
    again = Snapshots(tmp_path, "history", HISTORY)
    assert again.load().dump == {"model": {"a": "AAI="}}
    await saved(tmp_path, OLD)
    (tmp_path / "state.json").replace(tmp_path / "history.json")
    assert again.load() == snapshot.Loaded(
        dump={"model": {"a": "AAE="}},
        saved_at=NOW.wall,
        problems=("history.json is damaged (it is not a state of this program): now history.json.damaged-1",),
    )


def test_the_body_is_plain_json() -> None:
    """`tail -n +2 state.json` goes into any JSON program."""
    assert msgspec.json.decode(snapshot._body(OLD)) == OLD
    assert snapshot._body({}) == b"{}\n"
