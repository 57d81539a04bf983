"""A small gateway for the tests of its faces: a catalog made by hand, a relay that says what it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.catalog.catalog import Catalog, Client, MetaModel, Provider, Target
from gateway.catalog.schema import Server
from gateway.errors import ConfigError
from gateway.records import Answer, Call, Secret
from gateway.relay.line import Lines

ADMIN = "töken of the house"
BODY = {"model": "groq/llama", "messages": [{"role": "user", "content": "hi"}]}


def target(provider: str = "groq", model: str = "llama", **other: Any) -> Target:
    """A free target with nothing special about it."""
    values: dict[str, Any] = {
        "type": "openai",
        "base_url": "https://groq.test/v1",
        "upstream_model": model,
        "auth": "key",
        "secret": Secret("upstream key"),
        "headers": {},
        "set": {},
        "drop": (),
        "rename": {},
        "include_usage": True,
        "pin": "",
        "count_failures": False,
        "price": None,
        "free": True,
        "grade": 0.0,
        "priority": 0,
        "context": None,
        "max_output": None,
        "features": None,
        "meters": (),
    }
    return Target(provider=provider, model=model, **{**values, **other})


def catalog(
    targets: Iterable[Target] | None = None,
    *,
    server: Server | None = None,
    clients: Iterable[Client] = (),
    meta_models: Iterable[MetaModel] = (),
    wildcards: Mapping[str, Target] | None = None,
) -> Catalog:
    """A catalog of these, indexed as the compiler would."""
    targets = (target(),) if targets is None else tuple(targets)
    wildcards = wildcards or {}
    by_provider: dict[str, list[Target]] = {name: [] for name in wildcards}
    exact: dict[str, list[Target]] = {}
    bare: dict[str, list[Target]] = {}
    for each in targets:
        by_provider.setdefault(each.provider, []).append(each)
        exact.setdefault(each.id, []).append(each)
        bare.setdefault(each.model, []).append(each)
    providers = {
        name: Provider(
            id=name,
            type="openai",
            base_url="https://groq.test/v1",
            free=False,
            active=True,
            idle="" if any(not each.idle for each in mine) or name in wildcards else mine[0].idle,
            idle_text="",
            targets=tuple(mine),
            wildcard=(wildcards[name],) if name in wildcards else (),
            round_robin=False,
            notes={},
        )
        for name, mine in by_provider.items()
    }
    clients = tuple(clients)
    meters = [meter for each in targets for meter in each.meters]
    meters += [meter for each in clients for meter in each.meters]
    return Catalog(
        server=server or Server(),
        clients={each.name: each for each in clients},
        clients_by_digest={each.secret.digest: each for each in clients},
        providers=providers,
        meta_models={each.id: each for each in meta_models},
        exact={name: tuple(found) for name, found in exact.items()},
        bare={name: tuple(found) for name, found in bare.items()},
        meters=tuple(dict.fromkeys(meters)),
    )


Script = Callable[[Call, Client | None], Answer]


def says(*chunks: bytes, status: int = 200, stream: bool = False, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer of these pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    kind = "text/event-stream" if stream else "application/json"
    return Answer(status=status, headers={"content-type": kind, **(headers or {})}, chunks=pieces(), stream=stream)


class ScriptedRelay:
    """Answers every call by its script, and remembers calls, clients and how each ended."""

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script or (lambda _call, _client: says(b'{"ok": true}'))
        self.calls: list[Call] = []
        self.clients: list[Client | None] = []
        self.ended: list[str] = []
        self.lines = Lines()

    @asynccontextmanager
    async def answer(self, call: Call, client: Client | None) -> AsyncIterator[Answer]:
        """What the script says."""
        self.calls.append(call)
        self.clients.append(client)
        try:
            yield self.script(call, client)
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        self.ended.append("ok")


class FileOnDisk:
    """A configuration file that can be read, and reloaded as often as one likes; `broken` is what is wrong with it."""

    def __init__(self) -> None:
        self.text = "server: {port: 3000}\n"
        self.broken: ConfigError | None = None
        self.reloads = 0

    async def read(self) -> str:
        """The text."""
        return self.text

    async def reload(self) -> None:
        """Count, or raise."""
        if self.broken:
            raise self.broken
        self.reloads += 1


async def raw(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send these very bytes to 127.0.0.1 and read until the server closes: status, headers in lower case, body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, body
