"""Golden files of every format there ever was, read by today's program."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import FakeClock
from gateway.limits.ledger import Ledger
from gateway.storage.migrations import HISTORY, STATE, migrated, version
from gateway.storage.snapshot import Snapshots

GOLDEN = Path(__file__).parent / "golden"
USED = {
    "model:p/m:requests_per_minute": 1,
    "model:p/m:tokens_per_5h": 765,
    "model:p/m:requests_per_day": 4,
    "model:p/m:tokens_per_3h": 765,
    "model:p/m:cost_per_month": 3010,
    "model:p/m:concurrent_requests": 0,
}
"""Three requests were answered and one was under way when the files were written."""


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("state-v*.json")), ids=lambda file: file.stem)
def test_a_state_of_every_version_is_read(file: Path, tmp_path: Path) -> None:
    """Every kind of limit, and what was held counts as used."""
    shutil.copy(file, tmp_path / "state.json")
    loaded = Snapshots(tmp_path).load()
    assert (loaded.problems, loaded.saved_at) == ((), 1767269100.0)
    assert loaded.dump
    clock = FakeClock(wall=1767269100.0)
    ledger = Ledger()
    ledger.restore(loaded.dump["ledger"], [], clock.now())
    again = ledger.dump(clock.now())
    meters = {id_: entry["meter"] for id_, entry in loaded.dump["ledger"].items()}
    assert set(meters) == set(USED)
    assert {id_ for id_ in USED if USED[id_]} == set(again)
    found = dict.fromkeys(USED, 0.0) | {id_: sum_of(entry) for id_, entry in again.items()}
    assert found == USED


def sum_of(entry: Any) -> float:
    """What the values of a dumped counter say is used."""
    algorithm, values = entry["meter"]["rule"]["algorithm"], entry["values"]
    used: float = {"rolling": sum(values[2::2]), "calendar": values[1]}.get(algorithm, values[0])
    return used


def test_there_is_a_golden_file_of_every_version() -> None:
    """Whoever changes the format adds one."""
    assert [file.stem for file in sorted(GOLDEN.iterdir())] == [f"state-v{n + 1}" for n in range(version(STATE))]


def test_today_is_as_it_is() -> None:
    dump: dict[str, Any] = {"ledger": {"x": {"meter": {"rule": {"algorithm": "rolling"}}, "values": [5, 1.0, 2]}}}
    assert migrated(STATE, version(STATE), dump)["ledger"]["x"]["values"] == [5, 1.0, 2]
    assert migrated(HISTORY, version(HISTORY), {"any": 1}) == {"any": 1}


def test_an_empty_rolling_window_stays_empty() -> None:
    dump: dict[str, Any] = {"ledger": {"x": {"meter": {"rule": {"algorithm": "rolling"}}, "values": []}}}
    assert migrated(STATE, 1, dump)["ledger"]["x"]["values"] == []


@pytest.mark.parametrize("dump", [{}, {"ledger": []}, {"ledger": {"x": 1}}, {"ledger": {"x": {"meter": None}}}])
def test_what_only_says_it_is_of_a_version_is_refused(dump: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not of version 1"):
        migrated(STATE, 1, dump)
