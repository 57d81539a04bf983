"""A provider on a real socket that plays a script. It runs in a thread of its own, so that tests may block."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import orjson
from aiohttp import web

from gateway.errors import UpstreamError
from tests import fakes
from tests.fakes import Step, Waiting

HTML: Step = (200, {"content-type": "text/html"}, [b"<html><body>Please sign in</body></html>"])
"""A captive portal."""

TRUNCATED: Step = (200, {"content-type": "application/json"}, [b'{"object": "chat.completion", "choices": [{"ind'])
"""JSON that ends in the middle, in a body that is complete by its framing."""

ERROR_EVENT: Step = fakes.stream(fakes.event(error={"message": "overloaded", "code": 503}))
"""A stream whose first event is an error."""

HANG: Step = fakes.waits()
"""The request is read, and nothing ever comes."""

RESET: Step = fakes.broke()
"""The request is read, and the connection reset."""


class Pause(Exception):  # noqa: N818 - a step of a script, not an error
    """Nothing comes for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Held(Exception):  # noqa: N818 - a step of a script, not an error
    """Nothing comes until the test opens it."""

    def __init__(self) -> None:
        super().__init__()
        self._open = threading.Event()

    def open(self) -> None:
        """Go on, everybody who waits here."""
        self._open.set()

    async def wait(self) -> None:
        """Until it is open."""
        while not self._open.is_set():  # noqa: ASYNC110 - the test is in another thread, and so in no loop
            await asyncio.sleep(0.005)


class _ResetError(Exception):
    """The connection was reset, as the script wants it."""


class Asked:
    """One request that reached the provider. Moments are those of `time.perf_counter`."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        self.at = time.perf_counter()
        self.body = body
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.json: dict[str, Any] = orjson.loads(body)
        self.ended = threading.Event()
        """Set when the answer is over: complete, or the gateway closed the connection."""
        self.left_at: float | None = None
        """When the gateway closed the connection before the answer was complete; None if it did not."""

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.json["model"])


Script = Step | Callable[[Asked], Step]


class Provider:
    """Answers by model: what `plays` was told, else a plain answer, streamed if that was asked for.

    A step is one of `tests.fakes`: status, headers and pieces, or an exception in place of all that, or a function that
    makes one for a request. Among the pieces, `Pause` and `Held` wait, `Waiting` waits for ever, and `fakes.broke()`
    resets the connection.
    """

    def __init__(self) -> None:
        self.url = ""
        """With the version segment, for `base_url`."""
        self._asked: list[Asked] = []
        self._changed = threading.Condition()
        self._scripts: dict[str, list[Script]] = {}

    def plays(self, model: str, *steps: Script) -> None:
        """From now on `model` answers with these, in order; the last one again and again."""
        self._scripts[model] = list(steps)

    def asked(self, model: str | None = None) -> list[Asked]:
        """What came so far, in order: everything, or what asked for `model`."""
        return [each for each in list(self._asked) if model is None or each.model == model]

    def wait(self, count: int = 1, model: str | None = None) -> Asked:
        """The last request, as soon as there are `count`. Fails after 20 s."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked(model)) >= count, timeout=20), self.asked(model)
        return self.asked(model)[-1]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Record the request and play the next step for its model."""
        asked = Asked(await request.read(), request.headers)
        with self._changed:
            self._asked.append(asked)
            self._changed.notify_all()
        try:
            return await _play(self._step(asked), request)
        except _ResetError:
            return web.Response()  # nobody gets it
        except (asyncio.CancelledError, ConnectionError):
            asked.left_at = time.perf_counter()
            raise
        finally:
            asked.ended.set()

    def _step(self, asked: Asked) -> Step:
        script = self._scripts.get(asked.model)
        if script:
            step = script.pop(0) if len(script) > 1 else script[0]
            return step(asked) if callable(step) else step
        if not asked.json.get("stream"):
            return fakes.chat()
        told = bool((asked.json.get("stream_options") or {}).get("include_usage"))
        return fakes.stream(fakes.ROLE, fakes.HI, fakes.STOP, *[fakes.USAGE] * told, fakes.DONE)


async def _play(step: Step, request: web.Request) -> web.StreamResponse:
    if isinstance(step, Exception):
        await _odd(step, request)
        return web.Response()
    status, headers, pieces = step
    if headers.get("content-type") != "text/event-stream" and all(isinstance(piece, bytes) for piece in pieces):
        body = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        return web.Response(status=status, headers=headers, body=body)
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    for piece in pieces:
        if isinstance(piece, bytes):
            await response.write(piece)
        else:
            await _odd(piece, request)
    return response


async def _odd(step: BaseException, request: web.Request) -> None:
    """A pause, a silence without end, or a reset: then nothing is written any more."""
    match step:
        case Pause(seconds=seconds):
            await asyncio.sleep(seconds)
        case Held():
            await step.wait()
        case Waiting():
            await asyncio.Event().wait()
        case UpstreamError() if request.transport:
            raw: socket.socket = request.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()
            raise _ResetError
        case _:
            raise step


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that listens until the block ends."""
    one = Provider()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_post("/v1/chat/completions", one.answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        ready.set()
        await over.wait()
        await runner.cleanup()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="provider")
    thread.start()
    try:
        assert ready.wait(20)
        yield one
    finally:
        with suppress(RuntimeError):  # it failed to start, and its loop is closed
            loop.call_soon_threadsafe(over.set)
        thread.join(20)


@contextmanager
def nobody() -> Iterator[str]:
    """A base URL where every connection is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can have it
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
