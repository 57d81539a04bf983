"""Accepting: up to a cap, calmly without files, and no more after the end."""

import asyncio
import errno
import logging
import socket
import struct
import tempfile
from contextlib import ExitStack

import pytest

from gateway.app.connections import Patience
from gateway.clock import FakeClock

from .doors import GET, House, house


async def answer(there: House, request: bytes = GET) -> bytes:
    """The first line of what one client is answered; empty if it is only closed."""
    reader, writer = await there.connect(request)
    try:
        return await reader.readline()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_one_too_many_is_told_so(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """503 with when to come back, and a place again as soon as there is one."""
    async with house(clock, Patience(), max_connections=2) as there:
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(socket.create_connection(("127.0.0.1", there.port)))
            await there.until_open(2)
            reader, writer = await there.connect(GET)
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert b"Retry-After: 1" in head
            assert b"2 connections are open, the most there may be" in body
        await there.until_open(0)
        assert await answer(there) == b"HTTP/1.1 200 OK\r\n"
        assert there.state.load.refused_connections == 1
        assert there.state.load.max_connections == 2
    assert "connections refused: 2 are open (server.max_connections, open files)" in caplog.text


async def test_a_crowd_of_refused_is_one_line(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """And those who do not go away by themselves are closed."""
    async with house(clock, Patience(refused_s=0.05), max_connections=1) as there:
        with ExitStack() as stack:
            crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", there.port))) for _ in range(100)]
            async with asyncio.timeout(10):
                while there.state.load.refused_connections < 99:  # noqa: ASYNC110 - numbers set no event
                    await asyncio.sleep(0.001)
                for each in crowd[1:]:
                    each.setblocking(False)
                    with pytest.raises((ConnectionResetError, BrokenPipeError)):
                        await _write_for_ever(each)
            await there.until_open(1)
    assert caplog.text.count("connections refused") == 1


async def test_few_open_files_are_a_cap_too(clock: FakeClock) -> None:
    """68 files: 64 are spared, and of four each client may need two."""
    async with house(clock, Patience(), open_files=68, max_connections=10_000) as there:
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(socket.create_connection(("127.0.0.1", there.port)))
            await there.until_open(2)
            assert await answer(there) == b"HTTP/1.1 503 Service Unavailable\r\n"


async def _write_for_ever(client: socket.socket) -> None:
    """Until the other side has closed it for good: an answer and an end alone can still be written to."""
    while True:
        client.send(b"x")
        await asyncio.sleep(0.001)


class NoFiles:
    """A listening socket in a process that is out of files, so many times."""

    def __init__(self, real: socket.socket, times: int) -> None:
        self.real = real
        self.left = times

    def accept(self) -> tuple[socket.socket, object]:
        """What the system says."""
        if self.left:
            self.left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self.real.accept()

    def fileno(self) -> int:
        """Of the real one, for the loop to wait on."""
        return self.real.fileno()

    def setblocking(self, flag: bool) -> None:
        """As the real one."""
        self.real.setblocking(flag)

    def close(self) -> None:
        """As the real one."""
        self.real.close()


async def test_without_files_it_rests_and_recovers(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """One line however often it fails, and whoever waited is served as soon as there is a file."""
    async with house(clock, Patience()) as there:
        there.door.stop()
        [listener] = await _listening()
        there.port = listener.getsockname()[1]
        there.door.start([NoFiles(listener, 5)], -1)  # type: ignore[list-item]  # what of a socket is used
        began = asyncio.get_running_loop().time()
        assert await answer(there) == b"HTTP/1.1 200 OK\r\n"
        assert 0.4 < asyncio.get_running_loop().time() - began < 5
    assert caplog.text.count("cannot accept connections for now: Too many open files") == 1


async def test_a_door_that_closes_while_it_rests_stays_closed(clock: FakeClock) -> None:
    """The listener is gone: nobody listens on its number, which may be another file by now."""
    async with house(clock, Patience()) as there:
        there.door.stop()
        [listener] = await _listening()
        there.port = listener.getsockname()[1]
        there.door.start([NoFiles(listener, 1)], -1)  # type: ignore[list-item]  # what of a socket is used
        with socket.create_connection(("127.0.0.1", there.port)):
            await asyncio.sleep(0.05)
            there.door.stop()
            await asyncio.sleep(0.15)
        with pytest.raises(ConnectionRefusedError):
            await there.connect()


async def _listening() -> list[socket.socket]:
    return [socket.create_server(("127.0.0.1", 0))]


async def test_idle_ones_are_closed_and_busy_ones_are_not(clock: FakeClock) -> None:
    """Who has connected and not asked yet is spared while that is wanted."""
    async with house(clock, Patience()) as there:
        fresh, fresh_writer = await there.connect()
        idle, idle_writer = await there.connect(GET)
        assert await idle.readexactly(15) == b"HTTP/1.1 200 OK"
        busy, busy_writer = await there.connect(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await there.asked.wait()
        before = there.door.waits_for_a_head
        there.door.close_idle(fresh=False)
        await there.until_open(2)
        assert (await idle.read()).endswith(b"hi")
        there.door.close_idle()
        await there.until_open(1)
        assert await fresh.read() == b""
        assert (before, there.door.waits_for_a_head) == (True, False)
        there.go_on.set()
        assert await busy.readexactly(15) == b"HTTP/1.1 200 OK"
        for each in (fresh_writer, idle_writer, busy_writer):
            each.close()


async def test_an_upload_is_not_idle(clock: FakeClock) -> None:
    """Its head is here and its body on the way: at the end of the process it is waited for."""
    async with house(clock, Patience()) as there:
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
        reader, writer = await there.connect(head + b"Expect: 100-continue\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        there.door.close_idle()
        writer.write(b"hi")
        assert await reader.readline() == b"\r\n"
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()


@pytest.mark.parametrize(("max_connections", "status"), [(0, b"200 OK"), (1, b"503 Service Unavailable")])
async def test_clients_that_are_gone_before_they_are_served(
    clock: FakeClock, caplog: pytest.LogCaptureFixture, max_connections: int, status: bytes
) -> None:
    """No error, and no place taken for good: neither among those that are served nor among those that are refused."""
    async with house(clock, Patience(), max_connections=max_connections) as there:
        with socket.create_connection(("127.0.0.1", there.port)):
            await there.until_open(1)
            for reset in (0, 1) * 40:
                with socket.create_connection(("127.0.0.1", there.port)) as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))
            await asyncio.sleep(0.05)
            assert await answer(there) == b"HTTP/1.1 %s\r\n" % status
            await there.until_open(1)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_clients_that_do_not_read_the_end_are_looked_for(clock: FakeClock) -> None:
    """Every `unread_s`, over all connections."""
    async with house(clock, Patience(unread_s=0.02)) as there:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", there.port))
        with client:
            client.sendall(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await there.until_open(1)
            await there.until_open(0)


async def test_a_socket_of_the_file_system(clock: FakeClock) -> None:
    """What a socket unit with a path hands over."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/gateway.sock")
        listener.listen()
        async with house(clock, Patience()) as there:
            there.door.start([listener], -1)
            reader, writer = await asyncio.open_unix_connection(f"{folder}/gateway.sock")
            writer.write(GET)
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            writer.close()
