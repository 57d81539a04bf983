"""Signals: SIGTERM drains, a second one ends at once, SIGHUP reloads."""

import http.client
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.processes import Running, running

SLOW = {"model": "demo/echo-slow", "stream": True, "messages": [{"role": "user", "content": "one two"}]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A gateway in an empty folder."""
    with running(tmp_path) as server:
        yield server


@pytest.fixture
def stream(server: Running) -> Iterator[http.client.HTTPResponse]:
    """A running stream of some seconds, its head already here."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", orjson.dumps(SLOW), {"content-type": "application/json"})
    reply = connection.getresponse()
    assert reply.status == 200
    yield reply
    connection.close()


def test_sigterm_lets_answers_finish(server: Running, stream: http.client.HTTPResponse) -> None:
    """The stream comes to its end, the process ends well, and its last act is the snapshot."""
    server.process.send_signal(signal.SIGTERM)
    server.wait_for("draining: 1 answer")
    assert stream.read().endswith(b"data: [DONE]\n\n")
    assert server.ended() == 0
    assert "msg=stopped" in server.lines[-1]


def test_while_draining_nobody_is_let_in(server: Running, stream: http.client.HTTPResponse) -> None:
    """The port is closed for new connections."""
    server.process.send_signal(signal.SIGTERM)
    server.wait_for("draining")
    server.wait_for("no longer accepting")
    with pytest.raises(ConnectionRefusedError):
        server.request("GET", "/health")
    assert stream.read()


def test_a_second_sigterm_ends_at_once(server: Running, stream: http.client.HTTPResponse) -> None:
    """Answers are cut off, and the exit code says so."""
    server.process.send_signal(signal.SIGTERM)
    server.wait_for("draining")
    server.process.send_signal(signal.SIGTERM)
    server.wait_for("1 answer cut off")
    assert server.ended() == 1
    assert "Traceback" not in server.log
    with pytest.raises(http.client.IncompleteRead):
        stream.read()


def test_without_answers_the_end_is_at_once(server: Running) -> None:
    """A kept-alive connection that waits for nothing holds nobody up."""
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    idle.request("GET", "/livez")
    idle.getresponse().read()
    server.process.send_signal(signal.SIGTERM)
    assert server.ended() == 0
    idle.close()


def test_two_signals_without_answers_cut_nobody_off(server: Running) -> None:
    """Somebody has connected and asks nothing: that is no answer, and the exit code is that of a good end."""
    with socket.create_connection(("127.0.0.1", server.port)):
        assert server.request("GET", "/livez")[0] == 200  # whoever came before this is accepted by now
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("no longer accepting")
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0
    assert "cut off" not in server.log


def test_sighup_reads_the_configuration_again(server: Running) -> None:
    """Even one that has not changed."""
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("configuration read again: nothing has changed")
    assert server.chat()[0] == 200
