"""What is fetched in the background, joined to the state and to the reload that puts it in force."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.feeds import leaderboard, prices
from gateway.feeds.fetch import Feed, Fetcher
from gateway.relay import Upstream
from gateway.state import FeedStatus, State

FEEDS = (prices.FEED, leaderboard.FEED)
"""All of them. What a configuration does not ask for is not fetched."""


async def follow(
    feed: Feed,
    state: State,
    folder: Path,
    upstream: Upstream,
    reload: Callable[[], Awaitable[object]],
    jitter: Callable[[], float],
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Keep the list as young as the configuration asks, for ever. `folder` is that of the snapshots.

    A new list comes in force by `reload`: it is read and compiled as the YAML is.
    """

    def told(status: FeedStatus) -> None:
        state.feeds[feed.name] = status

    fetcher = Fetcher(feed, folder, upstream=upstream, clock=state.clock, jitter=jitter, told=told)
    await fetcher.follow(lambda: feed.every_s(state.catalog), reload, sleep=sleep)
