"""The composition root: everything is made, joined, served and ended here."""

import asyncio
import gc
import logging
import random
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import cast

from aiohttp import web

from gateway import __version__, logs
from gateway.catalog.catalog import Catalog
from gateway.clock import SystemClock
from gateway.configuration import Configuration, Loaded
from gateway.relay import Relay
from gateway.server import pages
from gateway.server.keys import CONFIG, RELAY, STATE
from gateway.server.routes import add_routes, middlewares
from gateway.settings import shipped
from gateway.state import State
from gateway.storage.config_file import Watch
from gateway.storage.lock import FolderLock
from gateway.storage.recording import Recording
from gateway.tasks import Tasks
from gateway.upstream.echo import EchoUpstream
from gateway.upstream.http import HttpUpstream
from gateway.upstream.join import Upstreams

from .connections import Patience
from .door import Door
from .feeds import FEEDS, follow
from .heartbeat import Heartbeat
from .listening import listen, raise_file_limit, url
from .memory import MemoryGuard
from .persistence import Persistence
from .reloads import Reloads, log_notes, status
from .stopping import Stop, finish_answers
from .systemd import Notifier, check_guarded, inherited

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 30.0
LINGER_S = 5.0
"""What a client that was refused in the middle of its body gets to read the answer before the connection closes."""
ENDING_S = 15.0
"""What the rest may take after the drain: last words, the last snapshot on a slow disk."""
LAST_WORDS_S = 0.5
"""What answers that are not relayed, pages and the like, get to finish after the drain."""


def run(configuration: Configuration, watch: Watch | None = None) -> int:
    """Serve until a signal ends it; the exit code. Raises ConfigError or StartError if it cannot start."""
    watch = watch or Watch(configuration.watched())  # before the files are read: no save can fall in between
    loaded = configuration.load()
    log_as_told = _logging(configuration)
    log_as_told(loaded.catalog)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(configuration, loaded, watch, log_as_told))


def _logging(configuration: Configuration) -> Callable[[Catalog], None]:
    """What makes the log follow `log_level` and `log_format` of a catalog."""

    def log_as_told(catalog: Catalog) -> None:
        logs.configure(catalog.server.log_level, catalog.server.log_format, configuration.process)

    return log_as_told


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop where it is installed (the extra `[fast]`), else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - it may not be there
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(
    configuration: Configuration, loaded: Loaded, watch: Watch, log_as_told: Callable[[Catalog], None]
) -> int:
    """The life of the process, in order: lock, restore, listen; then drain, snapshot, unlock."""
    clock = SystemClock()
    systemd = Notifier(configuration.process)
    async with AsyncExitStack() as stack:
        folder = configuration.snapshot_folder(loaded.catalog.server.snapshot.directory)
        stack.enter_context(FolderLock(folder))
        state = State(loaded.catalog, clock, status(configuration, loaded, clock.now().wall))
        memory = Persistence(folder, state)
        memory.restore()
        await memory.begin()
        recording = Recording()

        def in_force(catalog: Catalog) -> None:
            log_as_told(catalog)
            recording.use(configuration.record_file(catalog.server.record.file))

        in_force(loaded.catalog)
        reloads = Reloads(configuration, state, in_force, systemd.reloading)
        http = await stack.enter_async_context(HttpUpstream())
        relay = Relay(state, Upstreams(http, EchoUpstream()), random.random)
        relay.on_settled += [logs.log_request, recording.note]
        runner = await _runner(application(state, relay, reloads))
        stack.push_async_callback(runner.cleanup)
        stop = stack.enter_context(Stop())
        tasks = await stack.enter_async_context(Tasks())
        sockets = await _sockets(configuration, loaded.catalog)
        urls = [url(each.getsockname()) for each in sockets]
        door = stack.enter_context(Door(cast("web.Server", runner.server), state, tasks, Patience()))
        door.start(sockets, raise_file_limit())
        heart = Heartbeat(state.load.lateness, clock, asyncio.get_running_loop().time)
        stack.enter_context(heart.watched())
        tasks.start("heartbeat", heart.run())
        tasks.start("memory", MemoryGuard(state, door.close_idle).run())
        tasks.start("watchdog", systemd.keep_alive())
        tasks.start("snapshots", memory.keep())
        tasks.start("journal", memory.keep_synced())
        tasks.start("history", memory.keep_history())
        tasks.start("recording", recording.keep())
        tasks.start("configuration", reloads.follow(watch))
        for feed in FEEDS:
            tasks.start(feed.name, follow(feed, state, folder, http, reloads.reload_or_log, random.random))
        stop.on_hangup(lambda: tasks.start("reload", reloads.reload_or_log()))
        _log_start(configuration, loaded, urls)
        systemd.ready(f"serving on {', '.join(urls)}")
        _freeze()
        await stop.first.wait()
        systemd.stopping(state.catalog.server.drain_timeout + ENDING_S, "finishing answers")
        await finish_answers(door, state, stop)
        await tasks.close()
        await runner.cleanup()
        await recording.flush()
        await memory.end()
        log.info("stopped")
        return stop.exit_code


def _freeze() -> None:
    """What is there now stays: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


async def _runner(app: web.Application) -> web.AppRunner:
    """What serves the application."""
    runner = web.AppRunner(
        app,
        access_log=None,  # one line of our own per request says more
        handler_cancellation=True,  # a client that leaves ends its request, and so the upstream's
        auto_decompress=False,  # compressed bodies are refused: a few kB can be a bomb
        keepalive_timeout=KEEP_ALIVE_S,
        lingering_time=LINGER_S,
        shutdown_timeout=LAST_WORDS_S,
    )
    await runner.setup()
    return runner


async def _sockets(configuration: Configuration, catalog: Catalog) -> list[socket.socket]:
    """Those that were handed over, else one of `host` and `port`. Raises StartError or ConfigError."""
    handed_over = inherited(configuration.process)
    check_guarded(handed_over, catalog)
    return handed_over or await listen(catalog.server.host, catalog.server.port)


def application(state: State, relay: Relay, reloads: Reloads) -> web.Application:
    """The web application, joined to what it serves."""
    app = web.Application(middlewares=middlewares())
    app[STATE] = state
    app[RELAY] = relay
    app[CONFIG] = reloads
    add_routes(app)
    pages.setup(app, shipped("web"))
    return app


def _log_start(configuration: Configuration, loaded: Loaded, urls: list[str]) -> None:
    log.info("llm-gateway %s, configuration %s", __version__, configuration.place.path)
    for field, source in loaded.sources.items():
        log.info("server.%s is taken from %s", field, source)
    log_notes(loaded.catalog)
    for each in urls:
        log.info("serving on %s (status page; base URL for tools: %s/v1)", each, each)
