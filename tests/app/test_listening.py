"""Sockets: one line for what can go wrong, the real port in the URL."""

import errno
import resource
import socket
from contextlib import ExitStack

import pytest

from gateway.app.listening import _why, listen, raise_file_limit, url
from gateway.errors import StartError


async def test_port_0_is_a_free_one() -> None:
    """Clients can connect from then on, before anybody accepts them."""
    [found] = await listen("127.0.0.1", 0)
    with found:
        host, port = found.getsockname()
        assert (host, port > 0) == ("127.0.0.1", True)
        socket.create_connection((host, port), timeout=20).close()


async def test_a_name_with_several_addresses_listens_on_each() -> None:
    """`localhost` is 127.0.0.1 and, where the machine has it, ::1."""
    found = await listen("localhost", 0)
    with ExitStack() as stack:
        hosts = {stack.enter_context(each).getsockname()[0] for each in found}
    assert hosts <= {"127.0.0.1", "::1"}
    assert len(hosts) == len(found) > 0


async def test_a_taken_port() -> None:
    """One line that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"^127.0.0.1:{port} is taken by another program: .*--port"):
            await listen("127.0.0.1", port)


async def test_an_address_of_somebody_else() -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    with pytest.raises(StartError, match="this machine has no such address"):
        await listen("192.0.2.1", 0)


async def test_a_name_that_nobody_knows() -> None:
    """`.invalid` never resolves (RFC 2606)."""
    with pytest.raises(StartError, match=r"^The host 'gateway.invalid' cannot be resolved"):
        await listen("gateway.invalid", 0)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EACCES, "h:80 needs privileges: choose a port from 1024 on with --port or PORT."),
        (errno.EMFILE, "h:80 cannot be listened on: Too many open files."),
    ],
)
def test_other_reasons(number: int, says: str) -> None:
    """The system's own words where there is no better advice."""
    assert _why(OSError(number, "Too many open files"), "h", 80) == says


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 3000), "http://127.0.0.1:3000"),
        (("::1", 3000, 0, 0), "http://[::1]:3000"),
        ("/run/llm-gateway.sock", "unix:/run/llm-gateway.sock"),
    ],
)
def test_urls(address: object, text: str) -> None:
    """An IPv6 address stands in brackets."""
    assert url(address) == text


def test_as_many_files_as_the_system_grants() -> None:
    """The soft limit is often 1024, and each stream takes two."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert raise_file_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        assert raise_file_limit() == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
