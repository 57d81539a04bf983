"""What stands between a socket and the web server: eyes on clients that send no head or read no answer, and refusals.

aiohttp has one timeout for a head and for an idle connection, and none for an answer that nobody reads.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, cast

from aiohttp import web


class Patience(NamedTuple):
    """How long a client is waited for, in seconds."""

    head_s: float = 10.0
    """For the first head of a connection. The next ones have the keep-alive timeout."""
    unread_s: float = 60.0
    """For a client that takes nothing of an answer that is there."""
    refused_s: float = 1.0
    """For a refused client to read why. A close at once would reset the connection, and the answer be lost."""


class Connection(asyncio.Protocol):
    """One client. `closed` is called when it is gone, `slow` before it is closed for being slow."""

    # Ten thousand of them may be idle.
    __slots__ = (
        "_closed",
        "_closing",
        "_end",
        "_handler",
        "_patience",
        "_slow",
        "_timer",
        "_transport",
        "_unread",
        "fresh",
    )

    def __init__(
        self,
        handler: web.RequestHandler,
        closed: Callable[["Connection"], None],
        slow: Callable[[], None],
        patience: Patience,
    ) -> None:
        self._handler = handler
        self.fresh = True
        """Whether it has not sent a whole head yet."""
        self._closed = closed
        self._slow = slow
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._end = b""
        self._unread = 0
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the head."""
        self._transport = cast("asyncio.Transport", transport)
        self._after(self._patience.head_s, self._too_slow)
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on, and look whether the first head is whole: it ends with an empty line."""
        if self.fresh:
            seen = self._end + data
            self._end = seen[-3:]
            if b"\n\r\n" in seen or b"\n\n" in seen:
                self.fresh, self._end = False, b""
                self._stop_timer()
        self._handler.data_received(data)

    def eof_received(self) -> None:
        """Pass on."""
        self._handler.eof_received()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is answered."""
        self._unread = self.unread_bytes
        self._after(self._patience.unread_s, self._still_unread)
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._stop_timer()
        self._handler.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Pass on."""
        self._stop_timer()
        self._closed(self)
        self._handler.connection_lost(exc)

    @property
    def idle(self) -> bool:
        """Whether it waits for a head: nothing is being received or answered."""
        waiter = self._handler._waiter  # noqa: SLF001 - aiohttp's own keep-alive timer looks here, others have no way
        return waiter is not None and not waiter.done()

    @property
    def busy(self) -> bool:
        """Whether something is being received or answered, or not all of an answer is out."""
        closing = self._transport is not None and self._transport.is_closing()
        return self.unread_bytes > 0 or not (self.idle or closing)

    @property
    def unread_bytes(self) -> int:
        """What is to be written and the client does not take; what fits into the system's buffers is not in it."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    def close(self) -> None:
        """Close it once what is written is out."""
        self._handler.force_close()

    def abort(self) -> None:
        """Close it now, whatever is running."""
        if self._transport:
            self._transport.abort()

    def look(self) -> None:
        """Abort it if it is closing and was so at the last look: what is left to write, nobody reads.

        aiohttp does not stop writing a small answer that is stuck, so `pause_writing` is never called for it.
        """
        if self._closing:
            self._too_slow()
        self._closing = self._transport is not None and self._transport.is_closing()

    def _still_unread(self) -> None:
        if self.unread_bytes < self._unread:
            self._unread = self.unread_bytes
            self._after(self._patience.unread_s, self._still_unread)
        else:
            self._too_slow()

    def _too_slow(self) -> None:
        self._slow()
        self.abort()

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, action)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


class Refusal(asyncio.Protocol):
    """A client for whom there is no room: gets `answer`, and is closed when it has read that, or after a while."""

    def __init__(self, answer: bytes, closed: Callable[["Refusal"], None], patience: Patience) -> None:
        self._answer = answer
        self._patience = patience
        self._closed = closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say why, and no more."""
        to = cast("asyncio.Transport", transport)
        self._timer = asyncio.get_running_loop().call_later(self._patience.refused_s, to.abort)
        to.write(self._answer)
        with suppress(OSError):  # it has gone meanwhile, which `write` does not mind
            to.write_eof()

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""
        del exc
        self._timer.cancel()
        self._closed(self)
