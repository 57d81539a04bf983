"""The load in words and numbers."""

import pytest

from gateway.catalog.schema import Server
from gateway.clock import FakeClock
from gateway.overload import Load
from gateway.server.loads import load_status, load_text, shortage
from gateway.state import State

from .conftest import make_state
from .house import catalog


def loaded(clock: FakeClock, load: Load, **server: int) -> State:
    """A state under this load, with these caps."""
    state = make_state(clock, catalog(server=Server(**server)))  # type: ignore[arg-type]  # the fields are all numbers
    state.load = load
    return state


def test_a_quiet_process(clock: FakeClock) -> None:
    """No cap, no stall and no measure are null, not zero."""
    assert load_status(loaded(clock, Load())) == {
        "state": "ok",
        "connections": 0,
        "max_connections": None,
        "requests": 0,
        "max_concurrent_requests": None,
        "memory_bytes": None,
        "max_memory": None,
        "refused": {"connections": 0, "requests": 0},
        "slow_clients": 0,
        "loop": {
            "late": {
                "under_0.01s": 0,
                "under_0.05s": 0,
                "under_0.1s": 0,
                "under_0.25s": 0,
                "under_1s": 0,
                "over_1s": 0,
            },
            "last_stall": None,
        },
    }
    assert load_text(loaded(clock, Load())) == "0 connections · event loop on time"


def test_a_bad_day(clock: FakeClock) -> None:
    """Caps, refusals and the last stall, each with its number."""
    load = Load(
        connections=12,
        max_connections=20,
        memory_bytes=96_000_000,
        refused_connections=3,
        refused_requests=4,
        slow_clients=5,
    )
    for late_s in (0.0, 0.15, 1.2345):
        load.lateness.add(late_s, clock.now().wall)
    state = loaded(clock, load, max_memory=2**30, max_concurrent_requests=7)
    found = load_status(state)
    assert (found["connections"], found["max_connections"]) == (12, 20)
    assert (found["memory_bytes"], found["max_memory"], found["max_concurrent_requests"]) == (96_000_000, 2**30, 7)
    assert (found["refused"], found["slow_clients"]) == ({"connections": 3, "requests": 4}, 5)
    assert list(found["loop"]["late"].values()) == [1, 0, 0, 1, 0, 1]
    assert found["loop"]["last_stall"] == {"at": "2026-01-31T23:59:30.000Z", "seconds": 1.234}
    assert load_text(state) == (
        "12 connections · 96 MB · 7 refused for want of room · "
        "event loop over 100 ms late: 2, over 1 s: 1, last 1.23 s at 23:59:30"
    )


@pytest.mark.parametrize(
    ("load", "server", "running", "why"),
    [
        pytest.param(Load(memory_bytes=79), {"max_memory": 100}, 0, "", id="memory left"),
        pytest.param(
            Load(memory_bytes=81), {"max_memory": 100}, 0, "memory at 81 % of server.max_memory", id="no memory"
        ),
        pytest.param(
            Load(connections=1500, max_connections=1500), {}, 0, "all 1,500 connections are in use", id="connections"
        ),
        pytest.param(Load(), {"max_concurrent_requests": 2}, 1, "", id="a place left"),
        pytest.param(
            Load(),
            {"max_concurrent_requests": 2},
            2,
            "all 2 requests of server.max_concurrent_requests are running",
            id="no place",
        ),
    ],
)
def test_what_runs_short_is_named(clock: FakeClock, load: Load, server: dict[str, int], running: int, why: str) -> None:
    """Empty while nobody is turned away."""
    state = loaded(clock, load, **server)
    state.running = running
    assert shortage(state) == why
    assert load_status(state)["state"] == ("shedding" if why else "ok")
