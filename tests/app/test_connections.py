"""Clients that send no head or read no answer, and refused ones. Real sockets: the system's buffers are the point."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.app.connections import Patience
from gateway.clock import FakeClock

from .doors import GET, House, house


@pytest.fixture
async def impatient(clock: FakeClock) -> AsyncIterator[House]:
    """Waits for a head, and for a reader, 50 ms."""
    async with house(clock, Patience(head_s=0.05, unread_s=0.05)) as there:
        yield there


@pytest.mark.parametrize(
    "sent", [pytest.param(b"", id="nothing"), pytest.param(GET[:-1], id="all but the last byte"), b"GET / HTTP/1.1\r\n"]
)
async def test_a_head_that_does_not_come_is_not_waited_for(impatient: House, sent: bytes) -> None:
    """A slow loris holds its place for ten seconds, not for ever."""
    reader, writer = await impatient.connect(sent)
    async with asyncio.timeout(5):
        try:
            assert await reader.read() == b""
        except ConnectionResetError:  # unread bytes of a head make a reset of it
            assert sent
    await impatient.until_open(0)
    assert impatient.state.load.slow_clients == 1
    writer.close()


@pytest.mark.parametrize("cut", range(len(GET)))
async def test_a_whole_head_stops_the_clock(clock: FakeClock, cut: int) -> None:
    """Wherever it is cut in two, the answer may take its time."""
    async with house(clock, Patience(head_s=30)) as there:
        reader, writer = await there.connect(GET[:cut])
        await there.until_open(1)
        [connection] = there.door.open
        before = connection.fresh
        writer.write(GET[cut:])
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert (before, connection.fresh) == (True, False)
        writer.close()


async def test_an_answer_may_take_longer_than_a_head(impatient: House) -> None:
    """Only silence before the question is cut off."""
    reader, writer = await impatient.connect(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await impatient.asked.wait()
    await asyncio.sleep(0.1)  # the clock that must not run is the loop's
    impatient.go_on.set()
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    assert impatient.state.load.slow_clients == 0
    writer.close()


async def test_who_reads_nothing_is_cut_off(impatient: House) -> None:
    """Else a stalled client holds its buffers, its place and the upstream's connection for good."""
    with socket.create_connection(("127.0.0.1", impatient.port)) as client:
        client.sendall(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await impatient.until_open(1)
        await impatient.until_open(0)
    assert impatient.state.load.slow_clients == 1


async def test_who_reads_slowly_is_not(clock: FakeClock) -> None:
    """Each look finds less to write than the last, though it takes several until there is nothing: a slow line."""
    async with house(clock, Patience(unread_s=0.2)) as there:
        there.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)  # of every connection from now on
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port, limit=32 * 1024)
        writer.write(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(100):
            await reader.readexactly(32 * 1024)
            await asyncio.sleep(0.01)
        assert (there.state.load.connections, there.state.load.slow_clients) == (1, 0)
        writer.close()


async def test_the_end_of_an_answer_that_nobody_reads(clock: FakeClock) -> None:
    """The handler is done and the connection closing, but its last bytes are stuck: at the second look it goes."""
    async with house(clock, Patience()) as there:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", there.port))
        with client:
            client.sendall(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await there.until_open(1)
            [connection] = there.door.open
            async with asyncio.timeout(5):
                while connection.unread_bytes == 0:  # noqa: ASYNC110 - a buffer sets no event
                    await asyncio.sleep(0)
            connection.close()
            connection.look()
            assert there.state.load.connections == 1
            connection.look()
            await there.until_open(0)
    assert there.state.load.slow_clients == 1


async def test_the_end_of_a_request_is_passed_on(clock: FakeClock) -> None:
    """A client that closes its half after asking still gets its answer."""
    async with house(clock, Patience()) as there:
        reader, writer = await there.connect(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert (await reader.read()).endswith(b"hi")
        writer.close()
        await there.until_open(0)
