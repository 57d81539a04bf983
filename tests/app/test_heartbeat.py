"""How late the event loop is, and what it is stuck in."""

import asyncio
import re
import sys
import threading

import pytest

from gateway.app.heartbeat import BEAT_S, Heartbeat, _places
from gateway.clock import FakeClock
from gateway.overload import Lateness


class Time:
    """Seconds that go on when the test says so."""

    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        """What a clock shows."""
        return self.now


@pytest.fixture
def time() -> Time:
    """At second 500 of some clock."""
    return Time()


@pytest.fixture
def lateness() -> Lateness:
    """Nothing counted yet."""
    return Lateness()


@pytest.fixture
def heart(lateness: Lateness, clock: FakeClock, time: Time) -> Heartbeat:
    """Has just begun to beat, in this thread."""
    return Heartbeat(lateness, clock, time)


def test_beats_on_time_are_counted_and_not_told(
    heart: Heartbeat, lateness: Lateness, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """Nine in the first place of the histogram, one 60 ms late; the log is for stalls."""
    for late_s in [0.0] * 9 + [0.06]:
        time.now += BEAT_S + late_s
        heart.beat()
    assert (lateness.counts, lateness.stall_s) == ([9, 0, 1, 0, 0, 0], None)
    assert caplog.text == ""


def test_a_stall_is_measured_and_told_once_in_a_while(
    heart: Heartbeat, lateness: Lateness, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """Each in the histogram, the last with its moment, and one line for ten seconds of them."""
    for _ in range(20):
        time.now += BEAT_S + 0.25
        heart.beat()
    time.now += 10
    heart.beat()
    assert lateness.counts[4:] == [20, 1]
    assert lateness.stall_s == pytest.approx(9.9)
    assert lateness.stall_at == 1769903970.0
    assert re.findall(r"stood still for .*", caplog.text) == [
        "stood still for 0.25 s (0 more stalls since the last line)",
        "stood still for 9.90 s (19 more stalls since the last line)",
    ]


def test_where_it_is_stuck_is_told_once_per_stall(
    heart: Heartbeat, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """Functions and lines; not a word of what the lines say, nor of what they hold."""
    secret = "sk-in-a-local-variable"
    time.now += 0.9
    assert [heart.look()] == [False]
    time.now += 0.2
    assert [heart.look(), heart.look()] == [True, False]
    heart.beat()
    time.now += 5
    assert [heart.look()] == [True]
    lines = re.findall(r"stuck for .*", caplog.text)
    assert [line.partition(",")[0] for line in lines] == ["stuck for 1.1 s", "stuck for 5.0 s"]
    assert re.search(r"test_where_it_is_stuck_is_told_once_per_stall \(\S+test_heartbeat:\d+\)", lines[0])
    assert secret not in caplog.text
    assert "heart.look()" not in caplog.text


def test_a_deep_stack_is_cut() -> None:
    """Forty places say enough; and a shallow one ends by itself."""

    def deeper(levels: int) -> list[str]:
        if levels:
            return deeper(levels - 1)
        return list(_places(sys._getframe()))

    assert len(deeper(100)) == 40
    assert list(_places(None)) == []


async def test_it_beats_in_the_loop(lateness: Lateness, clock: FakeClock) -> None:
    """Every tenth of a second."""
    heart = Heartbeat(lateness, clock, asyncio.get_running_loop().time)
    task = asyncio.ensure_future(heart.run())
    async with asyncio.timeout(10):
        while sum(lateness.counts) < 2:  # noqa: ASYNC110 - numbers set no event
            await asyncio.sleep(0.01)
    task.cancel()


def test_the_thread_looks_and_ends(lateness: Lateness, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """Beside a loop that is stuck: here, one that never beat since the start."""
    looked = threading.Event()
    shown = iter([0.0])

    def time() -> float:
        if (first := next(shown, None)) is not None:
            return first
        looked.set()
        return 2.0

    with Heartbeat(lateness, clock, time).watched():
        assert looked.wait(10)
    assert "the event loop is stuck for 2.0 s, in: " in caplog.text
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}


async def test_a_loop_that_is_really_stuck(
    lateness: Lateness, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing played: a function that blocks is named while it does, and measured when it has ended."""
    heart = Heartbeat(lateness, clock, asyncio.get_running_loop().time)
    with heart.watched():
        task = asyncio.ensure_future(heart.run())
        await asyncio.sleep(0)
        _block()
        assert "_block (" in caplog.text
        async with asyncio.timeout(10):
            while lateness.stall_s is None:  # noqa: ASYNC110 - numbers set no event
                await asyncio.sleep(0.01)
        task.cancel()
    assert 1.5 < lateness.stall_s < 10
    assert caplog.text.count("the event loop is stuck for 1.") == 1


def _block() -> None:
    threading.Event().wait(1.7)
