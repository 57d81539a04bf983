"""A list that somebody else keeps: nothing waits for it, nothing bad comes in, nobody is asked too often."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.clock import FakeClock
from gateway.errors import UpstreamError
from gateway.feeds import fetch
from gateway.feeds.cache import Cached, read_cache, write_cache
from gateway.feeds.fetch import Feed, Fetcher
from gateway.state import FeedStatus
from gateway.upstream.http import HttpUpstream
from tests.fakes import FakeUpstream, Step, waits
from tests.upstream.raw import raw_server, says

URL = "https://lists.test/prices"
DAY = 86400.0
OLD = Cached(url=URL, fetched_at=100.0, checked_at=200.0, etag='"e1"', modified="", body=b"old")


def answers(body: bytes = b"new", status: int = 200, **headers: str) -> Step:
    """An answer in two pieces."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, [body[:1], body[1:]]


class House:
    """A feed, what it talks to, and what it told."""

    def __init__(self, folder: Path, clock: FakeClock, *script: Step, refuse: str = "") -> None:
        self.path = folder / "feeds" / "list.json"
        self.clock = clock
        self.upstream = FakeUpstream(*script)
        self.told: list[FeedStatus] = []
        self.checked: list[tuple[bytes, bytes | None]] = []
        self.changes = 0
        self.refuse = refuse
        self.every: float | None = DAY
        self.fetcher = Fetcher(
            Feed(name="list", url=URL, check=self.check, every_s=lambda _: None),
            folder,
            upstream=self.upstream,
            clock=clock,
            jitter=lambda: 0.5,
            told=self.told.append,
        )

    def check(self, body: bytes, before: bytes | None) -> None:
        """Remember, and refuse if told to."""
        self.checked.append((body, before))
        if self.refuse:
            raise ValueError(self.refuse)

    async def changed(self) -> None:
        """Count; the list is on disk by now."""
        assert read_cache(self.path, URL) is not None
        self.changes += 1

    async def look(self, *waits_s: float) -> None:
        """Follow over so many looks, each after a wait."""
        todo = list(waits_s)

        async def sleep(seconds: float) -> None:
            assert seconds == fetch.LOOK_S
            if not todo:
                raise EndOfTestError
            self.clock.advance(todo.pop(0))

        with pytest.raises(EndOfTestError):
            await self.fetcher.follow(lambda: self.every, self.changed, sleep=sleep)


class EndOfTestError(Exception):
    """No more looks."""


Make = Callable[..., House]


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Make:
    """A house with this script."""

    def made(*script: Step, cached: Cached | None = None, refuse: str = "") -> House:
        house = House(tmp_path, clock, *script, refuse=refuse)
        if cached:
            write_cache(house.path, cached)
        return house

    return made


async def test_the_first_list_is_fetched_checked_kept_and_put_in_force(make: Make, clock: FakeClock) -> None:
    """In this order; the next one is due when this one is old enough, a little early."""
    house = make(answers(etag='"e1"', last_modified="Sat"), answers(b"newer"))
    await house.look(5, 5, 0.94 * DAY, 0.02 * DAY)
    assert house.checked == [(b"new", None), (b"newer", b"new")]
    assert house.changes == 2
    kept = read_cache(house.path, URL)
    assert kept == Cached(url=URL, fetched_at=clock.wall, checked_at=clock.wall, etag="", modified="", body=b"newer")
    assert house.told[-1] == FeedStatus(fetched_at=clock.wall, checked_at=clock.wall)


async def test_the_request_is_bounded_and_says_what_is_known(make: Make) -> None:
    """Sizes and times; an etag goes before a date."""
    house = make(answers(status=304), cached=OLD)
    await house.look(5)
    (sent,) = house.upstream.sent
    assert (sent.method, sent.url, sent.body, sent.max_response) == ("GET", URL, b"", fetch.MAX_BYTES)
    assert (sent.connect_timeout_s, sent.idle_timeout_s) == (fetch.CONNECT_S, fetch.SILENCE_S)
    assert sent.headers == {"Accept": "application/json", "If-None-Match": '"e1"'}


@pytest.mark.parametrize(
    ("etag", "modified", "header"),
    [
        ('"e"', "Sat", {"If-None-Match": '"e"'}),
        ("", "Sat", {"If-Modified-Since": "Sat"}),
        ("", "", {}),
    ],
)
async def test_conditional_requests(make: Make, etag: str, modified: str, header: dict[str, str]) -> None:
    """As the last answer allows."""
    known = Cached(url=URL, fetched_at=1.0, checked_at=1.0, etag=etag, modified=modified, body=b"old")
    house = make(answers(b"old"), cached=known)
    await house.look(5)
    assert house.upstream.sent[0].headers == {"Accept": "application/json", **header}


async def test_a_list_that_has_not_changed_is_only_younger(make: Make, clock: FakeClock) -> None:
    """304: nothing to check, nothing to reload, nothing to ask again for a day, after a restart neither."""
    house = make(answers(b"", status=304), cached=OLD)
    await house.look(5, 5)
    assert (house.checked, house.changes, len(house.upstream.sent)) == ([], 0, 1)
    assert house.told[-1] == FeedStatus(fetched_at=100.0, checked_at=clock.wall - 5)
    again = make()
    await again.look(5)
    assert again.upstream.sent == []
    assert again.told == [FeedStatus(fetched_at=100.0, checked_at=clock.wall - 10)]


async def test_the_same_bytes_are_no_news(make: Make, clock: FakeClock) -> None:
    """From a server that knows no etags."""
    house = make(answers(b"old", etag='"e2"'), cached=OLD)
    await house.look(5)
    assert (house.checked, house.changes) == ([], 0)
    kept = read_cache(house.path, URL)
    assert kept is not None
    assert (kept.etag, kept.checked_at) == ('"e2"', clock.wall)


async def test_nothing_is_asked_while_it_is_switched_off(make: Make) -> None:
    """A reload switches it on, and the next look fetches."""
    house = make(answers())
    house.every = None
    await house.look(5, DAY)
    assert house.upstream.sent == []
    house.every = DAY
    await house.look(5)
    assert house.changes == 1


async def test_a_clock_that_was_set_back_does_not_stop_it(make: Make, clock: FakeClock) -> None:
    """A list from the future is as good as old."""
    ahead = Cached(url=URL, fetched_at=clock.wall + 1e6, checked_at=clock.wall + 1e6, etag="", modified="", body=b"old")
    house = make(answers(), cached=ahead)
    await house.look(5)
    assert house.changes == 1


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        pytest.param(UpstreamError("dns", "The name does not resolve.", sent=False), "The name does not", id="no name"),
        pytest.param(answers(status=503), "it answered 503", id="an error"),
        pytest.param(answers(status=301), "it answered 301", id="a redirect is not followed"),
        pytest.param(answers(status=304), "it answered 304", id="not modified, but nothing is known"),
        pytest.param(answers(content_encoding="gzip"), "its answer is compressed", id="compressed"),
        pytest.param(
            (200, {}, [b"n", UpstreamError("too_large", "The answer is larger.", sent=True)]),
            "The answer is larger",
            id="too large",
        ),
    ],
)
async def test_failures_change_nothing(make: Make, step: Step, reason: str) -> None:
    """What was known stays, and `/health` says why."""
    house = make(step)
    await house.look(5)
    assert house.changes == 0
    assert not house.path.exists()
    assert house.told[-1].error.startswith(reason)
    assert house.upstream.open == 0


async def test_a_list_that_cannot_be_right_is_not_kept(make: Make) -> None:
    """The old one stays, on disk too."""
    house = make(answers(b"tiny"), cached=OLD, refuse="it lists 2 models")
    await house.look(5)
    assert read_cache(house.path, URL) == OLD
    assert house.told[-1] == FeedStatus(fetched_at=100.0, checked_at=200.0, error="it lists 2 models")
    assert house.changes == 0


async def test_a_fetch_that_hangs_is_given_up(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence between the pieces is the upstream's to notice; this is the whole."""
    monkeypatch.setattr(fetch, "WHOLE_S", 0.01)
    house = make((200, {}, [b"n", waits()]))
    await house.look(5)
    assert house.told[-1].error == "it took longer than 0 s"
    assert house.upstream.open == 0


async def test_a_disk_that_refuses_is_told(make: Make) -> None:
    """The list cannot come in force, as it would be gone with the next start."""
    house = make(answers())
    house.path.parent.write_bytes(b"a file where the folder should be")
    await house.look(5)
    assert house.told[-1].error.startswith("list.json cannot be written: ")
    assert house.changes == 0


async def test_failures_are_logged_once_and_tried_again_ever_more_seldom(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """After 90 s, 180 s, 360 s ... with half of the jitter; success is told once too, and ends it."""
    caplog.set_level(logging.INFO)
    house = make(*[answers(status=503)] * 3, answers(), answers(status=500))
    await house.look(5, 89, 1, 179, 1, 359, 1)
    assert len(house.upstream.sent) == 4
    assert [record.getMessage() for record in caplog.records] == [
        f"{URL} could not be fetched, what was known stays: it answered 503",
        f"{URL} can be fetched again",
    ]
    assert house.told[-1].error == ""
    await house.look(DAY)
    assert house.told[-1].error == "it answered 500"


async def test_retries_are_at_most_an_hour_apart(make: Make) -> None:
    """And half as much again by jitter; a source that is gone for a year does not overflow anything."""
    house = make(*[answers(status=503)] * 30)
    await house.look(5, *[3600 * 1.5] * 29)
    assert len(house.upstream.sent) == 30


async def test_over_real_sockets(tmp_path: Path, clock: FakeClock) -> None:
    """Plain, unchanged, and larger than allowed."""
    told: list[FeedStatus] = []
    head = b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 4\r\n\r\n'

    async def fetched(handler: Callable[..., Awaitable[None]], name: str) -> bool:
        async with raw_server(handler) as raw, HttpUpstream() as http:
            listed = Feed(name=name, url=raw.url, check=lambda _body, _before: None, every_s=lambda _: None)
            fetcher = Fetcher(listed, tmp_path, upstream=http, clock=clock, jitter=lambda: 0.0, told=told.append)
            return await fetcher.fetch()

    assert await fetched(says(head, b"list"), "a")
    assert told[-1] == FeedStatus(fetched_at=clock.wall, checked_at=clock.wall)
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (fetch.MAX_BYTES + 1)
    assert not await fetched(says(huge), "b")
    assert "larger than" in told[-1].error
    assert [path.name for path in (tmp_path / "feeds").iterdir()] == ["a.json"]
