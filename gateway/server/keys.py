"""What the handlers find in their application and on their request. `app` fills the first three."""

from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from aiohttp import web

from gateway.catalog.catalog import Client
from gateway.records import Answer, Call, Secret
from gateway.relay.line import Lines
from gateway.state import State


class Story(Protocol):
    """What answers a call: `relay.Relay`."""

    lines: Lines
    """Who waits for room."""

    def answer(self, call: Call, client: Client | None) -> AbstractAsyncContextManager[Answer]:
        """The life of one request. Entering it raises GatewayError; after that the answer is on its way."""
        ...


class ConfigActions(Protocol):
    """What may be done with the configuration file."""

    async def read(self) -> str:
        """The YAML as it is on disk now. Raises ConfigError if it cannot be read."""
        ...

    async def reload(self) -> None:
        """Read the files again and put them in force. Raises ConfigError, and then nothing has changed."""
        ...


STATE: Final = web.AppKey("state", State)
RELAY: Final = web.AppKey[Story]("relay")
CONFIG: Final = web.AppKey[ConfigActions]("config")

REQUEST_ID: Final = web.RequestKey("request_id", str)
"""Set by the outermost middleware, before anything can go wrong."""


class Caller:
    """Who asks for inference: a client by its key, or nobody in particular."""

    __slots__ = ("authorization", "client")

    def __init__(self, client: Client | None, authorization: Secret) -> None:
        self.client = client
        self.authorization = authorization

    @property
    def name(self) -> str:
        """The client's name; empty for an anonymous one."""
        return self.client.name if self.client else ""


CALLER: Final = web.RequestKey("caller", Caller)
"""Set where a route is for clients."""

ADMIN: Final = web.RequestKey("admin", bool)
"""Whether it is an admin who asks; set where a route is for clients and admins."""

HANDED_OVER: Final = web.RequestKey("handed_over", bool)
"""Set once a call went to the relay, which keeps the record from then on."""

RELAYED: Final = web.RequestKey("relayed", bool)
"""Set where head and body are a provider's: neither packed nor given headers of our own pages."""
