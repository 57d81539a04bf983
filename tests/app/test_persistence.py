"""The folder that outlives the process: crashes at any moment, damage anywhere, a disk that fails at any call."""

import asyncio
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.app.persistence import Persistence
from gateway.catalog.catalog import Catalog
from gateway.catalog.compile import compile_text
from gateway.clock import FakeClock
from gateway.errors import StartError
from gateway.limits.ledger import LimitReachedError, Need
from gateway.state import ConfigStatus, State
from gateway.storage.journal_format import SIZE, head

YAML = """
providers:
  p:
    base_url: https://p.test/v1
    api_key: k
    models: {m: {price: {input: 1, output: 1}, limits: {requests_per_day: 1000, tokens_per_5h: 100k, cost_per_day: 5}}}
"""
REQUESTS, TOKENS, COST = (f"model:p/m:{each}" for each in ("requests_per_day", "tokens_per_5h", "cost_per_day"))


@cache
def catalog_of(yaml: str) -> Catalog:
    return compile_text(yaml, file="gateway.yaml", lookup=lambda _: None, presets={})


def state_of(clock: FakeClock, yaml: str = YAML) -> State:
    return State(catalog_of(yaml), clock, ConfigStatus(path="gateway.yaml", env_file="", loaded_at=0.0, hash=""))


def files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


def remembered_in(folder: Path) -> bool:
    return b"requests" in (folder / "state.json").read_bytes()


def one(state: State) -> Callable[[], None]:
    """A request that is under way; called, it ends with 7 tokens."""
    now = state.clock.now()
    reservation = state.ledger.reserve(state.catalog.meters, Need(1, 10, 5, 100), now)
    return lambda: state.ledger.settle(reservation, Need(1, 4, 3, 60), now)


def remembered(state: State) -> dict[str, float]:
    """Used and held, by limit: what a restart has to know."""
    now = state.clock.now()
    return {each.id: state.ledger.used(each, now) + state.ledger.held(each) for each in state.catalog.meters}


def restarted(folder: Path, clock: FakeClock) -> dict[str, float]:
    """What the next process knows."""
    state = state_of(clock)
    Persistence(folder, state).restore()
    return remembered(state)


async def begun(folder: Path, clock: FakeClock, yaml: str = YAML) -> tuple[State, Persistence]:
    state = state_of(clock, yaml)
    memory = Persistence(folder, state)
    memory.restore()
    await memory.begin()
    return state, memory


async def test_a_crash_forgets_nothing(tmp_path: Path, clock: FakeClock) -> None:
    """Before the first snapshot, between two, and again and again; what was under way counts as spent."""
    state, memory = await begun(tmp_path, clock)
    one(state)()
    one(state)
    await state.written()
    assert restarted(tmp_path, clock) == remembered(state) == {REQUESTS: 2, TOKENS: 22, COST: 160}
    await memory.save()
    one(state)()
    await state.written()
    assert restarted(tmp_path, clock) == remembered(state) == {REQUESTS: 3, TOKENS: 29, COST: 220}
    again, _ = await begun(tmp_path, clock)
    one(again)()
    await again.written()
    assert restarted(tmp_path, clock) == {REQUESTS: 4, TOKENS: 36, COST: 280}


async def test_an_end_leaves_one_snapshot_that_knows_all(tmp_path: Path, clock: FakeClock) -> None:
    state, memory = await begun(tmp_path, clock)
    one(state)()
    await memory.end()
    for journal in files(tmp_path, "journal.*"):
        journal.unlink()
    assert restarted(tmp_path, clock) == {REQUESTS: 1, TOKENS: 7, COST: 60}


async def test_old_journals_go_when_two_snapshots_know_them(tmp_path: Path, clock: FakeClock) -> None:
    """And a gateway at rest writes no new ones."""
    state, memory = await begun(tmp_path, clock)
    for _ in range(5):
        one(state)()
        await state.written()
        await memory.save()
    found = [path.name for path in files(tmp_path, "journal.*")]
    assert len(found) == 2
    await memory.save()
    await memory.save()
    assert [path.name for path in files(tmp_path, "journal.*")] == found


async def test_the_newest_snapshot_may_be_lost(tmp_path: Path, clock: FakeClock) -> None:
    """The one before it and its journals say the same."""
    state, memory = await begun(tmp_path, clock)
    for _ in range(3):
        one(state)()
        await memory.save()
    one(state)()
    await state.written()
    (tmp_path / "state.json").write_bytes(b"damaged")
    assert restarted(tmp_path, clock) == remembered(state)
    assert (tmp_path / "state.json.damaged-1").exists()


async def test_journals_alone_are_enough(tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """Where no snapshot could ever be written."""
    caplog.set_level(logging.INFO)
    state, _ = await begun(tmp_path, clock)
    one(state)()
    await state.written()
    for snapshot in files(tmp_path, "state*"):
        snapshot.unlink()
    assert restarted(tmp_path, clock) == remembered(state)
    assert "state restored: snapshot none, 3 changes replayed, 0 skipped, 0 files damaged" in caplog.text


async def test_what_is_damaged_is_named_and_set_aside(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    state, _ = await begun(tmp_path, clock)
    one(state)()
    await state.written()
    (journal,) = files(tmp_path, "journal.*")
    journal.write_bytes(journal.read_bytes() + b"x" * 20)
    size = journal.stat().st_size
    again, memory = await begun(tmp_path, clock)
    assert f"{journal}: 20 bytes at {size - 20} are damaged" in caplog.text
    assert remembered(again) == remembered(state)
    assert (tmp_path / f"{journal.name}.damaged").stat().st_size == size
    await memory.end()


async def test_a_newer_journal_refuses_the_start(tmp_path: Path, clock: FakeClock) -> None:
    """It is not overwritten."""
    (tmp_path / "journal.7").write_bytes(head(7, version=9))
    with pytest.raises(StartError, match="newer version"):
        Persistence(tmp_path, state_of(clock)).restore()


async def small(folder: Path, clock: FakeClock) -> list[dict[str, float]]:
    """Two snapshots and their journals; what was known after each turn of the loop."""
    state, memory = await begun(folder, clock)
    known = [remembered(state)]
    for turn in range(4):
        one(state)()
        await state.written()
        known.append(remembered(state))
        if turn == 1:
            await memory.save()
    return known


def bounds(known: list[dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    return known[-2], known[-1]


@pytest.mark.parametrize("name", ["state.json", "state.prev.json", "journal.1", "journal.2"])
async def test_one_flipped_bit_anywhere_loses_one_record_at_most(tmp_path: Path, clock: FakeClock, name: str) -> None:
    """Exhaustive: it always starts, knows what the last intact record says, and never more than was used."""
    folder = tmp_path / "whole"
    known = await small(folder, clock)
    least, most = bounds(known)
    assert restarted(folder, clock) == most
    data = (folder / name).read_bytes()
    hurt = tmp_path / "hurt"
    for bit in range(8 * len(data)):
        shutil.rmtree(hurt, ignore_errors=True)
        hurt.mkdir()
        for other in folder.iterdir():
            if other.name != name:
                os.link(other, hurt / other.name)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        (hurt / name).write_bytes(flipped)
        found = restarted(hurt, clock)
        assert all(least[id_] <= found[id_] <= most[id_] for id_ in most), (bit, found)


@pytest.mark.parametrize("name", ["state.json", "state.prev.json", "journal.1"])
async def test_one_file_cut_anywhere_is_made_good_by_the_others(tmp_path: Path, clock: FakeClock, name: str) -> None:
    """What is in no other file is the journal that is written."""
    folder = tmp_path / "whole"
    known = await small(folder, clock)
    data = (folder / name).read_bytes()
    for size in range(len(data)):
        (folder / name).write_bytes(data[:size])
        assert restarted(folder, clock) == known[-1]
        for aside in files(folder, "*.damaged*"):
            aside.unlink()


async def test_the_last_journal_cut_anywhere_knows_what_is_before_the_cut(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "whole"
    known = await small(folder, clock)
    data = (folder / "journal.2").read_bytes()
    found = []
    for size in range(len(data) + 1):
        (folder / "journal.2").write_bytes(data[:size])
        found.append(restarted(folder, clock))
    assert found[0] == found[SIZE] == known[2]
    assert found[-1] == known[-1]
    for before, after in pairwise(found):
        assert all(before[id_] <= after[id_] for id_ in after)


CALLS = ("open", "write", "fsync", "fdatasync", "replace", "link", "ftruncate", "mkdir")


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, at: int, code: int) -> Iterator[list[int]]:
    """Fail the `at`-th call to the disk; how many there were is in the list."""
    count = [0]

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            count[0] += 1
            if count[0] == at:
                raise OSError(code, os.strerror(code))
            return real(*args, **more)

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, guarded(getattr(os, name)))
        yield count


async def life(folder: Path, clock: FakeClock) -> tuple[State, Persistence]:
    """Some requests, some snapshots; without money, whose limits would let nobody pass."""
    state, memory = await begun(folder, clock, YAML.replace(", cost_per_day: 5", ""))
    for turn in range(4):
        one(state)()
        await state.written()
        if turn % 2:
            await memory.save()
    return state, memory


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "full"])
async def test_the_disk_may_fail_at_any_call(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Traffic goes on, what is shown heals, and the next restart is right."""
    with failing(monkeypatch, 0, code) as count:
        await life(tmp_path / "0", clock)
    assert count[0] > 20
    for at in range(1, count[0] + 1):
        folder = tmp_path / f"{at}"
        with failing(monkeypatch, at, code):
            state, memory = await life(folder, clock)
        assert remembered(state)[REQUESTS] == 4
        await memory.save()
        one(state)()
        await state.written()
        assert state.snapshot.error == ""
        found = restarted(folder, clock)
        assert {id_: found[id_] for id_ in remembered(state)} == remembered(state), at


async def test_while_nothing_can_be_written_cost_limits_let_nobody_pass(tmp_path: Path, clock: FakeClock) -> None:
    """Others do, unless told otherwise; it shows, and heals."""
    (tmp_path / "file").write_text("in the way")
    state, memory = await begun(tmp_path / "file", clock)
    assert state.snapshot.error == "File exists"
    with pytest.raises(LimitReachedError) as caught:
        one(state)
    assert [each.text for each in caught.value.shortfalls] == [
        "closed, since nothing can be written down (File exists)"
    ]
    assert [each.meter.id for each in caught.value.shortfalls] == [COST]
    requests = [each for each in state.catalog.meters if each.id == REQUESTS]
    state.ledger.reserve(requests, Need(), clock.now())
    (tmp_path / "file").unlink()
    await memory.save()
    assert state.snapshot.error == ""
    one(state)()


@pytest.mark.parametrize(
    ("server", "limit", "closed"),
    [("warn", "", False), ("deny", "", True), ("warn", "deny", True), ("deny", "warn", False)],
)
async def test_a_limit_says_itself_whether_it_closes(
    tmp_path: Path, clock: FakeClock, server: str, limit: str, *, closed: bool
) -> None:
    """Else the server says it."""
    more = f", on_persist_error: {limit}" if limit else ""
    yaml = YAML.replace("requests_per_day: 1000", f"requests_per_day: {{amount: 1000{more}}}")
    yaml += f"server: {{snapshot: {{on_persist_error: {server}}}}}\n"
    (tmp_path / "file").write_text("in the way")
    state, _ = await begun(tmp_path / "file", clock, yaml)
    requests = [each for each in state.catalog.meters if each.id == REQUESTS]
    assert bool(state.ledger.shortfalls(requests, Need(), clock.now())) is closed


async def test_what_is_not_needed_is_never_closed(tmp_path: Path, clock: FakeClock) -> None:
    """A free answer passes a budget that cannot be written down."""
    (tmp_path / "file").write_text("in the way")
    state, _ = await begun(tmp_path / "file", clock)
    assert state.ledger.shortfalls(state.catalog.meters, Need(1, 5, 5), clock.now()) == ()


async def test_many_counters_are_read_between_other_work(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no stream waits for the snapshot; what changes meanwhile is in the journal."""
    monkeypatch.setattr("gateway.app.persistence.SLICE", 1)
    state, memory = await begun(tmp_path, clock)
    one(state)()
    turns = 0

    async def work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)
            if turns == 2:
                one(state)()

    working = asyncio.ensure_future(work())
    await memory.save()
    working.cancel()
    assert turns > 2
    await state.written()
    assert restarted(tmp_path, clock) == remembered(state)


async def test_loops_keep_it_written_and_synced(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As often as the configuration says, whatever it says later."""
    yaml = YAML + "server: {snapshot: {every: 1ms, fsync: 1ms}}\n"
    monkeypatch.setattr("gateway.app.persistence.HISTORY_EVERY_S", 0.001)
    state, memory = await begun(tmp_path, clock, yaml)
    loops = [asyncio.ensure_future(each) for each in (memory.keep(), memory.keep_synced(), memory.keep_history())]
    one(state)()
    async with asyncio.timeout(10):
        while not files(tmp_path, "history.json") or not remembered_in(tmp_path):  # noqa: ASYNC110 - files set no event
            await asyncio.sleep(0.001)
    never = yaml.replace("fsync: 1ms", "fsync: never")
    state.catalog = state_of(clock, never).catalog
    await asyncio.sleep(0.005)
    for each in loops:
        each.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    assert restarted(tmp_path, clock) == remembered(state)
