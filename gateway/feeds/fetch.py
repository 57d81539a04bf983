"""Fetches lists that somebody else keeps: now and then, in the background, checked before they count.

Nothing waits for a feed. What it wrote is read like any other file, by whoever compiles the configuration.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.catalog.catalog import Catalog
from gateway.clock import Clock
from gateway.errors import UpstreamError
from gateway.records import UpstreamReply, UpstreamRequest
from gateway.relay import Upstream
from gateway.state import FeedStatus

from .cache import Cached, read_cache, write_cache

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 2**20
CONNECT_S = 10.0
SILENCE_S = 20.0
WHOLE_S = 60.0
"""What a fetch may take, from the name to the last byte."""

LOOK_S = 5.0
"""How often it is looked whether a fetch is due, or was switched on by a reload."""

FIRST_RETRY_S = 60.0
LAST_RETRY_S = 3600.0
SPREAD = 0.1
"""By which share of its time a fetch may come early, so that not all gateways ask at once."""


class Feed(Struct, frozen=True, kw_only=True):
    """A list that somebody else keeps. Each one says this much about itself; the rest is the fetcher's."""

    name: str
    """What `/health` and `State.feeds` call it, and its file."""
    url: str
    check: Callable[[bytes, bytes | None], None]
    """Given a new body and the one before, None if there was none. Raises ValueError if the new one cannot be right:
    then the old one stays."""
    every_s: Callable[[Catalog], float | None]
    """How old the list may get, as the configuration wants it; None while it is switched off."""

    def cached(self, folder: Path) -> Cached | None:
        """What was fetched last; None if there is nothing. `folder` is that of the snapshots. Blocks."""
        return read_cache(self.path(folder), self.url)

    def path(self, folder: Path) -> Path:
        """Where it is kept: one process may write in the folder of the snapshots."""
        return folder / "feeds" / f"{self.name}.json"


class Fetcher:
    """Keeps one feed in `folder`. `jitter` gives numbers from 0 to 1. `told` hears how each try went."""

    def __init__(
        self,
        feed: Feed,
        folder: Path,
        *,
        upstream: Upstream,
        clock: Clock,
        jitter: Callable[[], float],
        told: Callable[[FeedStatus], None],
    ) -> None:
        self._feed = feed
        self._path = feed.path(folder)
        self._upstream = upstream
        self._clock = clock
        self._jitter = jitter
        self._told = told
        self._early = SPREAD * jitter()
        self._cached: Cached | None = None
        self._error = ""
        self._failures = 0
        self._again_at = 0.0
        """Boot time before which a failed fetch is not tried again."""

    async def follow(
        self,
        every_s: Callable[[], float | None],
        changed: Callable[[], Awaitable[object]],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Fetch whenever the list is older than `every_s`, for ever; not while that is None.

        `changed` is called after each new list, which is on disk then.
        """
        self._cached = await asyncio.to_thread(read_cache, self._path, self._feed.url)
        self._tell()
        while True:
            await sleep(LOOK_S)
            every = every_s()
            if every is not None and self._due(every) and await self.fetch():
                await changed()

    async def fetch(self) -> bool:
        """Ask once; whether there is a new list on disk now. A failure is told, logged once, and tried again later."""
        try:
            async with asyncio.timeout(WHOLE_S), self._upstream.send(self._request()) as reply:
                new = await self._read(reply)
            known = self._cached
            if known is None or new.body != known.body:
                await asyncio.to_thread(self._feed.check, new.body, known.body if known else None)
            await asyncio.to_thread(write_cache, self._path, new)
        except TimeoutError:
            return self._failed(f"it took longer than {WHOLE_S:.0f} s")
        except (UpstreamError, ValueError) as error:
            return self._failed(str(error))
        except OSError as error:
            return self._failed(f"{self._path.name} cannot be written: {error.strerror}")
        if self._error:
            log.info("%s can be fetched again", self._feed.url)
        self._cached, self._error, self._failures = new, "", 0
        self._early = SPREAD * self._jitter()
        self._tell()
        return known is None or new.body != known.body

    def _due(self, every_s: float) -> bool:
        now = self._clock.now()
        if now.boot < self._again_at:
            return False
        # By the wall, as it outlives the process. A clock that was set back must not stop the fetching for a year.
        age = now.wall - self._cached.checked_at if self._cached else every_s
        return age < 0 or age >= every_s * (1 - self._early)

    def _request(self) -> UpstreamRequest:
        headers = {"Accept": "application/json"}
        if self._cached and self._cached.etag:
            headers["If-None-Match"] = self._cached.etag
        elif self._cached and self._cached.modified:
            headers["If-Modified-Since"] = self._cached.modified
        return UpstreamRequest(
            url=self._feed.url,
            headers=headers,
            body=b"",
            method="GET",
            connect_timeout_s=CONNECT_S,
            idle_timeout_s=SILENCE_S,
            max_response=MAX_BYTES,
        )

    async def _read(self, reply: UpstreamReply) -> Cached:
        """The list as it is now. Raises ValueError for an answer that is none."""
        at = self._clock.now().wall
        if reply.status == 304 and self._cached:
            return msgspec.structs.replace(self._cached, checked_at=at)
        if reply.status != 200:
            raise ValueError(f"it answered {reply.status}")
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise ValueError("its answer is compressed, which was not asked for")
        body = b"".join([piece async for piece in reply.chunks])
        etag, modified = reply.headers.get("etag", ""), reply.headers.get("last-modified", "")
        return Cached(url=self._feed.url, fetched_at=at, checked_at=at, etag=etag, modified=modified, body=body)

    def _failed(self, reason: str) -> bool:
        if reason != self._error:
            log.warning("%s could not be fetched, what was known stays: %s", self._feed.url, reason)
        self._error = reason
        wait_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(self._failures, 10))
        self._failures += 1
        self._again_at = self._clock.now().boot + wait_s * (1 + self._jitter())
        self._tell()
        return False

    def _tell(self) -> None:
        cached = self._cached
        at, checked_at = (cached.fetched_at, cached.checked_at) if cached else (None, None)
        self._told(FeedStatus(fetched_at=at, checked_at=checked_at, error=self._error))
