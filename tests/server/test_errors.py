"""Every failure is JSON in OpenAI's envelope, with the headers that clients act on."""

import asyncio
import logging
import math
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway import errors
from gateway.records import Answer, Call
from gateway.server.errors import answer_errors, headers, to_response

from .conftest import Serve
from .house import BODY, ScriptedRelay, raw

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            errors.ExhaustedError("full", retry_after_s=0.25),
            {"Retry-After": "1", "retry-after-ms": "250"},
            id="soon",
        ),
        pytest.param(
            errors.ExhaustedError("full", retry_after_s=60.0),
            {"Retry-After": "60", "retry-after-ms": "60000"},
            id="a minute",
        ),
        pytest.param(
            errors.ExhaustedError("full", retry_after_s=60.0004),
            {"Retry-After": "61", "retry-after-ms": "60001", "x-should-retry": "false"},
            id="longer, rounded up",
        ),
        pytest.param(
            errors.ExhaustedError("full", retry_after_s=30.000_000_24),
            {"Retry-After": "30", "retry-after-ms": "30000"},
            id="what a float makes of half a minute",
        ),
        pytest.param(errors.ExhaustedError("spent", retry_after_s=math.inf), {"x-should-retry": "false"}, id="never"),
        pytest.param(errors.UpstreamFailedError("all failed"), {"x-should-retry": "false"}, id="502"),
        pytest.param(errors.UpstreamTimeoutError("all slow"), {"x-should-retry": "false"}, id="504"),
        pytest.param(errors.DrainingError("ends"), {"Retry-After": "1"}, id="draining"),
        pytest.param(errors.OverloadedError("full"), {"Retry-After": "1"}, id="overloaded"),
        pytest.param(errors.MethodNotAllowedError("no", ["GET", "POST"]), {"Allow": "GET, POST"}, id="405"),
        pytest.param(errors.InvalidKeyError("who?"), {"WWW-Authenticate": "Bearer"}, id="401"),
        pytest.param(errors.NoCandidateError("nobody"), {}, id="503"),
        pytest.param(errors.BadRequestError("what?"), {}, id="400"),
    ],
)
def test_headers_say_when_and_whether_to_come_back(error: errors.GatewayError, expected: dict[str, str]) -> None:
    assert headers(error) == expected


def test_relay_has_the_last_word_on_headers() -> None:
    """It knows the way the request went."""
    error = errors.UpstreamFailedError("all failed")
    error.headers = {"x-gateway-attempts": "2", "x-should-retry": "true"}
    assert headers(error) == {"x-should-retry": "true", "x-gateway-attempts": "2"}


def test_envelope_has_openai_s_four_members() -> None:
    response = to_response(errors.BadRequestError("model is missing", param="model"))
    assert response.status == 400
    assert response.body == (
        b'{"error":{"message":"model is missing","type":"invalid_request_error","param":"model","code":null}}'
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/v1/embeddings", 404, "not_found"),
        ("GET", "/v1//models", 404, "not_found"),
        ("GET", CHAT, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/config/reload", 405, "method_not_allowed"),
    ],
)
async def test_wrong_paths_and_methods(serve: Serve, method: str, path: str, status: int, code: str) -> None:
    client = await serve()
    answer = await client.request(method, path)
    assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)


async def test_get_of_the_endpoint_says_what_to_do(serve: Serve) -> None:
    """The first thing many people do with a URL is to open it."""
    client = await serve()
    answer = await client.get(CHAT)
    assert answer.headers["Allow"] == "POST"
    assert "use POST with a JSON body" in (await answer.json())["error"]["message"]


async def test_bug_is_an_id_and_nothing_else(
    serve: Serve, relay: ScriptedRelay, caplog: pytest.LogCaptureFixture
) -> None:
    """The traceback is in the log under the id that the client was told."""

    def script(_call: Call, _client: Any) -> Answer:
        raise KeyError("secret of the house")

    relay.script = script
    client = await serve()
    answer = await client.post(CHAT, json=BODY, headers={"x-request-id": "r1"})
    assert answer.status == 500
    body = await answer.json()
    assert body["error"]["code"] == "internal_error"
    assert "r1" in body["error"]["message"]
    assert "secret" not in str(body)
    assert "r1 POST failed" in caplog.text


async def test_what_the_relay_raises_comes_with_its_headers(serve: Serve, relay: ScriptedRelay) -> None:
    def script(_call: Call, _client: Any) -> Answer:
        error = errors.ExhaustedError("groq opens first", retry_after_s=1.5)
        error.headers = {"x-gateway-attempts": "2"}
        raise error

    relay.script = script
    client = await serve()
    answer = await client.post(CHAT, json=BODY)
    assert answer.status == 429
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["x-gateway-attempts"] == "2"
    assert answer.headers["x-request-id"].startswith("req_")


async def test_refusals_at_the_door_are_one_log_line(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The relay never saw them, so nobody else would tell. The query is left out: people put keys there."""
    caplog.set_level(logging.INFO)
    client = await serve()
    await client.get("/nothing?key=secret", headers={"x-request-id": "r2"})
    line = next(record for record in caplog.records if record.message == "refused")
    assert line.__dict__["fields"] == {
        "id": "r2",
        "status": 404,
        "outcome": "not_found",
        "method": "GET",
        "path": "/nothing",
    }


async def test_what_the_relay_refused_is_not_logged_twice(
    serve: Serve, relay: ScriptedRelay, caplog: pytest.LogCaptureFixture
) -> None:
    def script(_call: Call, _client: Any) -> Answer:
        raise errors.NoCandidateError("nobody")

    caplog.set_level(logging.INFO)
    relay.script = script
    client = await serve()
    await client.post(CHAT, json=BODY)
    assert "refused" not in caplog.text


async def test_connection_ends_where_the_rest_of_a_body_is_not_read(serve: Serve) -> None:
    client = await serve()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    answer = await raw(client.port or 0, head.encode())
    assert (answer[0], answer[1]["connection"]) == (415, "close")


@pytest.mark.parametrize(("leaves", "logged"), [(True, False), (False, True)])
async def test_client_that_is_gone_is_no_bug(caplog: pytest.LogCaptureFixture, leaves: bool, logged: bool) -> None:
    """Writing to it fails, which is not worth a traceback. A connection of our own that fails so is."""

    async def fail(request: web.Request) -> web.StreamResponse:
        if leaves and request.transport:
            request.transport.close()
        raise ConnectionResetError

    app = web.Application(middlewares=[answer_errors])
    app.router.add_get("/", fail)
    server = TestServer(app)
    await server.start_server()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await server.close()
    assert answer.startswith(b"HTTP/1.1 500") is not leaves
    assert ("failed: a bug" in caplog.text) is logged
