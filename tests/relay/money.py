"""A gateway over random configurations (`wild`), a till that sees every call, answers and fails: `Shop(chance).open()`.

What costs nothing, and which rule applies, is worked out here once more, from the configuration as it is written and
the bytes that are sent: the gateway's own opinion is not asked.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from fnmatch import fnmatchcase
from random import Random
from typing import Any
from urllib.parse import urlsplit

import orjson
from msgspec import Struct

from gateway.catalog.catalog import Catalog
from gateway.catalog.compile import compile_text
from gateway.clock import FakeClock
from gateway.dialects.chat import read_call
from gateway.errors import GatewayError
from gateway.price_list import PriceLists, read
from gateway.records import Secret, UpstreamReply, UpstreamRequest
from gateway.relay import Relay
from gateway.state import ConfigStatus, State
from tests.fakes import DONE, HI, ROLE, STOP, USAGE, FakeUpstream, Step, broke, chat, event, refusal, stream

from .wild import Wild

LISTS = PriceLists.of(
    [
        read(
            b'{"date": "2026-11-21", "hosts": {"api.openai.com": "openai", "openrouter.ai": "openrouter"}, "providers":'
            b'{"openai": {"listed": {"input": 1, "output": 2}}, "openrouter": {"o/listed": {"input": 1, "output": 2}}}}'
        )
    ]
)
"""So that some prices are known without being written."""

STREAMED = (ROLE, HI, STOP, USAGE, DONE)
WHOLE: tuple[Callable[[], Step], ...] = (chat, lambda: chat("", completion=0), lambda: chat(cost=0.5))
FAILURES: tuple[Callable[[], Step], ...] = (
    lambda: refusal(429),
    lambda: refusal(429, headers={"retry-after": "2"}),
    lambda: refusal(401),
    lambda: refusal(402, "insufficient credits"),
    lambda: refusal(403),
    lambda: refusal(404, "no such model"),
    lambda: refusal(500),
    lambda: refusal(529),
    lambda: refusal(400, "Unknown parameter: stream_options"),
    lambda: refusal(400, "too long", code="context_length_exceeded"),
    lambda: refusal(400, "bad temperature"),
    lambda: (302, {"location": "https://dear.test/"}, []),
    lambda: (200, {"content-type": "text/html"}, [b"<html>"]),
    lambda: (200, {"content-type": "application/json"}, [b'{"choices": [']),
    lambda: broke("dns", sent=False),
    lambda: broke("connect", sent=False),
    lambda: broke("reset"),
    lambda: broke("timeout_first_byte"),
    lambda: stream(broke("reset")),
    lambda: stream(ROLE, broke("reset")),
    lambda: stream(ROLE, HI, broke("reset")),
    lambda: stream(event(error={"message": "overloaded", "code": 529})),
    lambda: stream(DONE),
)


class Asked(Struct, frozen=True):
    """What one request may cost, by the configuration that was in force when it came."""

    config: dict[str, Any]
    may_cost: bool


ASKED: ContextVar[Asked] = ContextVar("asked")
"""Of the request that this task is about."""


class Till(FakeUpstream):
    """Answers and fails by chance. Everything that is called is written down, with what it may cost."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self.chance = chance
        self.calls = self.paid = self.guarded = 0
        """Calls; those that cost, or might; those of requests that must not cost."""
        self.surprises: list[str] = []
        """Calls that cost, or might, of requests that must not."""

    @asynccontextmanager
    async def send(
        self, request: UpstreamRequest, tap: Callable[[bytes], None] | None = None
    ) -> AsyncIterator[UpstreamReply]:
        """Note it, then answer or fail."""
        asked = ASKED.get()
        free = costs_nothing(asked.config, request)
        self.calls += 1
        self.paid += not free
        self.guarded += not asked.may_cost
        if not (free or asked.may_cost):
            self.surprises.append(f"{request.url} {request.body!r} {asked.config}")
        step = self.chance.choice(FAILURES if self.chance.random() < 0.5 else (*WHOLE, lambda: stream(*STREAMED)))
        await asyncio.sleep(0)  # others have their turn
        self.script.append(step())
        async with super().send(request, tap) as reply:
            yield reply


def costs_nothing(config: dict[str, Any], request: UpstreamRequest) -> bool:
    """Whether the contract (section 4) says so of what is sent: by address, key and the model in the body."""
    if request.url.startswith("echo:"):
        return True
    name = urlsplit(request.url).path.split("/")[1]
    provider = config["providers"][name]
    upstream = orjson.loads(request.body)["model"]
    written = {entry.get("upstream_model", model): entry for model, entry in provider["models"].items()}
    entry = written.get(upstream) or written.get("*") or provider["models"]["*"]
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    keys = [each for each in provider.get("api_keys", {}).values() if each["key"] == key]
    said = [each["free"] for each in (entry, *keys, provider) if each.get("free") is not None]
    if provider["type"] == "openrouter" and upstream.endswith(":free"):
        return True
    price = entry.get("price")
    if price == "free" or (price is not None and not any(price.values())):
        return True
    if said:
        return bool(said[0])
    return name.startswith("local") and not key


def may_cost(config: dict[str, Any], names: list[str], client: str | None, *, opted_in: bool) -> bool:
    """Whether the strictest of server, client and the meta-models asked for allows it."""
    limits = config["clients"][client] if client else {}
    patterns = limits.get("models", [])
    allowed = [name for name in names if not patterns or any(fnmatchcase(name, each) for each in patterns)]
    metas = [config["meta_models"][name]["paid"] for name in allowed if name in config["meta_models"]]
    rules = {config["server"]["paid"], limits.get("paid", "allow"), *metas}
    return "never" not in rules and ("opt_in" not in rules or opted_in)


class Shop:
    """A gateway over a configuration that changes while it serves."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.wild = Wild(chance)
        self.till = Till(chance)
        self.clock = FakeClock(wall=1_800_000_000.0)
        self.config = self.wild.config()
        self.requests = self.answered = 0
        status = ConfigStatus(path="gateway.yaml", env_file="", loaded_at=self.clock.wall, hash="h")
        self.relay = Relay(State(compiled(self.config), self.clock, status), self.till, jitter=chance.random)

    async def open(self) -> None:
        """A few crowds of requests, hours apart; rules change between two calls of the second one."""
        await asyncio.gather(*(self.ask() for _ in range(self.chance.randint(1, 3))))
        self.clock.advance(self.chance.choice([0.0, 1.0, 70.0, 90_000.0]))
        await asyncio.gather(self.ask(), self.ask(), self.reload(), self.ask())

    async def reload(self) -> None:
        """Other rules for whoever comes later."""
        await asyncio.sleep(0)
        self.config = self.wild.changed(self.config)
        self.relay.state.catalog = compiled(self.config)

    async def ask(self) -> None:
        """One request, read to its end or not."""
        if self.chance.random() < 0.5:
            await asyncio.sleep(0)
        names = self.wild.names(self.config)
        client = self.chance.choice([None, *self.config["clients"]])
        opted_in = self.chance.random() < 0.3
        ASKED.set(Asked(self.config, may_cost(self.config, names, client, opted_in=opted_in)))
        body: dict[str, Any] = {"model": names[0], "messages": [{"role": "user", "content": "hi"}], "models": names[1:]}
        body |= {"stream": self.chance.random() < 0.5, "provider": self.wild.preferences(self.config)}
        caller = Secret(self.chance.choice(["", "Bearer caller"]))
        now = self.clock.now()
        call = read_call(
            orjson.dumps(body), id="r", client=client or "", may_pay=opted_in, authorization=caller, received=now
        )
        self.requests += 1
        with suppress(GatewayError):
            async with self.relay.answer(call, self.relay.state.catalog.clients[client] if client else None) as answer:
                self.answered += answer.status == 200
                async for _ in answer.chunks:
                    if self.chance.random() < 0.1:
                        break


def compiled(config: dict[str, Any]) -> Catalog:
    """The catalog of a configuration. JSON is YAML."""
    text = orjson.dumps(config).decode()
    return compile_text(text, file="gateway.yaml", lookup=lambda _: None, presets={}, price_lists=lambda _: LISTS)
