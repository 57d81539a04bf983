"""More than the process can bear: who is turned away is told so, the log stays short, and it is over at once."""

import http.client
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests import fakes
from tests.processes import Running, running

from .conftest import Serve
from .provider import Held, Provider

FILES = 120
ROOM = (FILES - 64) // 2
"""Connections of clients that many files allow."""

FEW_FILES = ("sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh", sys.executable, "-m", "gateway")


def load(server: Running) -> dict[str, Any]:
    """What `/health` says of it."""
    found: dict[str, Any] = orjson.loads(server.request("GET", "/health")[2])["load"]
    return found


def first_line(port: int) -> bytes:
    """What a client with a request is told first; empty if it is only closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client, suppress(ConnectionError):
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with client.makefile("rb") as answer:
            return answer.readline()
    return b""


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[Running]:
    """A gateway that may open few files."""
    with running(tmp_path, command=FEW_FILES) as server:
        yield server


def test_a_crowd_without_files_for_it(cramped: Running) -> None:
    """1,000 connections where files are for 28: a 503 for the next, a few lines, and back as soon as they leave."""
    with ExitStack() as stack:
        for _ in range(ROOM):
            stack.enter_context(socket.create_connection(("127.0.0.1", cramped.port), timeout=20))
        assert first_line(cramped.port) == b"HTTP/1.1 503 Service Unavailable\r\n"
        for _ in range(1000):
            stack.enter_context(socket.create_connection(("127.0.0.1", cramped.port), timeout=20))
    began = time.perf_counter()
    while not first_line(cramped.port).startswith(b"HTTP/1.1 200"):
        assert time.perf_counter() - began < 1
    assert cramped.chat()[0] == 200
    found = load(cramped)
    assert (found["max_connections"], found["state"]) == (ROOM, "ok")
    assert found["refused"]["connections"] > 900
    assert len(cramped.lines) < 20
    assert "Traceback" not in cramped.log


def test_a_cap_on_connections_is_visible(serve: Serve) -> None:
    """In `/health`, asked over a connection that stood before; on the page; in one line of the log."""
    server = serve("server: {max_connections: 3}\nproviders: {demo: {type: echo, models: {echo: {}}}}\n")
    with ExitStack() as stack:
        kept = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)))
        kept.request("GET", "/livez")
        kept.getresponse().read()
        for _ in range(2):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        assert first_line(server.port) == b"HTTP/1.1 503 Service Unavailable\r\n"
        kept.request("GET", "/health")
        health = orjson.loads(kept.getresponse().read())
        kept.request("GET", "/", headers={"accept": "text/html"})
        page = kept.getresponse().read().decode()
    server.wait_for("connections refused: 3 are open")
    assert (health["status"], health["load"]["state"]) == ("degraded", "shedding")
    assert (health["load"]["connections"], health["load"]["refused"]["connections"]) == (3, 1)
    assert "all 3 connections are in use" in page
    assert "3 connections" in page


def test_short_of_memory(serve: Serve) -> None:
    """A cap below what a process needs at rest: no request is taken, and the page, the health and the log say why."""
    server = serve("server: {max_memory: 16MiB}\nproviders: {demo: {type: echo, models: {echo: {}}}}\n")
    status, headers, body = server.chat("demo/echo")
    assert (status, orjson.loads(body)["error"]["code"], headers["retry-after"]) == (503, "overloaded", "1")
    assert "of server.max_memory: no new requests are taken" in server.log
    assert load(server)["state"] == "shedding"
    assert b"of server.max_memory" in server.request("GET", "/")[2]
    assert server.request("GET", "/readyz")[0] == 503


def test_as_many_streams_as_may_run(serve: Serve, provider: Provider) -> None:
    """The next one is refused at once, counted, and taken again when there is a place."""
    gate = Held()
    provider.plays("m", fakes.stream(fakes.HI, gate, fakes.STOP, fakes.DONE))
    server = serve(
        f"server: {{max_concurrent_requests: 1}}\nproviders: {{one: {{base_url: '{provider.url}', api_key: made-up, "
        "models: {m: {}}}}\n"
    )
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as client:
        body = {"model": "one/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        client.request("POST", "/v1/chat/completions", orjson.dumps(body), {"content-type": "application/json"})
        answer = client.getresponse()
        assert server.chat("one/m")[0] == 503
        assert load(server)["refused"] == {"connections": 0, "requests": 1}
        gate.open()
        assert answer.read().endswith(fakes.DONE)
    assert server.chat("one/m", stream=True)[0] == 200


def test_a_loop_that_stood_still_is_seen(serve: Serve) -> None:
    """Stopped from outside for a third of a second: measured, in `/health` and on the page, with its moment."""
    server = serve("providers: {demo: {type: echo, models: {echo: {}}}}\n")
    assert load(server)["loop"]["last_stall"] is None or load(server)["loop"]["last_stall"]["seconds"] < 0.3
    server.process.send_signal(signal.SIGSTOP)
    threading.Event().wait(0.5)
    server.process.send_signal(signal.SIGCONT)
    server.wait_for(r"the event loop stood still for 0\.[3-9]")
    stall = load(server)["loop"]["last_stall"]
    assert 0.3 < stall["seconds"] < 5
    assert b"event loop over 100 ms late: " in server.request("GET", "/")[2]
