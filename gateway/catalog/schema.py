"""The YAML, key for key: types, defaults, bounds, and in the docstrings what each key means.

`catalog.parse` fills these structs from the text, `catalog.reference` makes the JSON schema and the README's tables
of them. A key that is not here is an unknown key. Defaults live here and nowhere else.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from gateway.limits.shorthand import Unit
from gateway.records import Secret


class As(Struct, frozen=True):
    """How a scalar is spelled, where its type alone does not say it: `Annotated[float, As("duration")]`."""

    spelling: Literal[
        "duration",
        "size",
        "amount",
        "zone",
        "reset",
        "url",
        "limits",
        "keys",
        "names",
        "patterns",
        "pin",
        "fsync",
        "usd",
        "cost",
        "host",
    ]


Paid = Literal["never", "opt_in", "allow"]
Feature = Literal["tools", "vision", "audio", "json_schema", "reasoning"]
Algorithm = Literal["bucket", "calendar", "rolling", "first_use"]
Strategy = Literal["order", "grade", "cheapest", "score", "fastest", "headroom", "round_robin"]
OnPersistError = Literal["warn", "deny"]
Duration = Annotated[float, As("duration"), Meta(gt=0)]
Size = Annotated[int, As("size"), Meta(ge=1)]
Amount = Annotated[int, As("amount"), Meta(ge=0)]
Tokens = Annotated[int, As("amount"), Meta(ge=1)]
Zone = Annotated[str, As("zone")]
Usd = Annotated[Decimal, As("usd"), Meta(ge=0)]
Weight = Annotated[float, Meta(ge=0, le=1000)]
Percent = Annotated[float, Meta(ge=0, le=100)]


class Credential(Struct, frozen=True):
    """A provider's key, or the variable that should hold it and does not."""

    secret: Secret = Secret()
    missing: str = ""
    """Name of the unset variable; empty if the key is there."""
    raw: str = ""
    """As it is written in the file, if it names a variable: what an unset key is told apart by."""


class LimitEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One limit, where more than its amount is said: `requests_per_day: {amount: 50, timezone: Europe/Berlin}`."""

    amount: Amount
    """How much the window allows: a count, which takes `k`, `M`, `G` and `_`, or US dollars for `cost`."""
    algorithm: Algorithm | None = None
    """`bucket` refills evenly, `calendar` opens on the clock, `rolling` looks back from now, `first_use` begins with
    the first request after the last window ended. Left out: `bucket` for a second and a minute, `calendar` for hour,
    day, week and month, `rolling` for numbered windows."""
    timezone: Zone | None = None
    """IANA zone of a calendar window. Left out: the provider's or pool's `timezone`; for a client, the server's."""
    reset: Annotated[str, As("reset")] | None = None
    """When a calendar window opens: `"10:30"` for a day, `"mon 09:00"` for a week, `15` or `"15 09:00"` for a month,
    whose last day it is where there is no such day. Times are quoted. Left out: midnight, Monday, the first."""
    burst: Tokens | None = None
    """What a full bucket holds. Left out: the amount."""
    strict: bool | None = None
    """`true`: no answer crosses it. What is held is the most that one may become, which is sent as `max_tokens` where
    it is lower than what the client and the model leave, and the estimate of the prompt with a reserve. `false` holds
    what answers usually take. Left out: `true` for `cost`, `false` for tokens."""
    on_persist_error: OnPersistError | None = None
    """While nothing can be written down: `warn` goes on counting in memory, `deny` lets no one pass. Left out: `deny`
    for `cost`, else what `server.snapshot` says."""


Limits = Annotated[dict[tuple[Unit, str], LimitEntry], As("limits")]
"""By unit and window, which `concurrent_requests` and `tokens_per_request` do not have. In the YAML:
`requests_per_day: 50`."""


class Snapshot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the counters survive a restart."""

    directory: str = "snapshots"
    """Folder of the snapshots. A relative one lies beside a `config` folder, else in the XDG state folder."""
    every: Duration = 5.0
    """How often the state is written. The journal has every change in between, before an attempt leaves."""
    fsync: Annotated[float | str, As("fsync")] = 1.0
    """How often the journal is made to outlast a power cut: after so long, with every `tick` of the event loop before
    an attempt leaves, or `never`. A crash of the process alone loses nothing either way."""
    on_persist_error: OnPersistError = "warn"
    """What limits do while nothing can be written down: `warn` goes on counting in memory, `deny` lets no one pass.
    Limits on `cost` deny unless they say otherwise themselves."""


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of what was asked and how it went, to be replayed."""

    file: str | None = None
    """Where each request is written as a line of JSON, without prompt, answer or key. A relative path lies beside a
    `config` folder, else in the XDG state folder. At 64 MiB the file becomes `FILE.1`; four such are kept. Left out:
    nothing is recorded."""


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The process itself. Durations are seconds and sizes bytes once compiled."""

    host: Annotated[str, As("host")] = "127.0.0.1"
    """Address to listen on. A wider one than loopback needs `admin_token` and `clients`, or `allow_anonymous`."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 3000
    """TCP port; 0 takes a free one. Like `host`, it changes with a restart only."""
    allow_anonymous: bool = False
    """Whether a wider bind may go without `admin_token` and `clients`."""
    admin_token: Secret = Secret()
    """Opens pages and administration. Without one they work from this machine only."""
    environment: Literal["production", "development", "test"] = "production"
    """What `/health` reports."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are logged. `warn` is `warning`."""
    log_format: Literal["auto", "text", "json", "logfmt"] = "auto"
    """`auto` is text on a terminal, else logfmt."""
    timezone: Zone = "UTC"
    """What "today" means on pages and in totals, and for the limits of clients."""
    request_timeout: Duration = 600.0
    """The whole answer, over all attempts."""
    connect_timeout: Duration = 10.0
    """Until a connection to a provider stands; then the next target."""
    first_byte_timeout: Duration = 60.0
    """An attempt that streams, to its first content; then the next target."""
    answer_timeout: Duration = 300.0
    """An attempt that does not stream; then the next target."""
    idle_timeout: Duration = 120.0
    """Silence inside a stream after which it is given up."""
    drain_timeout: Annotated[float, As("duration"), Meta(ge=0)] = 30.0
    """What SIGTERM grants the running answers."""
    max_concurrent_requests: Amount = 0
    """Requests that may run at once; 0 is no cap."""
    max_queue: Amount = 1000
    """Requests that may wait in line at once (`max_wait`)."""
    max_connections: Amount = 10_000
    """Connections of clients; 0 is no cap of ours. Half of the files that may be open is a cap as well."""
    max_memory: Size | None = None
    """Resident memory: from 80 % on new requests get 503, from 90 % on idle connections are closed. Left out: no cap.
    Works on Linux only."""
    max_body: Size = 64 * 2**20
    """Largest body of a client, in bytes or as `64MiB`."""
    max_response: Size = 64 * 2**20
    """Largest answer of a provider, streams excepted."""
    hosts: tuple[Annotated[str, As("host")], ...] = ()
    """Names this server answers to, beside localhost and its addresses."""
    paid: Paid = "allow"
    """May a request cost money? `opt_in` asks for the header `x-gateway-paid: yes`. The strictest of server,
    meta-model and client wins."""
    snapshot: Snapshot = Snapshot()
    """Where the counters survive a restart."""
    record: Record = Record()
    """A file of what was asked and how it went, to be replayed."""


class ClientEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One caller. Without any, every key is accepted; with some, only theirs."""

    key: Secret
    """What the caller sends as its API key."""
    paid: Paid = "allow"
    """May its requests cost money?"""
    models: tuple[str, ...] = ()
    """Names it may ask for, as shell patterns (`groq/*`). Left out: all."""
    limits: Limits = field(default_factory=dict)
    """What it may use, over all providers."""


class KeyEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key of a pool, where more than the key itself is said."""

    key: Credential
    """The key, best as `${NAME}`."""
    account: str = ""
    """Keys of one account share the provider's and its models' limits. Left out: each key is its own account."""
    free: bool | None = None
    """Whether this account is not billed. Left out: the provider's `free`."""
    limits: Limits = field(default_factory=dict)
    """What this key may use, beside the provider's limits."""


class PriceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """List price in US dollars per million tokens. The word `free` in its place is all zero."""

    input: Usd
    """Tokens sent."""
    output: Usd
    """Tokens received."""
    cached_input: Usd | None = None
    """Sent tokens that the provider had in its cache. Left out: as input."""
    cache_write: Usd | None = None
    """Sent tokens that it put there. Left out: as input."""
    reasoning: Usd | None = None
    """Received tokens that were thought, not said. Left out: as output."""
    request: Usd = Decimal(0)
    """US dollars for each request, whatever its size."""


class PriceFeed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where prices come from that are not written here: the list that ships with the program, or a newer one."""

    fetch: bool = False
    """Whether a newer list is fetched, in the background and cached beside the snapshots. What it does not have, the
    shipped list says."""
    source: Literal["helicone"] = "helicone"
    """Whose list: `helicone` is https://www.helicone.ai/api/llm-costs."""
    every: Annotated[float, As("duration"), Meta(ge=60)] = 86400.0
    """How old a fetched list may get."""


class ModelEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of a provider. The name `"*"` passes any other name through as it is."""

    upstream_model: str = ""
    """Its name at the provider, where it differs."""
    aliases: tuple[str, ...] = ()
    """Other names it answers to."""
    price: PriceEntry | None = None
    """US dollars per million tokens, or `free`. Left out: as the price list says (`prices`), else unknown, which is
    never taken for zero."""
    free: bool | None = None
    """Whether it is not billed; goes over the key's and the provider's. `price` stays the list price."""
    grade: Annotated[float, Meta(ge=0, le=100)] = 50.0
    """How good you find it, 0 to 100."""
    priority: int = 0
    """Lower comes first among equals."""
    context: Tokens | None = None
    """Tokens of prompt and answer together. Left out: unknown, everything fits."""
    max_output: Tokens | None = None
    """Tokens of the longest answer."""
    features: tuple[Feature, ...] | None = None
    """What it can do. Left out: everything. Written: a request that needs more goes elsewhere."""
    limits: Limits = field(default_factory=dict)
    """What may be used of this model, per account."""
    pools: tuple[str, ...] = ()
    """Allowances that it shares with others: names under `pools`."""
    active: bool = True
    """`false` switches it off."""


class ProviderEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One upstream service."""

    preset: str = ""
    """Preset underneath: `config/presets/NAME.yaml`. What is said here goes over it: maps merge, lists replace,
    `null` removes."""
    type: Literal["openai", "openrouter", "echo"] | None = None
    """What it speaks. `openai` (default): any compatible endpoint. `openrouter` (default for an id that starts with
    `openrouter-`). `echo`: answers by itself, for trying out, and never in place of a real provider."""
    base_url: Annotated[str, As("url")] = ""
    """With or without the version segment: `/v1` is added to a path that has none; a closing `#` says that nothing is
    to be added. Left out: OpenAI's, or OpenRouter's."""
    api_key: Credential | None = None
    """The key, best as `${NAME}`. While that variable is unset the provider is skipped. `""` is
    `auth: passthrough`."""
    api_keys: Annotated[dict[str, KeyEntry], As("keys")] = field(default_factory=dict)
    """Several keys: a map of names to keys or to the entries below, or a list of keys."""
    rotation: Literal["in_order", "round_robin"] = "in_order"
    """Which of several keys comes first: always the first one with room, or each in turn."""
    auth: Literal["key", "passthrough", "none"] | None = None
    """`key` (default), `passthrough`: the caller's own Authorization goes up, `none` (default on this machine where
    no key is given)."""
    free: bool | None = None
    """Whether this account is not billed. `price` stays the list price, for what was saved."""
    timezone: Zone = "UTC"
    """Zone of the calendar limits below."""
    headers: dict[str, str] = field(default_factory=dict)
    """Extra request headers."""
    set: dict[str, Any] = field(default_factory=dict)
    """Body fields set on every request. Not `model`: that is `upstream_model`."""
    drop: tuple[str, ...] = ()
    """Body fields removed."""
    rename: dict[str, str] = field(default_factory=dict)
    """Body fields renamed, old name to new."""
    include_usage: bool = True
    """Whether streams may be asked for their usage (`stream_options.include_usage`)."""
    pin: Annotated[str | None, As("pin")] = None
    """OpenRouter: the only upstream to use. Left out: the rest of an id such as `openrouter-anthropic`;
    `false`: none."""
    count_failures: bool = False
    """Whether attempts answered with an error status count against the limits."""
    monthly_fee: Usd = Decimal(0)
    """US dollars a month that are paid whatever is used: shown beside what requests cost, never part of it. What a
    subscription includes is `free: true`."""
    active: bool = True
    """`false` switches it off."""
    limits: Limits = field(default_factory=dict)
    """What may be used, over all its models, per account."""
    models: dict[str, ModelEntry] = field(default_factory=dict)
    """What it serves, by name."""


class PoolEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One allowance, shared by all models that name it, whoever their provider is and whichever key they use."""

    limits: Limits = field(default_factory=dict)
    """What they may use together."""
    timezone: Zone = "UTC"
    """Zone of the calendar limits."""


class Weights(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much each part of a score counts. The parts are 0 to 1, and 0.5 where nothing is known."""

    priority: Weight = 1.0
    """The model's `priority`: 1 for 0, a half for 1, a third for 2."""
    leaderboard: Weight = 1.0
    """Its rank on the leaderboard: 0 for 20 percent or less, 1 for 65 percent."""
    parameters: Weight = 1.0
    """Its size, read from its name (`70b`, `8x7b`): 0 for one billion, 1 for a thousand, in even steps of times ten."""
    context: Weight = 1.0
    """Its `context`: 0 for 4,096 tokens, 1 for a million, in even steps of times two."""


class MetaModelEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A friendly name for an ordered list of models."""

    targets: Annotated[tuple[str, ...], As("names")]
    """`provider/model` or bare names: a list, or one comma-separated string."""
    strategy: Strategy = "order"
    """`order`: as written. `grade`: best first. `cheapest`: by what this request is expected to cost; an unknown price
    comes last. `score`: by the weighted sum below. `fastest`: by the time to the first token of the last hour; what
    was not measured goes first. `headroom`: by the share that is left of the tightest limit. `round_robin`: in turn.
    Ties go by `grade`, then `priority`, then as written."""
    free_first: bool = True
    """Whether targets that cost nothing come before the others, whatever the strategy."""
    paid: Paid = "allow"
    """May a request for this name cost money?"""
    max_wait: Annotated[float, As("duration"), Meta(ge=0)] = 0.0
    """How long a request may wait in line for room, instead of being answered 429."""
    sticky: bool = False
    """Whether a conversation stays with the target that answered it last, while that one can serve (prompt caches).
    Under `free_first` it does not go before targets that cost nothing."""
    weights: Weights = Weights()
    """`strategy: score`: how much each part counts."""
    adjustments: Annotated[dict[str, float], As("patterns")] = field(default_factory=dict)
    """`strategy: score`: regular expressions, searched in the model's name without regard to case, to the number that
    is added to its score. Only what these push to 0 or below is left out."""


class LeaderboardEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `strategy: score` knows of models: the leaderboard that ships with the program, or a newer one."""

    fetch: bool = False
    """Whether a newer one is looked for once a week, in the background and cached beside the snapshots."""
    source: Literal["bigcodebench"] = "bigcodebench"
    """Whose: `bigcodebench` is https://bigcode-bench.github.io/results.json."""
    overrides: dict[str, Percent] = field(default_factory=dict)
    """Name or `provider/name` of a model to its percent, in place of the leaderboard's own. That was last changed in
    April 2025: it does not know what came later."""


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    server: Server = Server()
    """The process itself."""
    clients: dict[str, ClientEntry] = field(default_factory=dict)
    """Who may ask."""
    providers: dict[str, ProviderEntry] = field(default_factory=dict)
    """Where requests can go."""
    pools: dict[str, PoolEntry] = field(default_factory=dict)
    """Allowances that several models share."""
    meta_models: dict[str, MetaModelEntry] = field(default_factory=dict)
    """Names for lists of models."""
    leaderboard: LeaderboardEntry = LeaderboardEntry()
    """What models are worth to `strategy: score`."""
    prices: PriceFeed = PriceFeed()
    """Where prices come from that are not written here."""
