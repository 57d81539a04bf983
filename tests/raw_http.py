"""HTTP on bare sockets, both sides of it: cheap enough that a million requests are the gateway's work and not ours.

Only what the gateway and its providers say to each other is understood: bodies with a length or in chunks.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from tests import fakes

_END: Final = b"0\r\n\r\n"


def whole(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """An answer with its length."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} said\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def chunked(*pieces: bytes, ends: bool = True) -> bytes:
    """A stream of events; without an end it goes on for ever, and nothing more comes."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (_END if ends else b"")


def request(port: int, body: bytes) -> bytes:
    """A chat completion as it goes out."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def chat(model: str, text: str, *, stream: bool = False) -> bytes:
    """The body of one, with its members in the order that `Provider` reads."""
    flag = b', "stream": true' if stream else b""
    return b'{"model": "%s"%s, "messages": [{"role": "user", "content": "%s"}]}' % (
        model.encode(),
        flag,
        text.encode(),
    )


class Books:
    """What a provider knows: requests by model, and how long after its client left each unfinished one was closed."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self.answers = answers
        """Model -> everything that goes out for it, nothing for a reset. Models without a row get a short answer, whole
        or streamed as it was asked for."""
        self.asked = Counter[str]()
        self.open: dict[str, asyncio.Transport] = {}
        """The unfinished, by the text of their message."""
        self.closed_at: dict[str, float] = {}
        """When the gateway closed an unfinished one, on `time.perf_counter`, by the text of its message."""

    def answer(self, model: str, *, stream: bool) -> bytes:
        """What goes out."""
        return self.answers.get(model, _STREAM if stream else _PLAIN)


def _plain() -> bytes:
    step = fakes.chat()
    assert not isinstance(step, Exception)
    return whole(200, step[1], b"".join(piece for piece in step[2] if isinstance(piece, bytes)))


_PLAIN: Final = _plain()
_STREAM: Final = chunked(fakes.ROLE, *[fakes.HI] * 5, fakes.STOP, fakes.USAGE, fakes.DONE)


class _Served(asyncio.Protocol):
    """One connection of the gateway."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._unread = b""
        self._unfinished = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        head, blank, body = self._unread.partition(b"\r\n\r\n")
        if not blank:
            return
        if len(body) < _length(head.lower()):
            return
        self._unread = b""  # nobody sends the next request before the answer is there
        model = _between(body, b'"model":')
        self._books.asked[model] += 1
        answer = self._books.answer(model, stream=b'"stream":' in body)
        if not answer:
            self._transport.abort()
            return
        if b"chunked" in answer[:100] and not answer.endswith(_END):
            self._unfinished = _between(body, b'"content":')
            self._books.open[self._unfinished] = self._transport
        self._transport.write(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._unfinished:
            self._books.closed_at[self._unfinished] = time.perf_counter()
            del self._books.open[self._unfinished]


def _length(head: bytes) -> int:
    _, _, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])


def _between(body: bytes, name: bytes) -> str:
    return body.partition(name)[2].split(b'"', 2)[1].decode()


@asynccontextmanager
async def provider(books: Books) -> AsyncIterator[str]:
    """The base URL of a provider that listens, in this very loop, until the block ends."""
    server = await asyncio.get_running_loop().create_server(lambda: _Served(books), "127.0.0.1", 0, backlog=4096)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


class Caller(asyncio.Protocol):
    """One kept-alive connection to the gateway. `on_answer` gets the status as soon as an answer is complete.

    Who only wants the beginning is told the status 0 at the first byte of a body.
    """

    def __init__(self, on_answer: Callable[["Caller", int], None]) -> None:
        self._on_answer = on_answer
        self._unread = b""
        self._only_begin = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, content: bytes, *, only_begin: bool = False) -> None:
        """Ask the next."""
        self._unread = b""
        self._only_begin = only_begin
        self.transport.write(content)

    def data_received(self, data: bytes) -> None:
        """A piece of the answer came."""
        self._unread += data
        head, blank, body = self._unread.partition(b"\r\n\r\n")
        if not blank:
            return
        status, folded = int(head[9:12]), head.lower()
        if self._only_begin and status < 400:
            if body:
                self._on_answer(self, 0)
            return
        if body.endswith(_END) if b"transfer-encoding: chunked" in folded else len(body) >= _length(folded):
            self._on_answer(self, status)
