"""Is it alive, is it ready, is all well: for people, balancers and orchestrators. Open to all, asks no provider."""

from typing import Any, NamedTuple

from aiohttp import web

from gateway import __version__
from gateway.limits.meters import rfc3339
from gateway.state import FeedStatus, State

from .answering import json_answer
from .keys import STATE
from .loads import load_status, shortage


async def get_health(request: web.Request) -> web.StreamResponse:
    """Status, version, the configuration in force and the last snapshot. 503 only while draining."""
    state = request.app[STATE]
    now = state.clock.now()
    return json_answer(
        {
            "status": status(state),
            "timestamp": rfc3339(now.wall),
            "uptime": round(now.boot - state.started.boot, 3),
            "version": __version__,
            "environment": state.catalog.server.environment,
            "config": config_status(state),
            "snapshot": snapshot_status(state),
            "prices": prices_status(state),
            "load": load_status(state),
            "leaderboard": leaderboard_status(state),
        },
        status=503 if state.draining else 200,
    )


async def get_alive(_: web.Request) -> web.StreamResponse:
    """200 as long as the loop turns."""
    return web.Response(text="ok\n")


async def get_ready(request: web.Request) -> web.StreamResponse:
    """200 if a target could serve a request now, else 503. With `?verbose` a line per check, as Kubernetes prints."""
    checks = readiness(request.app[STATE])
    ready = all(check.passed for check in checks)
    lines = [check.line for check in checks] if "verbose" in request.query else []
    verdict = "readyz check passed" if ready else "readyz check failed"
    text = "\n".join([*lines, verdict]) if lines else ("ok" if ready else "not ready")
    return web.Response(status=200 if ready else 503, text=f"{text}\n")


def status(state: State) -> str:
    """healthy; degraded: serving, but somebody must look; draining."""
    if state.draining:
        return "draining"
    return "degraded" if config_errors(state) or state.snapshot.error or shortage(state) else "healthy"


def config_status(state: State) -> dict[str, Any]:
    """Which configuration is in force, and what is wrong with the file if it is not that."""
    config = state.config
    return {
        "path": config.path,
        "env_file": config.env_file or None,
        "loaded_at": rfc3339(config.loaded_at),
        "hash": config.hash,
        "error": config_errors(state) or None,
        "changed_at": rfc3339(config.changed_at),
        "changes": config.differences.count,
    }


def snapshot_status(state: State) -> dict[str, Any]:
    """When the counters were last written down, and what keeps them from it now."""
    snapshot = state.snapshot
    return {"at": None if snapshot.at is None else rfc3339(snapshot.at), "error": snapshot.error or None}


def prices_status(state: State) -> dict[str, Any]:
    """The price lists in force, the newest first, and how fetching goes where it is switched on.

    An old list is no reason to call anybody, so this does not make the gateway degraded.
    """
    lists = [{"name": each.name, "models": each.count} for each in state.catalog.price_lists.lists]
    return {"lists": lists, **feed_status(state.feeds.get("prices") if state.catalog.price_feed.fetch else None)}


def leaderboard_status(state: State) -> dict[str, Any]:
    """The leaderboard in force, and how fetching goes where it is switched on. As with prices, age is no fault."""
    board, fetch = state.catalog.leaderboard, state.catalog.fetch_leaderboard
    own = {"name": board.name, "models": board.count}
    return {**own, **feed_status(state.feeds.get("leaderboard") if fetch else None)}


def feed_status(feed: FeedStatus | None) -> dict[str, Any]:
    """How a list is fetched; all null while it is not."""
    feed = feed or FeedStatus()
    return {
        "fetched_at": rfc3339(feed.fetched_at),
        "checked_at": rfc3339(feed.checked_at),
        "error": feed.error or None,
    }


def config_errors(state: State) -> list[str]:
    """`gateway.yaml:12:7: unknown key 'tipe', did you mean 'type'?`: what keeps the file on disk out of force."""
    return [str(problem) for problem in state.config.problems if not problem.warning]


class Check(NamedTuple):
    """One condition of readiness."""

    name: str
    passed: bool
    reason: str

    @property
    def line(self) -> str:
        """`[+]targets ok`."""
        return f"[+]{self.name} ok" if self.passed else f"[-]{self.name} failed: {self.reason}"


def readiness(state: State) -> list[Check]:
    """A bad configuration file is no reason: the last good one goes on serving."""
    short = shortage(state)
    return [
        Check("accepting", not (state.draining or short), "draining" if state.draining else short),
        Check("targets", _can_serve(state), "no target has its key and is not cooling down"),
    ]


def _can_serve(state: State) -> bool:
    now = state.clock.now()
    return any(
        not target.idle and state.cooldowns.blocking(target, now) is None
        for provider in state.catalog.providers.values()
        for target in (*provider.targets, *provider.wildcard)
    )
