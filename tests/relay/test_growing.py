"""When a hold looks at its answer."""

import asyncio

import pytest

from gateway.dialects.taps import UsageTap
from gateway.limits.learned import Pace
from gateway.relay.growing import Growing
from tests.fakes import event


def words(tokens: int) -> bytes:
    """An event whose text is estimated at so many tokens."""
    return event(choices=[{"index": 0, "delta": {"content": "1234" * tokens}}])


def growing(pace: Pace | None = None, choices: int = 1) -> tuple[Growing, list[float]]:
    """With the lengths that it has told."""
    told: list[float] = []
    return Growing(UsageTap(), told.append, pace or Pace(), choices), told


def test_a_stream_is_looked_at_whenever_it_is_a_quarter_longer() -> None:
    """At 64 tokens and then at 80, 100 ...: thirteen looks for a thousand tokens, however small its events."""
    grows, told = growing()
    for _ in range(1000):
        grows.feed(words(1))
    assert told[:4] == [64, 80, 100, 125]
    assert len(told) == 13


def test_one_large_event_is_one_look() -> None:
    """At what is out by then; nothing is told before 64 tokens are."""
    grows, told = growing()
    grows.feed(words(63))
    assert told == []
    grows.feed(words(937))
    grows.feed(words(240))
    grows.feed(words(9))
    assert told == [1000]
    grows.feed(words(1))
    assert told == [1000, 1250]


def test_what_is_seen_counts_as_what_it_usually_comes_to() -> None:
    """Of a model that reports two tokens for each that was estimated; of two choices each has half."""
    grows, told = growing(Pace(reported=200, seen=100))
    grows.feed(words(32))
    assert told == [64]
    grows, told = growing(Pace(reported=200, seen=100), choices=2)
    grows.feed(words(64))
    assert told == [64]


async def test_an_answer_that_comes_as_a_whole_grows_with_the_time() -> None:
    """By what the model usually has said by then; when it is there, nothing is told any more."""
    told: list[float] = []
    enough = asyncio.Event()

    def tell(length: float) -> None:
        told.append(length)
        if len(told) == 4:
            enough.set()

    with Growing(UsageTap(), tell, Pace(first_s=0.0, tokens=1e6, speaking_s=1.0)).unseen():
        await enough.wait()
    assert told[:3] == pytest.approx([64, 80, 100])
    before = len(told)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(told) == before


async def test_nothing_is_told_before_the_first_token_is_expected() -> None:
    """An answer that is there at once has grown by nothing, and leaves no timer behind."""
    grows, told = growing(Pace(first_s=3600.0))
    with pytest.raises(ConnectionError), grows.unseen():
        raise ConnectionError
    assert told == []
