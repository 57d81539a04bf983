"""One attempt up to the point of no return: send, read until it is clear what came, judge."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

from msgspec import Struct

from gateway.catalog.catalog import Target
from gateway.catalog.schema import Server
from gateway.clock import Clock
from gateway.dialects.encoding import decoded
from gateway.dialects.openings import Opening, OpeningScanner
from gateway.errors import UpstreamError
from gateway.providers import TYPES
from gateway.records import Call, UpstreamReply, UpstreamRequest
from gateway.routing.outcome import Verdict, judge_body, judge_error, judge_opening

MOST_OF_AN_ERROR = 256 * 1024
"""Bytes of an error's body that are read: what it says stands at its beginning."""

MOST_HELD = 1024 * 1024
"""Bytes of a stream that are held back for its first content; whoever sends more of something is answering."""


class Upstream(Protocol):
    """Whatever can send a request: HTTP in life, a fake in tests."""

    def send(
        self, request: UpstreamRequest, tap: Callable[[bytes], None] | None = None
    ) -> AbstractAsyncContextManager[UpstreamReply]:
        """The answer while it is open; `tap` sees each piece, decompressed, just before. Raises UpstreamError."""
        ...


class Opened(Struct, kw_only=True):
    """A reply whose beginning was judged."""

    verdict: Verdict
    reply: UpstreamReply
    held: list[bytes]
    """What was read of its body so far."""
    first_byte_s: float
    """Seconds from sending to the head."""
    content_s: float
    """Seconds from sending until the verdict."""
    edited: tuple[str, ...]
    """Members of the body that differ from what the client sent."""
    asked_for_usage: bool
    """The gateway asked a stream for usage that the client had not asked for."""


async def send(  # noqa: PLR0913 - an attempt has as many sides
    target: Target,
    call: Call,
    server: Server,
    upstream: Upstream,
    clock: Clock,
    tap: Callable[[bytes], None],
    stack: AsyncExitStack,
    *,
    plain: bool,
    max_tokens: int | None = None,
) -> Opened:
    """Send `call` to `target` and judge what comes back; it stays open on `stack`. Raises UpstreamError.

    `plain` leaves `stream_options` out, after a refusal that named it. `max_tokens` is what a strict limit allows.
    """
    request = TYPES[target.type].request(target, call, timeouts=server, drop_usage_option=plain, max_tokens=max_tokens)
    began = clock.now()
    limit_s = server.first_byte_timeout if call.stream else server.answer_timeout
    try:
        async with asyncio.timeout(limit_s) as patience:
            reply = await stack.enter_async_context(upstream.send(request, tap))
            headed = clock.now()
            held: list[bytes] = []
            if reply.status >= 300:
                await _read(reply.chunks, held, MOST_OF_AN_ERROR)
                verdict = judge_error(reply.status, reply.headers, _clear(reply, held, server), headed, target.type)
            elif call.stream:
                verdict = await _judge_stream(target, reply, held, server, clock, patience, limit_s)
            else:
                await _read(reply.chunks, held, None)
                body = _clear(reply, held, server)
                verdict = judge_body(reply.status, reply.headers, body, headed, target.type)
    except TimeoutError:
        raise UpstreamError("timeout_first_byte", f"No answer within {limit_s:g} s.", sent=True) from None
    return Opened(
        verdict=verdict,
        reply=reply,
        held=held,
        first_byte_s=headed.boot - began.boot,
        content_s=clock.now().boot - began.boot,
        edited=request.edited,
        asked_for_usage=call.stream and target.include_usage and not call.wants_usage and not plain,
    )


async def _judge_stream(
    target: Target,
    reply: UpstreamReply,
    held: list[bytes],
    server: Server,
    clock: Clock,
    patience: asyncio.Timeout,
    limit_s: float,
) -> Verdict:
    """Hold pieces until the first content, or until it is clear that none will come."""
    loop = asyncio.get_running_loop()
    opening: Opening | None = None
    if reply.headers.get("content-encoding", "identity") != "identity":
        opening = Opening("content")  # nobody asked for it compressed; it goes through as it is
    scanner = OpeningScanner()
    size = 0
    while opening is None:
        piece = await anext(reply.chunks, None)
        if piece is None:
            opening = scanner.end()
            break
        held.append(piece)
        size += len(piece)
        patience.reschedule(loop.time() + limit_s)  # comments are signs of life
        opening = scanner.feed(piece) or (Opening("content") if size > MOST_HELD else None)
    if opening.kind != "foreign":
        return judge_opening(opening, reply.status, reply.headers, clock.now(), target.type)
    # JSON, HTML or noise where a stream was asked for. An error said so is still worth reading.
    await _read(reply.chunks, held, MOST_OF_AN_ERROR)
    body = _clear(reply, held, server)
    verdict = judge_body(reply.status, reply.headers, body, clock.now(), target.type)
    if verdict.kind == "answer":
        verdict = judge_opening(opening, reply.status, reply.headers, clock.now(), target.type)
    return verdict


async def _read(chunks: AsyncIterator[bytes], held: list[bytes], most: int | None) -> None:
    """Read on, to the end or until `most` bytes are there."""
    size = sum(map(len, held))
    while most is None or size < most:
        piece = await anext(chunks, None)
        if piece is None:
            return
        held.append(piece)
        size += len(piece)


def _clear(reply: UpstreamReply, held: list[bytes], server: Server) -> bytes:
    """What was read, decompressed. Raises UpstreamError where that fails."""
    body = b"".join(held)
    encoding = reply.headers.get("content-encoding", "")
    return decoded(body, encoding, server.max_response) if encoding else body
