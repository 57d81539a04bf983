"""`POST /v1/chat/completions`: what of a request becomes the call."""

import pytest

from gateway.catalog.schema import Server
from gateway.clock import FakeClock
from gateway.server.keys import STATE

from .conftest import Serve
from .house import ScriptedRelay, catalog

CHAT = "/v1/chat/completions"
BODY = b'{"model": "groq/llama",  "messages": [{"role": "user", "content": "hi"}]}'


async def test_call_carries_what_was_sent(serve: Serve, relay: ScriptedRelay, clock: FakeClock) -> None:
    """The body untouched, the id that the answer has too, and when it came."""
    client = await serve()
    answer = await client.post(CHAT, data=BODY, headers={"X-Client-Request-Id": "mine"})
    assert answer.headers["x-request-id"] == "mine"
    call = relay.calls[0]
    assert (call.id, call.model, call.body, call.received) == ("mine", "groq/llama", BODY, clock.now())


@pytest.mark.parametrize(
    ("value", "expected"), [("yes", True), (" Yes ", True), ("no", False), ("true", False), ("", False)]
)
async def test_only_yes_allows_to_pay(serve: Serve, relay: ScriptedRelay, value: str, expected: bool) -> None:
    client = await serve()
    await client.post(CHAT, data=BODY, headers={"x-gateway-paid": value})
    assert relay.calls[0].may_pay is expected


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream", "x", ""])
async def test_content_type_does_not_matter_if_it_is_json(serve: Serve, kind: str) -> None:
    """Half of the scripts that call this forget it."""
    client = await serve()
    assert (await client.post(CHAT, data=BODY, headers={"Content-Type": kind})).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"model=x", b"\xff\xfe", b"[" * 100_000], ids=lambda body: repr(body[:9]))
async def test_what_is_not_json_is_a_bad_request(serve: Serve, relay: ScriptedRelay, body: bytes) -> None:
    client = await serve()
    answer = await client.post(CHAT, data=body)
    assert answer.status == 400
    assert (await answer.json())["error"]["type"] == "invalid_request_error"
    assert relay.calls == []


async def test_body_over_max_body_is_refused(serve: Serve, relay: ScriptedRelay) -> None:
    client = await serve(catalog(server=Server(max_body=len(BODY))))
    assert (await client.post(CHAT, data=BODY)).status == 200
    answer = await client.post(CHAT, data=BODY + b" ")
    assert (answer.status, (await answer.json())["error"]["code"]) == (413, "request_too_large")
    assert len(relay.calls) == 1


async def test_nothing_new_starts_while_draining(serve: Serve, relay: ScriptedRelay) -> None:
    client = await serve()
    client.app[STATE].draining = True
    answer = await client.post(CHAT, data=BODY)
    assert (answer.status, (await answer.json())["error"]["code"]) == (503, "draining")
    assert (answer.headers["Retry-After"], answer.headers["Connection"]) == ("1", "close")
    assert relay.calls == []


async def test_no_more_run_at_once_than_may(serve: Serve) -> None:
    client = await serve(catalog(server=Server(max_concurrent_requests=2)))
    client.app[STATE].running = 1
    assert (await client.post(CHAT, data=BODY)).status == 200
    client.app[STATE].running = 2
    answer = await client.post(CHAT, data=BODY)
    assert (answer.status, (await answer.json())["error"]["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "1"


async def test_short_of_memory_nothing_new_starts(serve: Serve, relay: ScriptedRelay) -> None:
    """From 80 % on: what is running needs the rest. Who was refused is counted."""
    client = await serve(catalog(server=Server(max_memory=1000)))
    client.app[STATE].load.memory_bytes = 799
    assert (await client.post(CHAT, data=BODY)).status == 200
    client.app[STATE].load.memory_bytes = 800
    answer = await client.post(CHAT, data=BODY)
    assert (answer.status, (await answer.json())["error"]["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "1"
    assert len(relay.calls) == client.app[STATE].load.refused_requests == 1
