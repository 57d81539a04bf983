"""How much memory there is, and what is given up for it."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app import memory
from gateway.app.memory import MemoryGuard, resident_bytes
from gateway.catalog.schema import Server
from gateway.clock import FakeClock
from gateway.state import State
from tests.server.conftest import make_state
from tests.server.house import catalog


@pytest.fixture
def state(clock: FakeClock) -> State:
    """A process that may hold a thousand bytes."""
    return make_state(clock, catalog(server=Server(max_memory=1000)))


def test_resident_memory_is_that_of_this_process() -> None:
    """A Python with its tests holds more than 10 MB, and what it allocates now is in it."""
    before = resident_bytes()
    ballast = bytearray(b"x" * 50_000_000)
    assert before > 10_000_000
    assert resident_bytes() - before > 0.9 * len(ballast)


def test_where_the_system_does_not_tell_it_is_0(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No /proc: then `max_memory` does nothing, and says so in its description."""
    monkeypatch.setattr(memory, "_STATM", tmp_path / "statm")
    assert resident_bytes() == 0


def test_what_is_given_up_and_when(state: State, caplog: pytest.LogCaptureFixture) -> None:
    """From 80 % on requests, from 90 % on idle connections; a line when it begins and when it is over."""
    caplog.set_level(logging.INFO)
    measured: Iterator[int] = iter([799, 800, 899, 900, 950, 700])
    closed: list[int] = []
    guard = MemoryGuard(state, lambda: closed.append(state.load.memory_bytes), lambda: next(measured))
    shedding = []
    for _ in range(6):
        guard.look()
        shedding.append(state.load.shedding(1000))
    assert shedding == [False, True, True, True, True, False]
    assert closed == [900, 950]
    assert [record.getMessage() for record in caplog.records] == [
        "memory at 80 % of server.max_memory: no new requests are taken until it falls",
        "memory at 70 % of server.max_memory: requests are taken again",
    ]


async def test_it_looks_by_itself(state: State) -> None:
    """At once, so that `/health` knows from the start."""
    task = asyncio.ensure_future(MemoryGuard(state, lambda: None).run())
    await asyncio.sleep(0)
    assert state.load.memory_bytes > 10_000_000
    task.cancel()
