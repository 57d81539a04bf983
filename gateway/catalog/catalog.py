"""The configuration as the rest of the house uses it: checked, merged, immutable, indexed.

Born in `catalog.compile`. A reload makes a new Catalog and swaps it whole; whoever holds the old one finishes on it.
Values refer to values and never back, so the garbage collector is told to pass them by (`gc=False`): a look at those of
ten thousand models would take longer than a running stream should wait.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from gateway.errors import Problem, UnknownModelError
from gateway.leaderboard import Leaderboard
from gateway.limits.terms import Meter
from gateway.price_list import PriceLists
from gateway.pricing import FREE, Price
from gateway.records import Secret

from .schema import Paid, PriceFeed, Server, Strategy, Weights

Adjustments = tuple[tuple[re.Pattern[str], float], ...]
"""Expressions over a model's name, and what each adds to its score."""

FREE_SLUG = ":free"
"""OpenRouter's models that end so cost nothing."""


class Target(Struct, frozen=True, kw_only=True, gc=False):
    """One candidate: provider, model and key."""

    provider: str
    model: str
    """Its name in the YAML; for a wildcard, the name the client asked for."""
    key: str = ""
    """The key's name; empty where the provider has a single `api_key` or none."""
    type: str
    base_url: str
    """Ends with the version segment, without a slash: `https://api.groq.com/openai/v1`."""
    upstream_model: str
    auth: Literal["key", "passthrough", "none"]
    secret: Secret
    headers: Mapping[str, str]
    set: Mapping[str, Any]
    drop: tuple[str, ...]
    rename: Mapping[str, str]
    include_usage: bool
    pin: str
    """OpenRouter's upstream to pin; empty for none."""
    count_failures: bool
    price: Price | None
    """None is unknown, never zero. `free: true` keeps the list price here."""
    price_source: str = ""
    """`yaml`, `list 2026-11-21`, `fetched 2026-11-22`, `:free` or `built in`; empty where the price is unknown."""
    free: bool
    """Costs nothing: `free: true`, a known price of zero, or `auth: none` on loopback (contract, section 4)."""
    grade: float
    priority: int
    context: int | None
    max_output: int | None
    features: frozenset[str] | None
    """None: not stated, so everything fits."""
    meters: tuple[Meter, ...]
    """Every limit of its provider, key and model that an attempt must pass."""
    idle: str = ""
    """Why it cannot be tried at all: `no_key` or `off`; empty if it can. In the order for a request also `score` and
    `provider`: what the configuration and the request itself leave out."""
    idle_text: str = ""
    """The same in words: `GROQ_API_KEY is not set`."""
    order: int = 0
    """Place in the file, provider by provider, model by model, key by key."""

    @property
    def id(self) -> str:
        """`provider/model`: what routes, headers and pages call it, whatever the key."""
        return f"{self.provider}/{self.model}"

    @property
    def key_id(self) -> str:
        """`provider#key`, or `provider` where there is one key: the scope of a refused key."""
        return f"{self.provider}#{self.key}" if self.key else self.provider

    @property
    def rest_id(self) -> str:
        """`provider/model#key`: the scope of a 429."""
        return f"{self.id}#{self.key}" if self.key else self.id


class Client(Struct, frozen=True, kw_only=True, gc=False):
    """Who may ask: one entry of `clients`."""

    name: str
    secret: Secret
    paid: Paid = "allow"
    models: tuple[str, ...] = ()
    """Shell patterns over the name asked; empty: everything."""
    meters: tuple[Meter, ...] = ()

    def allows(self, name: str) -> bool:
        """Whether this client may ask for `name`."""
        return not self.models or any(fnmatchcase(name, pattern) for pattern in self.models)


class Provider(Struct, frozen=True, kw_only=True, gc=False):
    """One entry of `providers`, for lists and pages. Attempts use `Target`."""

    id: str
    type: str
    base_url: str
    free: bool
    active: bool
    idle: str
    """`no_key`, `off` or empty."""
    idle_text: str
    targets: tuple[Target, ...]
    """All of its models, one per key; the wildcard is not among them."""
    wildcard: tuple[Target, ...]
    """The targets of `"*"`, one per key, with `model` "*"; empty without one."""
    round_robin: bool
    notes: Mapping[str, str]
    """The preset's `x-` notes, without the `x-`: `signup`, `key_variable`, `free_tier`, `source`, `checked`."""
    monthly_fee_nanousd: int = 0


class MetaModel(Struct, frozen=True, kw_only=True, gc=False):
    """One entry of `meta_models`."""

    id: str
    targets: tuple[Target, ...]
    """In written order; an `echo` target is left out while another one could serve."""
    strategy: Strategy = "order"
    free_first: bool = True
    paid: Paid = "allow"
    max_wait: float = 0.0
    """Seconds."""
    sticky: bool = False
    weights: Weights = Weights()
    adjustments: Adjustments = ()


class Resolution(Struct, frozen=True, kw_only=True):
    """What a name stands for."""

    name: str
    kind: Literal["meta", "exact", "bare", "wildcard"]
    targets: tuple[Target, ...]
    strategy: str
    """As configured; `bare` for free first, then priority, grade, file order; `listed` for targets that stand in
    their order already."""
    free_first: bool
    paid: Paid
    max_wait: float = 0.0
    """Seconds that a request may wait in line for room."""
    turning: tuple[str, ...] = ()
    """Of several names joined, those whose models take turns."""
    sticky: bool = False
    weights: Weights = Weights()
    adjustments: Adjustments = ()


class Catalog(Struct, frozen=True, kw_only=True, gc=False):
    """Everything the YAML says."""

    server: Server
    clients: Mapping[str, Client]
    clients_by_digest: Mapping[bytes, Client]
    providers: Mapping[str, Provider]
    meta_models: Mapping[str, MetaModel]
    exact: Mapping[str, tuple[Target, ...]]
    """By `provider/model` and `provider/alias`."""
    bare: Mapping[str, tuple[Target, ...]]
    """By model name or alias, over all providers."""
    meters: tuple[Meter, ...]
    """Every limit of the file, once, clients' included."""
    leaderboard: Leaderboard = Leaderboard({})
    """What `strategy: score` knows of models."""
    fetch_leaderboard: bool = False
    percents: Mapping[str, float] = {}
    """`leaderboard.overrides`: model, or `provider/model`, to its percent."""
    price_feed: PriceFeed = PriceFeed()
    price_lists: PriceLists = PriceLists()
    """What a wildcard's models cost, whose names only come with the requests."""
    warnings: tuple[Problem, ...] = ()

    def resolve(self, name: str) -> Resolution:
        """What `name` stands for: meta-model, exact, bare, wildcard, in this order. Raises UnknownModelError."""
        if meta := self.meta_models.get(name):
            return Resolution(
                name=name,
                kind="meta",
                targets=meta.targets,
                strategy=meta.strategy,
                free_first=meta.free_first,
                paid=meta.paid,
                max_wait=meta.max_wait,
                sticky=meta.sticky,
                weights=meta.weights,
                adjustments=meta.adjustments,
            )
        if targets := self.exact.get(name):
            return _plain(name, "exact", targets)
        if targets := self.bare.get(name):
            return _plain(name, "bare", targets)
        if targets := tuple(self._wild(name)):
            return _plain(name, "wildcard", targets)
        raise UnknownModelError(self._unknown(name))

    def _wild(self, name: str) -> Iterable[Target]:
        """Targets of the wildcards that take `name`: one provider's if the name starts with it, else all."""
        head, _, rest = name.partition("/")
        provider = self.providers.get(head) if rest else None
        if provider and provider.wildcard:
            return (_named(target, rest, self.price_lists) for target in provider.wildcard)
        if provider:
            return ()  # the prefix names a provider on purpose: no other one is meant
        # An echo would take any misspelt name: its wildcard wants its own prefix.
        real = (each for each in self.providers.values() if each.type != "echo")
        return (_named(target, name, self.price_lists) for each in real for target in each.wildcard)

    def _unknown(self, name: str) -> str:
        known = [*self.meta_models, *self.exact, *self.bare]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f" Closest: {', '.join(close)}." if close else ""
        return f"No model or meta-model is called {name[:200]!r}.{hint} GET /v1/models lists every name."


def _plain(name: str, kind: Literal["exact", "bare", "wildcard"], targets: tuple[Target, ...]) -> Resolution:
    return Resolution(name=name, kind=kind, targets=targets, strategy="bare", free_first=True, paid="allow")


def _named(wildcard: Target, model: str, lists: PriceLists) -> Target:
    """The wildcard's target for one name. Limits of `"*"` are shared by all names it takes."""
    upstream = model if wildcard.upstream_model == "*" else wildcard.upstream_model
    if wildcard.type == "openrouter" and upstream.endswith(FREE_SLUG):
        return replace(wildcard, model=model, upstream_model=upstream, price=FREE, price_source=FREE_SLUG, free=True)
    if wildcard.price is None and (listed := lists.find(wildcard.base_url, upstream, wildcard.pin)):
        price, source = listed
        return replace(wildcard, model=model, upstream_model=upstream, price=price, price_source=source)
    return replace(wildcard, model=model, upstream_model=upstream)
