"""What was served over time, by name and window."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import FakeClock, Moment
from gateway.history import WINDOWS, By, History
from gateway.history.tally import OTHER

from .requests import NOON, ended

DAY_S = 86_400


def at(wall: float) -> Moment:
    """A moment."""
    return FakeClock(wall).now()


def asked(history: History, window: str, now: float = NOON, by: By = "model") -> dict[str, list[int]]:
    """Requests by name, from the first step in which there were any."""
    reading = history.read(by, window, at(now))
    return {name: [tally.requests for tally in tallies] for name, tallies in reading.series.items()}


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_has_all_of_its_steps(window: str) -> None:
    """The last one holds this instant; steps without traffic are zero."""
    history, shape = History("UTC"), WINDOWS[window]
    history.add(ended("ok"))
    reading = history.read("provider", window, at(NOON + 0.5))
    assert (reading.step_s, len(reading.starts)) == (shape.step_s, shape.points)
    assert reading.starts[-1] <= NOON < reading.starts[-1] + shape.step_s
    steps = {later - earlier for earlier, later in pairwise(reading.starts)}
    assert steps == {shape.step_s}
    assert [tally.requests for tally in reading.series["groq"]] == [*[0] * (shape.points - 1), 1]
    assert reading.totals()["groq"].attempts == 1


@pytest.mark.parametrize("window", WINDOWS)
def test_what_is_older_than_the_window_is_not_in_it(window: str) -> None:
    """Nor what is not yet: a clock that was set back leaves some in the future."""
    history, shape = History("UTC"), WINDOWS[window]
    length = shape.points * shape.step_s
    history.add(ended("ok", at=NOON - length))
    history.add(ended("ok", at=NOON + shape.step_s))
    assert asked(history, window) == {}
    history.add(ended("ok", at=NOON - length + shape.step_s))
    assert asked(history, window)["groq/llama"][0] == 1


@given(st.lists(st.integers(0, 599), max_size=40))
def test_short_windows_agree(ago_s: list[int]) -> None:
    """Each tells the requests of its time, whatever its steps."""
    history = History("UTC")
    for ago in sorted(ago_s, reverse=True):
        history.add(ended("ok", at=NOON + 599 - ago))
    for window, length in (("1m", 60), ("5m", 300), ("10m", 600)):
        counts = asked(history, window, NOON + 599).get("groq/llama", [])
        assert sum(counts) == sum(ago < length for ago in ago_s)


def test_names_are_sorted_by_their_traffic() -> None:
    """The busiest first; among equals by name."""
    history = History("UTC")
    for client in ("b", "a", "c", "c"):
        history.add(ended("ok", client=client))
    assert list(asked(history, "1m", by="client")) == ["c", "a", "b"]


def test_days_are_those_of_the_zone() -> None:
    """23:30 UTC is tomorrow in Kolkata, where midnight falls on half past six in the evening."""
    history, late = History("Asia/Kolkata"), NOON + 11.5 * 3600
    history.add(ended("ok", at=NOON))
    history.add(ended("ok", at=late))
    assert asked(history, "30d", late)["groq/llama"][-2:] == [1, 1]
    starts = history.read("model", "30d", at(late)).starts
    assert {datetime.fromtimestamp(each, ZoneInfo("Asia/Kolkata")).strftime("%H:%M") for each in starts} == {"00:00"}


def test_days_have_their_own_length_when_clocks_change() -> None:
    """25 hours on the last Sunday of October, and no day twice."""
    history = History("Europe/Berlin")
    starts = history.read("model", "30d", at(NOON)).starts
    assert {later - earlier for earlier, later in pairwise(starts)} == {DAY_S, DAY_S + 3600}
    assert len(set(starts)) == 30


def test_another_zone_applies_from_then_on() -> None:
    """What was yesterday stays yesterday."""
    history, late = History("UTC"), NOON + 11.5 * 3600
    history.add(ended("ok", at=late))
    history.use("Europe/Berlin")
    history.add(ended("ok", at=late + 60))
    assert asked(history, "30d", late + 60)["groq/llama"][-2:] == [1, 1]


def test_it_survives_a_restart_through_json() -> None:
    """As the file keeps it, bytes as base64; and goes on counting."""
    history, later = History("UTC"), History("UTC")
    for ago in (400 * DAY_S, 20 * DAY_S, 7200, 90, 0):
        history.add(ended("503", "ok", at=NOON - ago, client="aider"))
    later.restore(msgspec.json.decode(msgspec.json.encode(history.dump())))
    for each in (history, later):
        each.add(ended("ok", at=NOON + 1, client="aider"))
    for by in ("provider", "model", "client"):
        for window in WINDOWS:
            assert later.read(by, window, at(NOON + 1)) == history.read(by, window, at(NOON + 1))
    assert later.dump() == history.dump()


@pytest.mark.parametrize(
    "dump",
    [
        pytest.param([], id="no map"),
        pytest.param({"key": {}}, id="another kind"),
        pytest.param({"model": {"a": {"second": ""}}}, id="rings are missing"),
        pytest.param({"model": {"a": {"second": "AAAA"}}}, id="half a slot"),
        pytest.param({"model": {"a": dict.fromkeys(("second", "minute", "hour", "day", "last"), "")}}, id="no day"),
    ],
)
def test_what_is_no_history_is_refused(dump: object) -> None:
    """And what was there stays."""
    history = History("UTC")
    history.add(ended("ok"))
    with pytest.raises(ValueError, match="no history"):
        history.restore(dump)
    assert asked(history, "1m") == {"groq/llama": [*[0] * 59, 1]}


# -- bounded memory ------------------------------------------------------------------------------------------------


@pytest.fixture
def two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for two names of a kind."""
    monkeypatch.setattr("gateway.history.history.MOST_SERIES", {"provider": 2, "model": 2, "client": 2})


@pytest.mark.usefixtures("two_names")
def test_names_without_end_are_counted_under_other() -> None:
    """A wildcard takes names from clients."""
    history = History("UTC")
    for name in "abcda":
        history.add(ended("ok", route=f"groq/{name}"))
    found = {name: sum(counts) for name, counts in asked(history, "1m").items()}
    assert found == {"groq/a": 2, "groq/b": 1, OTHER: 2}


@pytest.mark.usefixtures("two_names")
def test_a_name_of_today_takes_the_place_of_the_one_unused_for_longest() -> None:
    """Whose numbers go on under `other`. What is in use today keeps its place."""
    history = History("UTC")
    for days, name in enumerate("abcd"):
        history.add(ended("ok", route=f"groq/{name}", at=NOON + days * DAY_S))
    history.add(ended("ok", route="groq/c", at=NOON + 3 * DAY_S))
    history.add(ended("ok", route="groq/e", at=NOON + 3 * DAY_S))
    found = asked(history, "30d", NOON + 3 * DAY_S)
    assert {name: counts[-4:] for name, counts in found.items()} == {
        OTHER: [1, 1, 0, 1],
        "groq/c": [0, 0, 1, 1],
        "groq/d": [0, 0, 0, 1],
    }


def test_what_no_window_shows_is_forgotten() -> None:
    """Seconds after ten minutes, minutes after a day; hours and days stay."""
    history = History("UTC")
    for ago in range(2000, -1, -1):
        history.add(ended("ok", at=NOON - ago))
    history.forget(at(NOON + 1000))
    [rings] = history.dump()["provider"].values()
    assert len(rings["second"]) == 72
    assert sum(asked(history, "60m")["groq/llama"]) == 2001
    history.forget(at(NOON + 2 * DAY_S))
    assert asked(history, "24h", NOON) == asked(history, "24h", NOON + 1)
    assert sum(asked(history, "7d", NOON + 2 * DAY_S)["groq/llama"]) == 2001


def test_the_fullest_rings_lose_their_oldest_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only if there are too many in all, and then sparse ones keep theirs."""
    monkeypatch.setattr("gateway.history.history.MOST_SLOTS", 60)
    history = History("UTC")
    for second in range(100):
        history.add(ended("ok", at=NOON + second))
    history.forget(at(NOON + 100))
    slots = [
        len(ring) // 72 for names in history.dump().values() for rings in names.values() for ring in rings.values()
    ]
    assert 40 < sum(slots) <= 60
    assert sum(asked(history, "60m", NOON + 100)["groq/llama"]) == 100
