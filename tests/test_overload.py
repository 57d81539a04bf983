"""What the process can bear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.overload import LATE_S, Lateness, Load, Seldom, room_for


@pytest.mark.parametrize(
    ("late_s", "place"),
    [(0.0, 0), (0.009, 0), (0.01, 1), (0.05, 2), (0.1, 3), (0.25, 4), (0.999, 4), (1.0, 5), (60.0, 5)],
)
def test_a_heartbeat_is_counted_in_its_place(late_s: float, place: int) -> None:
    """Borders belong to the place above."""
    lateness = Lateness()
    lateness.add(late_s, at=100.0)
    assert lateness.counts == [int(each == place) for each in range(6)]


def test_the_last_stall_is_remembered() -> None:
    """From a tenth of a second on: what is less, nobody sees."""
    lateness = Lateness()
    lateness.add(0.099, at=100.0)
    assert lateness == Lateness(counts=[0, 0, 1, 0, 0, 0])
    lateness.add(1.5, at=101.0)
    lateness.add(0.2, at=102.0)
    lateness.add(0.0, at=103.0)
    assert (lateness.stall_s, lateness.stall_at) == (0.2, 102.0)


@given(st.lists(st.floats(0, 10)))
def test_at_least_is_what_one_would_count(late: list[float]) -> None:
    """The histogram loses nothing at its borders."""
    lateness = Lateness()
    for each in late:
        lateness.add(each, at=0.0)
    assert [lateness.at_least(border) for border in LATE_S] == [
        sum(each >= border for each in late) for border in LATE_S
    ]


def test_no_cap_is_never_full() -> None:
    """0 is no cap, for connections; None for memory."""
    load = Load(connections=10**6, memory_bytes=10**12)
    assert not load.full
    assert load.memory_share(None) == 0.0
    assert not load.shedding(None)


def test_full_is_one_before_too_many() -> None:
    """The cap is the most there may be."""
    assert not Load(connections=9, max_connections=10).full
    assert Load(connections=10, max_connections=10).full


@pytest.mark.parametrize(("memory_bytes", "sheds"), [(79, False), (80, True), (200, True)])
def test_requests_are_shed_from_80_per_cent_of_the_memory(memory_bytes: int, *, sheds: bool) -> None:
    """What is running may still grow."""
    assert Load(memory_bytes=memory_bytes).shedding(100) is sheds


@pytest.mark.parametrize(
    ("max_connections", "open_files", "room"),
    [
        pytest.param(10_000, 1_048_576, 10_000, id="plenty of files"),
        pytest.param(10_000, 1024, 480, id="few files"),
        pytest.param(0, 1024, 480, id="few files and no cap"),
        pytest.param(100, 1024, 100, id="a lower cap"),
        pytest.param(10_000, 40, 1, id="hardly a file"),
        pytest.param(10_000, -1, 10_000, id="files without bound"),
        pytest.param(0, -1, 0, id="nothing is bounded"),
    ],
)
def test_each_connection_may_need_a_second_file(max_connections: int, open_files: int, room: int) -> None:
    """64 files are spared, and half of the rest is for providers."""
    assert room_for(max_connections, open_files) == room


def test_one_of_many_lines_is_let_through() -> None:
    """And it says how many there were since the last."""
    seldom = Seldom(every_s=10)
    assert [seldom.due(now) for now in (100.0, 100.1, 109.9, 110.0, 110.0, 125.0)] == [0, None, None, 2, None, 1]
