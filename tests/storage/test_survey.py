"""A folder that a crash left, looked at."""

from pathlib import Path

import pytest

from gateway.app.persistence import Persistence
from gateway.catalog.compile import compile_text
from gateway.clock import Clock, FakeClock
from gateway.limits.ledger import Need
from gateway.state import ConfigStatus, State
from gateway.storage.journal_format import head
from gateway.storage.snapshot import encode
from gateway.storage.survey import Count, survey

YAML = """
providers:
  p: {base_url: https://p.test/v1, api_key: k, models: {m: {price: free, limits: {requests_per_day: 1000}}}}
"""
ID = "model:p/m:requests_per_day"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def crashed(folder: Path, yaml: str, clock: Clock) -> State:
    """A gateway that ended in the middle of its second request."""
    catalog = compile_text(yaml, file="gateway.yaml", lookup=lambda _: None, presets={})
    state = State(catalog, clock, ConfigStatus(path="gateway.yaml", env_file="", loaded_at=0.0, hash=""))
    memory = Persistence(folder, state)
    memory.restore()
    await memory.begin()
    for ends in (True, False):
        now = clock.now()
        reservation = state.ledger.reserve(catalog.meters, Need(1, 10, 5, 1_000_000_000), now)
        await state.written()
        if ends:
            state.ledger.settle(reservation, Need(1, 10, 5, 500_000_000), now)
    await state.written()
    return state


async def test_a_folder_is_read_and_left_as_it_is(tmp_path: Path, clock: FakeClock) -> None:
    """What is damaged is named, not renamed; what is older is named too."""
    state = await crashed(tmp_path, YAML, clock)
    (tmp_path / "state.prev.json").write_bytes(b"x")
    (tmp_path / "journal.0").write_bytes(head(0))
    (tmp_path / "journal.2").write_bytes(b"x" * 60)
    names = names_in(tmp_path)
    found = survey(tmp_path, state.catalog.meters, clock.now())
    assert found.files == (
        ("state.json", "format 2, snapshot 1, 0 s old, followed by journal 1"),
        ("state.prev.json", "cannot be used: its checksum is wrong"),
        ("journal.1", "2 records"),
        ("journal.2", "0 records, its first line is damaged, 12 bytes at 48 are damaged"),
        ("journal.0", "older than the snapshot"),
    )
    assert found.limits == (Count(id=ID, used=1, held=1, amount=1000, unit="requests"),)
    assert (found.replayed, found.skipped) == (2, 0)
    assert names_in(tmp_path) == names


@pytest.mark.parametrize("file", ["state.json", "journal.1"])
async def test_a_newer_file_is_named(tmp_path: Path, clock: FakeClock, file: str) -> None:
    state = await crashed(tmp_path, YAML, clock)
    if file == "journal.1":
        (tmp_path / file).write_bytes(head(1, version=9))
        assert "newer version" in survey(tmp_path, [], clock.now()).files[-2][1]
    else:
        (tmp_path / file).write_bytes(encode(b"{}", gen=9, saved_wall=0.0, version=9))
        assert "newer version" in survey(tmp_path, state.catalog.meters, clock.now()).files[0][1]
