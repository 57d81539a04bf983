"""The end of the process: what is running is finished, what knocks is let in or finds the next process."""

import http.client
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Self

import orjson
import pytest

from tests import fakes
from tests.processes import Running, start

from .asking import HELLO
from .conftest import Serve
from .provider import Held, Provider
from .serving import serving

YAML = "providers: {{one: {{base_url: '{url}', api_key: made-up, models: {{m: {{price: free}}}}}}}}\n"
ECHO = "providers: {demo: {type: echo, models: {echo: {price: free}}}}\n"
STREAMS = 50

_HAND_OVER = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "gateway", *sys.argv[2:]])
"""
ACTIVATED = (sys.executable, "-c", _HAND_OVER)
"""Starts a gateway as systemd does with a socket unit: the socket is file 3, and the variables name the process."""


@pytest.fixture
def server(provider: Provider, serve: Serve) -> Running:
    """A gateway in front of one model."""
    return serve(YAML.format(url=provider.url))


def ask(*, stream: bool = False) -> bytes:
    """A request for it."""
    return orjson.dumps({"model": "one/m", "messages": HELLO, "stream": stream})


def stream_of(server: Running) -> http.client.HTTPConnection:
    """A client that has asked for a stream."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", ask(stream=True), {"content-type": "application/json"})
    return connection


def test_fifty_streams_outlast_a_sigterm(server: Running, provider: Provider) -> None:
    """Not one is broken, the exit code is 0, and the last act is the snapshot."""
    gate = Held()
    provider.plays("m", fakes.stream(fakes.ROLE, fakes.HI, gate, fakes.STOP, fakes.DONE))
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(stream_of(server))) for _ in range(STREAMS)]
        answers = [client.getresponse() for client in clients]
        assert {answer.status for answer in answers} == {200}
        server.process.send_signal(signal.SIGTERM)
        server.wait_for(f"draining: {STREAMS} answers")
        server.wait_for("no longer accepting")
        gate.open()
        assert all(answer.read().endswith(fakes.DONE) for answer in answers)
    assert server.ended() == 0
    assert "msg=stopped" in server.lines[-1]


def test_the_second_sigterm_ends_at_once(server: Running, provider: Provider) -> None:
    """However many streams there are: they are cut off within a moment, and the exit code says so."""
    provider.plays("m", fakes.stream(fakes.HI, fakes.waits()))
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(stream_of(server))) for _ in range(STREAMS)]
        for client in clients:
            assert client.getresponse().read(5)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("no longer accepting")
        began = time.perf_counter()
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 1
        assert time.perf_counter() - began < 2
    assert f"{STREAMS} answers cut off" in server.log
    assert "Traceback" not in server.log


def test_the_deadline_ends_it_too(provider: Provider, serve: Serve) -> None:
    """`drain_timeout` is what answers are granted, and no more."""
    server = serve(f"server: {{drain_timeout: 0.3s}}\n{YAML.format(url=provider.url)}")
    provider.plays("m", fakes.stream(fakes.HI, fakes.waits()))
    with closing(stream_of(server)) as client:
        assert client.getresponse().read(5)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("1 answer cut off")
        assert server.ended() == 1


def test_an_upload_under_way_is_answered(server: Running) -> None:
    """Its head came before the signal and half of its body after: the client notices nothing."""
    body = ask()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as client:
        client.putrequest("POST", "/v1/chat/completions")
        client.putheader("content-type", "application/json")
        client.putheader("content-length", str(len(body)))
        client.endheaders(body[:10])
        assert server.request("GET", "/livez")[0] == 200  # the head has been read by now
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("no longer accepting")
        client.send(body[10:])
        answer = client.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        assert orjson.loads(answer.read())["choices"]
    assert server.ended() == 0


def test_who_has_just_connected_is_served(server: Running) -> None:
    """The connection stood before the signal: to the client, the gateway was there."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as client:
        client.connect()
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("no longer accepting")
        client.request("POST", "/v1/chat/completions", ask(), {"content-type": "application/json"})
        assert client.getresponse().status == 200
    assert server.ended() == 0


class Load:
    """Clients that ask one after the other, each time on a new connection, until they are told to stop."""

    def __init__(self, port: int, clients: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join(30)

    def _ask(self) -> None:
        body = orjson.dumps({"model": "demo/echo", "messages": HELLO})
        while not self._over.is_set():
            try:
                with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as client:
                    client.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
                    answer = client.getresponse()
                    answer.read()
                    self.outcomes[str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.outcomes[type(error).__name__] += 1


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """What a socket unit opens and keeps."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as found:
        yield found


@contextmanager
def activated(folder: Path, listener: socket.socket) -> Iterator[Running]:
    """A gateway that was handed this socket."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/gateway.yaml").write_text(ECHO, "utf-8")
    command = (*ACTIVATED, str(listener.fileno()))
    server = start(folder, "serve", command=command, pass_fds=[listener.fileno()])
    try:
        yield server
    finally:
        server.process.kill()
        server.ended()
        if server.process.stderr:
            server.process.stderr.close()


def test_restarts_under_load_refuse_nobody(tmp_path: Path, listener: socket.socket) -> None:
    """Whoever comes while no process is there waits in the socket's queue, and is answered by the next one."""
    port = listener.getsockname()[1]
    with Load(port, clients=8) as load:
        for _ in range(4):
            with activated(tmp_path, listener) as server:
                assert server.wait_for(r"serving on http://\S+?:(\d+)")[1] == str(port)
                for _ in range(10):
                    server.wait_for("msg=request")
                server.process.send_signal(signal.SIGTERM)
                assert server.ended() == 0
        answered = load.outcomes.copy()
        listener.close()  # the last clients wait for nobody, and may know it now
    assert set(answered) == {"200"}
    assert answered["200"] >= 40


def test_a_socket_open_to_others_needs_keys(tmp_path: Path) -> None:
    """As `server.host` does: one line, and the exit code of a mistake in the configuration."""
    with socket.create_server(("0.0.0.0", 0)) as wide, activated(tmp_path, wide) as server:  # noqa: S104 - refused
        assert server.ended() == 78
    assert "The socket unit listens on 0.0.0.0, which is open to others" in server.log


def test_systemd_is_told_the_whole_life(tmp_path: Path) -> None:
    """Ready when it serves, reloading at SIGHUP, alive in between, stopping at SIGTERM."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor,
    ):
        supervisor.bind(f"{folder}/notify")
        supervisor.settimeout(20)

        def told(first: str) -> str:
            while (message := supervisor.recv(4096).decode()) == "WATCHDOG=1":
                pass
            assert message.partition("\n")[0] == first
            return message

        with serving(tmp_path, ECHO, env={"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "200000"}) as server:
            assert f"STATUS=serving on http://127.0.0.1:{server.port}" in told("READY=1")
            assert supervisor.recv(4096) == b"WATCHDOG=1"
            server.process.send_signal(signal.SIGHUP)
            told("RELOADING=1")
            told("READY=1")
            server.process.send_signal(signal.SIGTERM)
            assert "EXTEND_TIMEOUT_USEC=45000000" in told("STOPPING=1")
            assert server.ended() == 0
