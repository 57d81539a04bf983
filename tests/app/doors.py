"""A door with a small web application behind it, on a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import web

from gateway.app.connections import Patience
from gateway.app.door import Door
from gateway.app.listening import listen
from gateway.catalog.schema import Server
from gateway.clock import FakeClock
from gateway.state import State
from gateway.tasks import Tasks
from tests.server.conftest import make_state
from tests.server.house import catalog

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class House:
    """The door, what it writes its numbers into, and where it is."""

    door: Door

    def __init__(self, state: State, listener: socket.socket) -> None:
        self.state = state
        self.listener = listener
        self.port: int = listener.getsockname()[1]
        self.asked = asyncio.Event()
        """Set when somebody asked for `/wait`."""
        self.go_on = asyncio.Event()
        """Lets those be answered."""

    async def root(self, _: web.Request) -> web.StreamResponse:
        """`GET /`: an answer at once."""
        return web.Response(text="hi")

    async def wait(self, _: web.Request) -> web.StreamResponse:
        """`GET /wait`: an answer when the test wants it."""
        self.asked.set()
        await self.go_on.wait()
        return web.Response(text="done")

    async def flood(self, request: web.Request) -> web.StreamResponse:
        """`GET /flood`: more than any buffer holds."""
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 2**20)

    async def connect(self, request: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that has sent this much."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        return reader, writer

    async def until_open(self, count: int) -> None:
        """Until so many connections are open."""
        async with asyncio.timeout(10):
            while self.state.load.connections != count:  # noqa: ASYNC110 - numbers set no event
                await asyncio.sleep(0.001)


@asynccontextmanager
async def house(
    clock: FakeClock, patience: Patience, *, open_files: int = -1, max_connections: int = 0
) -> AsyncIterator[House]:
    """Serving until the block ends."""
    state = make_state(clock, catalog(server=Server(max_connections=max_connections)))
    app = web.Application()
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.05)
    [listener] = await listen("127.0.0.1", 0)
    async with Tasks() as tasks:
        there = House(state, listener)
        app.add_routes(
            [web.get("/", there.root), web.get("/wait", there.wait), web.get("/flood", there.flood)],
        )
        await runner.setup()
        with Door(cast("web.Server", runner.server), state, tasks, patience) as there.door:
            there.door.start([listener], open_files)
            yield there
            there.door.abort()
    await runner.cleanup()
