"""An answer to a connection from which no request will be read."""

import http.client
import socket

import orjson

from gateway.errors import OverloadedError
from gateway.server.refusal import refusal


def test_it_is_a_whole_response() -> None:
    """A client's own parser reads it: status, when to come back, and the error in the usual shape."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(refusal(OverloadedError("10 connections are open.")))
        ours.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(theirs)
        answer.begin()
        assert (answer.status, answer.reason) == (503, "Service Unavailable")
        assert (answer.getheader("Retry-After"), answer.getheader("Connection")) == ("1", "close")
        assert orjson.loads(answer.read())["error"] == {
            "message": "10 connections are open.",
            "type": "service_unavailable_error",
            "param": None,
            "code": "overloaded",
        }
