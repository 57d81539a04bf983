"""The values that travel through the gateway. No behaviour beyond arithmetic."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Literal

from msgspec import Raw, Struct

from .clock import Moment


class Secret:
    """A key or token. Prints as `set` or `not set`, cannot be encoded, and is only read by `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: for a header that is about to be sent, nowhere else."""
        return self._value

    @property
    def digest(self) -> bytes:
        """SHA-256: what secrets are compared by."""
        return hashlib.sha256(self._value.encode("utf-8", "surrogateescape")).digest()

    def matches(self, other: str) -> bool:
        """Whether `other` is the same secret, in constant time. An empty secret matches nothing."""
        return bool(self._value) and hmac.compare_digest(self.digest, Secret(other).digest)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.digest, other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return "set" if self._value else "not set"

    __str__ = __repr__


class Call(Struct, frozen=True, kw_only=True):
    """One client request, read once at the door."""

    id: str
    dialect: str
    model: str
    body: bytes
    members: Mapping[str, Raw]
    """The top-level members of `body`, each value as it was spelled."""
    edited: tuple[str, ...] = ()
    """Members that the client had sent otherwise."""
    stream: bool = False
    wants_usage: bool = False
    """The client itself asked for `stream_options.include_usage`."""
    max_tokens: int | None = None
    choices: int = 1
    """How many answers are asked for (`n`); `max_tokens` is of each."""
    thinking: int = 0
    """Output tokens that are set aside for thoughts."""
    estimate: int = 0
    """Input tokens, estimated (`dialects.tokens`)."""
    needs: frozenset[str] = frozenset()
    """Features a target must have: tools, vision, audio, json_schema, reasoning."""
    models: tuple[str, ...] = ()
    """The request's own fallback list, as OpenRouter's clients send it."""
    preferences: Mapping[str, object] | None = None
    """The request's own `provider` block, as OpenRouter's clients send it."""
    client: str = ""
    """The name of the client whose key was shown; empty for an anonymous one."""
    authorization: Secret = Secret()
    """The caller's own Authorization header, for `auth: passthrough`. Empty if it matched a client key."""
    may_pay: bool = False
    """`x-gateway-paid: yes` was sent."""
    retry: int = 0
    """`x-stainless-retry-count`: how often the client tried before."""
    received: Moment = Moment(0.0, 0.0)


class Usage(Struct, frozen=True):
    """Tokens of one attempt. `cached` and `cache_write` are part of `input`, `reasoning` is part of `output`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False
    cost_nanousd: int | None = None
    """What the upstream itself says it charged, where it does."""

    @property
    def total(self) -> int:
        """Input and output together."""
        return self.input + self.output


class UpstreamRequest(Struct, frozen=True, kw_only=True):
    """What a provider wants sent, before any I/O. `headers` hold secrets: never log one."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    connect_timeout_s: float = 10.0
    idle_timeout_s: float = 120.0
    """Silence inside the body after which the upstream is given up."""
    max_response: int | None = None
    """Bytes of a body that is not streamed; None for streams."""
    edited: tuple[str, ...] = ()
    """Members of the body that differ from what the client sent."""


class UpstreamReply(Struct, kw_only=True):
    """What came back: the head now, the body as it arrives. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class AttemptRecord(Struct, frozen=True, kw_only=True):
    """One try of one target, as `/usage/requests` shows it. Times are Unix seconds."""

    target: str
    status: int | None
    """What the upstream answered; None if it did not."""
    cause: str
    """`ok`, or why it was not: `429`, `connect`, `timeout`, `empty`, ..."""
    started_at: float
    first_byte_s: float | None
    duration_s: float


class Candidate(Struct, frozen=True, kw_only=True):
    """Why one target was chosen, tried, left out or not needed."""

    id: str
    place: int
    verdict: Literal["chosen", "tried", "left_out", "not_needed"]
    rule: str
    """One word or two for machines: `requests_per_minute`, `cooldown`, `no_key`, `paid`, `context`, ..."""
    text: str
    """The same for people, with the numbers: `30 of 30 this minute`."""
    used: float | None = None
    amount: float | None = None
    opens_at: float | None = None


class Answer(Struct, kw_only=True):
    """What the server writes to the client. `headers` are complete, the gateway's own included."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    stream: bool


class Settled(Struct, frozen=True, kw_only=True):
    """How one request ended: for the log line, the page, the tallies and the record of requests."""

    id: str
    at: float
    client: str
    asked: str
    route: str
    """`provider/model` that answered; empty if none did."""
    provider: str
    status: int
    outcome: str
    """`ok`, `client_left`, `broken`, or the error's code."""
    stream: bool
    usage: Usage
    cost_nanousd: int | None
    """None where no price is known."""
    list_price_nanousd: int | None
    attempts: tuple[AttemptRecord, ...]
    candidates: tuple[Candidate, ...]
    first_token_s: float | None
    duration_s: float
    overhead_s: float
    retry: int = 0
    """`x-stainless-retry-count` of the client: how often it tried before."""
    edited: tuple[str, ...] = ()
    """Members in which the body that was answered differs from the client's."""
    estimated_tokens: int = 0
    """Of the prompt, before anything was sent."""
    reserved_tokens: int | None = None
    """Of prompt and answer, what the last attempt held at its start; None if none got as far."""
    max_tokens: int | None = None
    """What the client allowed the answer."""
    needs: frozenset[str] = frozenset()
    """Features that a target had to have."""
    may_pay: bool = False
    """Whether the client agreed to pay (`x-gateway-paid: yes`)."""
