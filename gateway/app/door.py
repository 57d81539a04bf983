"""Accepting connections: up to a cap, and calmly when the system has no more files to give.

asyncio's own loop tries again for each place in the backlog when a process is out of files, and logs every try.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Self

from aiohttp import web

from gateway.errors import OverloadedError
from gateway.overload import Seldom, room_for
from gateway.server.refusal import refusal
from gateway.state import State
from gateway.tasks import Tasks

from .connections import Connection, Patience, Refusal
from .listening import BACKLOG

log = logging.getLogger(__name__)

_BATCH = 64
"""Connections accepted in a row before the running ones get their turn."""
_MOST_REFUSALS = 32
"""Refused clients that are waited for at a time; further ones are closed without a word."""
_REST_S = 0.1
"""How long nothing is accepted after the system refused to."""


class Door:
    """Listening sockets, and the connections that came through them. `serve` makes what speaks HTTP on one."""

    def __init__(self, serve: Callable[[], web.RequestHandler], state: State, tasks: Tasks, patience: Patience) -> None:
        self.open: set[Connection] = set()
        self._sockets: list[socket.socket] = []
        self._serve = serve
        self._state = state
        self._tasks = tasks
        self._refusals: set[Refusal] = set()
        self._open_files = -1
        self._patience = patience
        self._full, self._failed = Seldom(), Seldom()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, sockets: Sequence[socket.socket], open_files: int) -> None:
        """Begin to accept on sockets that listen. `open_files`: how many the system grants, negative for no bound."""
        self._open_files = open_files
        self._sockets.extend(sockets)
        for each in sockets:
            each.setblocking(False)
            self._listen(each)
        self._tasks.start("connections", self._look_after())

    def stop(self) -> None:
        """Accept who is waiting, and no more. Who comes later to an inherited socket waits for the next process."""
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            asyncio.get_running_loop().remove_reader(each)
            self._accept(each, BACKLOG)  # closing our own socket resets whoever is still in its queue
            each.close()

    def close_idle(self, *, fresh: bool = True) -> None:
        """Close what waits for a head; without `fresh`, not who has connected and not asked yet."""
        for each in list(self.open):
            if each.idle and (fresh or not each.fresh):
                each.close()

    def abort(self) -> None:
        """Cut off everything."""
        for each in list(self.open):
            each.abort()

    @property
    def busy(self) -> int:
        """How many are being answered, or are sending what they ask."""
        return sum(each.busy for each in self.open)

    @property
    def waits_for_a_head(self) -> bool:
        """Whether somebody has connected and not asked yet."""
        return any(each.fresh for each in self.open)

    def _listen(self, listener: socket.socket) -> None:
        if listener in self._sockets:  # it may have been closed while it rested
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket, most: int = _BATCH) -> None:
        for _ in range(most):
            try:
                accepted, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(listener, error)
                return
            self._take(accepted)

    def _rest(self, listener: socket.socket, error: OSError) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        loop.call_later(_REST_S, self._listen, listener)
        text = "cannot accept connections for now: %s (%d are open; this was tried %d times more since the last line)"
        if (more := self._failed.due(loop.time())) is not None:
            log.error(text, error.strerror, len(self.open), more)

    def _take(self, accepted: socket.socket) -> None:
        load, server = self._state.load, self._state.catalog.server
        load.max_connections = room_for(server.max_connections, self._open_files)
        if not load.full:
            connection = Connection(self._serve(), self._closed, self._too_slow, self._patience)
            self.open.add(connection)
            load.connections = len(self.open)
            self._tasks.start("connection", self._join(accepted, connection, lambda: self._closed(connection)))
            return
        load.refused_connections += 1
        self._log_full()
        if len(self._refusals) >= _MOST_REFUSALS:
            accepted.close()
            return
        why = OverloadedError(f"{load.max_connections} connections are open, the most there may be. Try again.")
        refused = Refusal(refusal(why), self._refusals.discard, self._patience)
        self._refusals.add(refused)
        self._tasks.start("refusal", self._join(accepted, refused, lambda: self._refusals.discard(refused)))

    async def _join(self, accepted: socket.socket, protocol: asyncio.Protocol, failed: Callable[[], None]) -> None:
        accepted.setblocking(False)
        try:
            if accepted.family != socket.AF_UNIX:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an event of a stream must not wait
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, accepted)
        except OSError as error:  # the client is gone already
            log.debug("a connection ended before it began: %s", error)
            accepted.close()
            failed()

    def _closed(self, connection: Connection) -> None:
        self.open.discard(connection)
        self._state.load.connections = len(self.open)

    def _too_slow(self) -> None:
        self._state.load.slow_clients += 1
        log.debug("closed a client that sent no request, or did not read its answer")

    def _log_full(self) -> None:
        if (more := self._full.due(asyncio.get_running_loop().time())) is not None:
            text = "connections refused: %d are open (server.max_connections, open files); %d more since the last line"
            log.warning(text, self._state.load.connections, more)

    async def _look_after(self) -> None:
        """Who does not read even the end of an answer is not waited for."""
        while True:
            await asyncio.sleep(self._patience.unread_s)
            for each in list(self.open):
                each.look()
