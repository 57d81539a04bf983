"""Asking the gateway that runs, and what is said where none answers."""

import socket
import threading
from collections.abc import Iterator

import click
import pytest

from gateway.catalog.schema import Server
from gateway.cli.asking import ask


class Answering:
    """A program on a port of its own that answers every connection with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.heard = b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self.socket.accept()
        with connection:
            while not self.heard.endswith(b"}"):
                self.heard += connection.recv(4096)
            connection.sendall(self._answer)

    def close(self) -> None:
        """Stop, once it has answered."""
        self._thread.join(timeout=5)
        self.socket.close()


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[Answering]:
    """What answers."""
    found = Answering(request.param)
    yield found
    found.close()


def http(body: bytes, status: str = "200 OK") -> bytes:
    """A whole answer."""
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


@pytest.mark.parametrize("answering", [http(b'{"error": {}}', "404 Not Found")], indirect=True)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", ""])  # noqa: S104 - a gateway that listens everywhere
def test_status_and_answer_are_given(answering: Answering, host: str) -> None:
    """From this machine, wherever the gateway listens; headers go as UTF-8."""
    assert ask(Server(host=host, port=answering.port), "/v1/route", {"model": "base"}, {"x-admin-token": "ö"}) == (
        404,
        {"error": {}},
    )
    assert answering.heard.startswith(b"POST /v1/route HTTP/1.1\r\n")
    assert b"x-admin-token: \xc3\xb6\r\n" in answering.heard
    assert answering.heard.endswith(b'\r\n\r\n{"model":"base"}')


@pytest.mark.parametrize(
    "answering",
    [
        pytest.param(http(b"<html>"), id="a web page"),
        pytest.param(http(b"[]"), id="other JSON"),
        pytest.param(b"220 mail ready\r\n", id="no HTTP"),
        pytest.param(http(b"{}")[:-1], id="half an answer"),
    ],
    indirect=True,
)
def test_another_program_is_told_from_a_gateway(answering: Answering) -> None:
    """It may stand on the port."""
    with pytest.raises(click.ClickException, match=f"What answers at http://127.0.0.1:{answering.port} is no gateway"):
        ask(Server(port=answering.port), "/", {}, {})


@pytest.mark.parametrize("answering", [b""], indirect=True)
def test_a_connection_that_is_closed_is_told(answering: Answering) -> None:
    """As one that cannot be used."""
    with pytest.raises(click.ClickException, match=f"The gateway at http://127.0.0.1:{answering.port} cannot be reach"):
        ask(Server(port=answering.port), "/", {}, {})


@pytest.mark.parametrize(
    ("server", "says"),
    [
        pytest.param(Server(port=0), "say which with --port", id="no port"),
        pytest.param(Server(port=9), r"No gateway runs at http://127\.0\.0\.1:9\. Start it", id="nobody listens"),
        pytest.param(Server(host="::", port=9), r"http://\[::1\]:9", id="IPv6"),
        pytest.param(
            Server(host="no.such.invalid", port=9), r"at http://no\.such\.invalid:9 cannot be reached", id="name"
        ),
    ],
)
def test_what_is_wrong_is_one_line(server: Server, says: str) -> None:
    """And it says what to do."""
    with pytest.raises(click.ClickException, match=says):
        ask(server, "/", {}, {})
