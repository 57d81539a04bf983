"""What systemd is told and what it hands over: its side of it is played by real sockets."""

import asyncio
import logging
import os
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.app import systemd
from gateway.app.systemd import Notifier, check_guarded, inherited
from gateway.catalog.catalog import Catalog
from gateway.errors import StartError
from tests.catalog.compiling import compiled

ME = str(os.getpid())
ONE = "providers: {demo: {type: echo, models: {echo: {}}}}"


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """The supervisor's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(address)
        ours.settimeout(5)
        yield ours


@pytest.fixture
def supervisor() -> Iterator[socket.socket]:
    """The supervisor's end, on a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory() as folder, listening(f"{folder}/notify") as ours:
        yield ours


def notifier(supervisor: socket.socket, **more: str) -> Notifier:
    """As it is under this supervisor."""
    return Notifier({"NOTIFY_SOCKET": supervisor.getsockname(), **more})


def told(supervisor: socket.socket) -> str:
    """The next datagram."""
    return supervisor.recv(4096).decode()


def test_a_life_in_messages(supervisor: socket.socket) -> None:
    """Ready, reloading and ready again, stopping: each a datagram as sd_notify(3) writes it."""
    service = notifier(supervisor)
    service.ready("serving on http://127.0.0.1:3000")
    assert told(supervisor) == "READY=1\nSTATUS=serving on http://127.0.0.1:3000"
    with service.reloading():
        since = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", told(supervisor))
        assert since
        assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6 - int(since[1]) < 5e6
    assert told(supervisor) == "READY=1"
    service.stopping(45.0, "finishing answers")
    assert told(supervisor) == "STOPPING=1\nEXTEND_TIMEOUT_USEC=45000000\nSTATUS=finishing answers"


def test_a_reload_that_fails_is_over_too(supervisor: socket.socket) -> None:
    """The old configuration goes on serving, so the service is ready."""

    def fail() -> None:
        with notifier(supervisor).reloading():
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one above
        fail()
    assert [told(supervisor).partition("\n")[0], told(supervisor)] == ["RELOADING=1", "READY=1"]


def test_an_abstract_socket_is_spelled_with_an_at() -> None:
    """Its name begins with a zero byte, which an environment variable cannot hold."""
    name = f"llm-gateway-test-{ME}"
    with listening(f"\0{name}") as supervisor:
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready("here")
        assert told(supervisor) == "READY=1\nSTATUS=here"


@pytest.mark.parametrize("name", ["", "vsock:2:1234", "relative/path"])
def test_without_a_supervisor_nothing_is_said(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nor where it listens on what is no local socket."""
    caplog.set_level(logging.DEBUG)
    Notifier({"NOTIFY_SOCKET": name}).ready("here")
    assert caplog.text == ""


def test_a_supervisor_that_is_gone_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The service goes on."""
    caplog.set_level(logging.DEBUG)
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("here")
    assert "systemd could not be told READY=1" in caplog.text


@pytest.mark.parametrize(
    ("process", "seconds"),
    [
        pytest.param({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": ME}, 30.0, id="for this process"),
        pytest.param({"WATCHDOG_USEC": "500000"}, 0.5, id="for whoever"),
        pytest.param({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None, id="for another process"),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="zero"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="no number"),
        pytest.param({}, None, id="none"),
    ],
)
def test_whether_signs_of_life_are_waited_for(process: dict[str, str], seconds: float | None) -> None:
    assert Notifier(process).watchdog_s == seconds


async def test_signs_of_life_come_twice_in_the_time_they_have(supervisor: socket.socket) -> None:
    """From the loop, so that a loop that is stuck is taken for dead."""
    task = asyncio.ensure_future(notifier(supervisor, WATCHDOG_USEC="100000").keep_alive())
    began = asyncio.get_running_loop().time()
    assert [await asyncio.to_thread(told, supervisor) for _ in range(3)] == ["WATCHDOG=1"] * 3
    assert 0.09 < asyncio.get_running_loop().time() - began < 5
    task.cancel()
    await notifier(supervisor).keep_alive()  # nobody waits for any: it ends at once


def test_sockets_are_for_the_process_they_name() -> None:
    """A child inherits the variables, and must not take the sockets for its own."""
    assert inherited({}) == []
    assert inherited({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) == []
    assert inherited({"LISTEN_PID": ME, "LISTEN_FDS": "x"}) == []
    assert inherited({"LISTEN_PID": ME, "LISTEN_FDS": "0"}) == []


def test_inherited_sockets_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as were announced, in order, and closed to programs that are started from here."""
    with socket.create_server(("127.0.0.1", 0)) as ours:
        fd = os.dup(ours.fileno())
        os.set_inheritable(fd, True)
        monkeypatch.setattr(systemd, "_FIRST_FD", fd)
        [found] = inherited({"LISTEN_PID": ME, "LISTEN_FDS": "1"})
        with found:
            assert found.getsockname() == ours.getsockname()
            assert (found.family, found.get_inheritable()) == (socket.AF_INET, False)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        pytest.param(socket.SOCK_STREAM, "does not listen for streams: use ListenStream=", id="does not listen"),
        pytest.param(socket.SOCK_DGRAM, "does not listen for streams: use ListenStream=", id="datagrams"),
    ],
)
def test_another_kind_of_socket_is_a_mistake_in_the_unit(
    monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind, why: str
) -> None:
    """One line that names the file."""
    with socket.socket(socket.AF_INET, kind) as ours:
        monkeypatch.setattr(systemd, "_FIRST_FD", ours.fileno())
        with pytest.raises(StartError, match=f"^LISTEN_FDS names file {ours.fileno()}, which {why}"):
            inherited({"LISTEN_PID": ME, "LISTEN_FDS": "1"})


def test_a_file_that_is_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same."""
    with closing(os.fdopen(os.open(os.devnull, os.O_RDONLY))) as file:
        monkeypatch.setattr(systemd, "_FIRST_FD", file.fileno())
        with pytest.raises(StartError, match="which is no socket"):
            inherited({"LISTEN_PID": ME, "LISTEN_FDS": "1"})


@pytest.mark.parametrize(
    ("host", "yaml", "refused"),
    [
        pytest.param("0.0.0.0", ONE, True, id="open to others"),  # noqa: S104 - what is refused
        pytest.param("127.0.0.1", ONE, False, id="this machine"),
        pytest.param("0.0.0.0", f"server: {{allow_anonymous: true}}\n{ONE}", False, id="allowed"),  # noqa: S104 - above
        pytest.param("0.0.0.0", f"server: {{admin_token: abc}}\n{ONE}", True, id="half guarded"),  # noqa: S104 - above
        pytest.param(
            "0.0.0.0",  # noqa: S104 - above
            f"server: {{admin_token: abc}}\nclients: {{me: {{key: abc-of-me}}}}\n{ONE}",
            False,
            id="guarded",
        ),
    ],
)
def test_a_wide_socket_asks_for_what_a_wide_host_does(host: str, yaml: str, *, refused: bool) -> None:
    """The socket unit must not be a way around the rule for `server.host`."""
    catalog: Catalog = compiled(yaml)
    with socket.create_server((host, 0)) as ours:
        if refused:
            with pytest.raises(StartError, match=r"^The socket unit listens on 0\.0\.0\.0, which is open"):
                check_guarded([ours], catalog)
        else:
            check_guarded([ours], catalog)


def test_a_local_socket_is_open_to_nobody_else() -> None:
    """The file system says who may."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ours, tempfile.TemporaryDirectory() as folder:
        ours.bind(f"{folder}/s")
        check_guarded([ours], compiled(ONE))
