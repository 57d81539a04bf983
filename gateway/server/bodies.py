"""A client's body, in bounds: how large, how slow, how packed."""

import asyncio

from aiohttp import web

from gateway.errors import BadRequestError, RequestTimeoutError, RequestTooLargeError, UnsupportedMediaTypeError

GRACE_S = 30.0
"""What any body may take."""
_SLOWEST_BYTES_PER_S = 16 * 1024
"""What a longer one has to keep up: 64 MiB over a poor line take an hour, a dripping one ends after the grace."""


async def read_body(request: web.Request, most: int, *, grace_s: float = GRACE_S) -> bytes:
    """The whole body.

    Raises RequestTooLargeError over `most` bytes (at once if Content-Length says so: reading 100 MB only to refuse them
    takes longer than it takes to send them), UnsupportedMediaTypeError if it is compressed (a few kB can be a bomb),
    RequestTimeoutError if it stalls or drips.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaTypeError("Compressed request bodies are not taken: send it without Content-Encoding.")
    if (request.content_length or 0) > most:
        raise _too_large(most)
    pieces, size = [], 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        if request.content.is_eof():  # a short one came with its head: there is nothing to wait for
            if len(body := request.content.read_nowait()) > most:
                raise _too_large(most)
            return body
        async with asyncio.timeout(grace_s) as deadline:
            async for piece in request.content.iter_any():
                size += len(piece)
                if size > most:
                    raise _too_large(most)
                pieces.append(piece)
                deadline.reschedule(began + grace_s + size / _SLOWEST_BYTES_PER_S)
    except TimeoutError as error:
        raise RequestTimeoutError("The request's body did not arrive in time.") from error
    except web.RequestPayloadError as error:
        raise BadRequestError("The request's body is not what its headers announce.") from error
    return b"".join(pieces)


def _too_large(most: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"The request's body is over {most} bytes (server.max_body).")
