"""Rings of one name: sparse, bounded, and the same after a restart."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.history.rings import KEPT, RECORD_BYTES, Ring, Series
from gateway.history.tally import Tally
from gateway.history.windows import RingName

NOON = 1_795_176_000
FRIDAY = 739_940
"""The ordinal of 2026-11-20."""


def day_of(second: int) -> int:
    """In UTC."""
    return 719_163 + second // 86_400


def asked(series: Series, ring: RingName, first: int = 0) -> dict[int, int]:
    """Requests by slot."""
    found: Counter[int] = Counter()
    for index, tally in series.slots(ring, first):
        found[index] += tally.requests
    return dict(found)


def after(seconds: list[int]) -> Series:
    """A request in each of these."""
    series = Series()
    for second in seconds:
        series.at(second, day_of(second)).requests += 1
    return series


def test_a_request_is_in_every_ring_at_once() -> None:
    """The open second counts for its minute, hour and day before it is over."""
    series = after([NOON])
    assert day_of(NOON) == series.day == FRIDAY
    assert asked(series, "second") == {NOON: 1}
    assert asked(series, "minute") == {NOON // 60: 1}
    assert asked(series, "hour") == {NOON // 3600: 1}
    assert asked(series, "day") == {FRIDAY: 1}


def test_slots_in_which_nothing_happened_take_no_room() -> None:
    """Two seconds an hour apart are two slots each, and one day."""
    series = after([NOON, NOON + 3600])
    assert [len(ring) for ring in series.rings.values()] == [2, 1, 0, 0]  # what is open has not joined the rest yet
    assert asked(series, "hour") == {NOON // 3600: 1, NOON // 3600 + 1: 1}
    assert asked(series, "day") == {FRIDAY: 2}


def test_only_what_is_asked_for_is_read() -> None:
    """From a slot on, open or closed."""
    series = after([NOON, NOON + 60, NOON + 120])
    assert asked(series, "minute", NOON // 60 + 1) == {NOON // 60 + 1: 1, NOON // 60 + 2: 1}
    assert asked(series, "day", FRIDAY + 1) == asked(series, "second", NOON + 121) == {}


@given(st.lists(st.integers(NOON - 90_000, NOON + 90_000), max_size=60))
def test_every_ring_adds_up(seconds: list[int]) -> None:
    """Whatever the clock does, forth and back: rings differ in their slots only."""
    series = after(seconds)
    assert asked(series, "second") == dict(Counter(seconds))
    assert asked(series, "minute") == dict(Counter(second // 60 for second in seconds))
    assert asked(series, "hour") == dict(Counter(second // 3600 for second in seconds))
    assert asked(series, "day") == dict(Counter(day_of(second) for second in seconds))


@given(st.lists(st.integers(NOON, NOON + 7300), max_size=30), st.lists(st.integers(NOON, NOON + 7300), max_size=30))
def test_a_restart_in_between_changes_nothing(before: list[int], later: list[int]) -> None:
    """The open slots go on where they were."""
    restored, whole = Series(), after(before + later)
    restored.restore(after(before).dump())
    for second in later:
        restored.at(second, day_of(second)).requests += 1
    assert restored.dump() == whole.dump()


@given(st.lists(st.integers(NOON, NOON + 7300), min_size=1), st.lists(st.integers(NOON, NOON + 7300), min_size=1))
def test_another_name_can_join(mine: list[int], others: list[int]) -> None:
    """Nothing is lost, and counting goes on."""
    series = after(mine)
    series.join(after(others))
    series.at(NOON + 7301, FRIDAY).requests += 1
    for ring, length in (("second", 1), ("minute", 60), ("hour", 3600)):
        expected = Counter(second // length for second in [*mine, *others, NOON + 7301])
        assert asked(series, ring) == dict(expected)  # type: ignore[arg-type]  # the loop widens the words to str


def test_a_ring_never_holds_more_than_it_should() -> None:
    """Not even when a clock is set back again and again, which opens the same slots anew."""
    ring = Ring(4)
    for index in [1, 2, 3] * 10:
        ring.at(index).requests += 1
    assert len(ring) == 4
    ring.join((index, Tally()) for index in range(10))
    assert len(ring) == 4


def test_what_is_too_old_is_forgotten() -> None:
    """And of what is left, the oldest of more than there is room for. The open slot stays."""
    ring = Ring(10)
    for index in range(1, 9):
        ring.at(index).requests += 1
    ring.forget(12, 10)
    assert [index for index, _ in ring.slots(0)] == [3, 4, 5, 6, 7, 8]
    ring.forget(12, 3)
    assert [index for index, _ in ring.slots(0)] == [6, 7, 8]
    ring.forget(100, 10)
    assert [index for index, _ in ring.slots(0)] == [8]
    Ring(10).forget(12, 10)


def test_absurd_figures_are_cut_and_not_fatal() -> None:
    """An upstream says what it likes of its cost; the other numbers stay as they are."""
    ring = Ring(10)
    ring.at(1).add(Tally(requests=7, cost_nanousd=10**30, input=-5))
    ring.at(2)
    [first, _] = [tally for _, tally in ring.slots(0)]
    assert (first.requests, first.cost_nanousd, first.input) == (7, 2**64 - 1, 0)


def test_a_slot_is_72_bytes() -> None:
    """What memory and file are reckoned by."""
    assert RECORD_BYTES == 72
    assert len(after([NOON]).dump()["second"]) == 72
    assert sum(KEPT.values()) * RECORD_BYTES < 450_000


def test_half_a_slot_is_no_dump() -> None:
    """Nor is one without all of its rings."""
    with pytest.raises(ValueError, match="71 bytes are no whole number of slots"):
        Ring(10).restore(b"x" * 71)
    with pytest.raises(KeyError):
        Series().restore({"second": b""})
