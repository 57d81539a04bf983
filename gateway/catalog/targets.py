"""One provider's entry to its targets: one for each model and key, complete, with every limit on its way."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Literal

from msgspec import Struct

from gateway.limits.terms import Meter
from gateway.pricing import nanousd

from . import nodes
from .addresses import url_is_loopback
from .catalog import Provider, Target
from .meters import Meters, Rules
from .parse import NAME
from .prices import Priced, Prices, Service
from .schema import Credential, KeyEntry, ModelEntry, ProviderEntry
from .walk import Walk

BASE_URLS = {"openai": "https://api.openai.com/v1", "openrouter": "https://openrouter.ai/api/v1", "echo": ""}
"""Where a type's requests go if `base_url` does not say it."""

_PREFIX = "openrouter-"
"""An id that begins so is OpenRouter's, pinned to the upstream that its rest names."""

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_NOBODY = KeyEntry(key=Credential())


class _Key(Struct, frozen=True):
    name: str
    entry: KeyEntry
    account: str
    """Empty where the provider has only one."""
    meters: tuple[Meter, ...]


class _Model(Struct, frozen=True):
    name: str
    entry: ModelEntry
    upstream: str
    priced: Priced
    rules: Rules
    pools: tuple[Meter, ...]


class ProviderBuilder:
    """Makes the provider of one entry, which stands at `node`. What is wrong with it is noted in `walk`."""

    def __init__(
        self, walk: Walk, meters: Meters, prices: Prices, name: str, entry: ProviderEntry, node: nodes.Mapping
    ) -> None:
        self._walk = walk
        self._meters = meters
        self._prices = prices
        self._name = name
        self._entry = entry
        self._node = node
        self._type = entry.type or ("openrouter" if name.startswith(_PREFIX) else "openai")
        self._base_url = entry.base_url or BASE_URLS[self._type]
        self._local = self._type == "echo" or url_is_loopback(self._base_url)
        self._auth = self._find_auth()
        pin = name.removeprefix(_PREFIX) if entry.pin is None and name.startswith(_PREFIX) else entry.pin
        self._pin = (pin or "") if self._type == "openrouter" else ""

    def build(self, order: "count[int]") -> Provider:
        """The provider. `order` numbers the targets of the whole file."""
        entry = self._entry
        self._check()
        rules = self._meters.rules(entry.limits, self._node.get("limits"), entry.timezone)
        keys = self._keys()
        models = [self._model(name, model) for name, model in entry.models.items()]
        targets = tuple(self._target(model, key, rules, next(order)) for model in models for key in keys)
        unset = [key.entry.key.missing for key in keys if key.entry.key.missing]
        free = bool(targets) and all(target.free for target in targets)
        if free and not self._local and not any(target.meters for target in targets):
            self._fail(f"{self._name} is free, but has no limits: what is used up will only show as 429", warning=True)
        idle = "off" if not entry.active else "no_key" if len(unset) == len(keys) else ""
        return Provider(
            id=self._name,
            type=self._type,
            base_url=self._base_url,
            free=free,
            active=entry.active,
            idle=idle,
            idle_text=_idle_text(idle, unset),
            targets=tuple(target for target in targets if target.model != "*"),
            wildcard=tuple(target for target in targets if target.model == "*"),
            round_robin=entry.rotation == "round_robin",
            notes=dict(self._notes()),
            monthly_fee_nanousd=nanousd(entry.monthly_fee),
        )

    def _fail(self, message: str, *path: str, warning: bool = False) -> None:
        """Note a mistake at the value that `path` leads to, or as far as it goes."""
        here = next(node for end in range(len(path), -1, -1) if (node := self._node.get(*path[:end])))
        self._walk.fail(here, message, warning=warning)

    def _notes(self) -> Iterator[tuple[str, str]]:
        for name, (_, value) in self._node.items.items():
            if name.startswith("x-") and isinstance(value, nodes.Scalar):
                yield name.removeprefix("x-"), value.text

    def _find_auth(self) -> Literal["key", "passthrough", "none"]:
        entry = self._entry
        if self._type == "echo":
            return "none"
        empty = entry.api_key is not None and not (entry.api_key.secret or entry.api_key.missing)
        if entry.auth and (entry.auth != "key" or entry.api_keys or (entry.api_key and not empty)):
            return entry.auth
        if empty and entry.auth is None:
            return "passthrough"
        if entry.api_key or entry.api_keys:
            return "key"
        if entry.auth is None and self._local:
            return "none"
        if not self._written("api_key", "api_keys"):  # a wrong one was noted already
            variable = re.sub(r"[^A-Z0-9]", "_", self._name.upper())
            self._fail(f'{self._name} needs a key: api_key: "${{{variable}_API_KEY}}", or auth: none')
        return "key"

    def _written(self, *names: str) -> bool:
        return any(name in self._node.items for name in names)

    def _check(self) -> None:
        """What only shows when several keys are seen together."""
        entry = self._entry
        if self._type == "echo":
            for name in ("base_url", "api_key", "api_keys"):
                if self._written(name):
                    self._fail(f"type: echo answers by itself and takes no {name}", name)
        elif entry.api_key and entry.api_keys:
            self._fail("api_key and api_keys exclude each other: put every key into api_keys", "api_keys")
        elif entry.auth == "key" and entry.api_key and not (entry.api_key.secret or entry.api_key.missing):
            self._fail("an empty api_key is no key: use auth: passthrough or auth: none", "api_key")
        if entry.pin and self._type != "openrouter":
            self._fail("pin belongs to type: openrouter", "pin")
        if not self._written("models"):
            some = f'{self._name} serves nothing: name its models, or write models: {{"*": {{}}}} for all'
            self._fail(some, warning=True)
        self._check_headers()
        self._check_body()

    def _check_body(self) -> None:
        """Which model is asked is not the body's to change: prices, limits and leave to pay go by the target's."""
        for key, names in (("set", self._entry.set), ("rename", self._entry.rename)):
            for name in names:
                arrives = self._entry.rename[name] if key == "rename" else name
                if arrives.lower() in ("model", "models"):  # some readers take any case
                    self._fail(f"{key} cannot say which model is asked: use upstream_model", key, name)

    def _check_headers(self) -> None:
        for header, value in self._entry.headers.items():
            if not _HEADER.fullmatch(header):
                self._fail(f"'{header[:80]}' is no header name", "headers", header)
            elif not _HEADER_VALUE.fullmatch(value):
                self._fail(f"the value of {header} must be plain ASCII on one line", "headers", header)

    def _keys(self) -> list[_Key]:
        entry = self._entry
        if self._auth != "key":
            return [_Key("", _NOBODY, "", ())]
        if not entry.api_keys:
            return [_Key("", KeyEntry(key=entry.api_key or Credential()), "", ())]
        accounts = {name: key.account or name for name, key in entry.api_keys.items()}
        apart = len(set(accounts.values())) > 1
        found = []
        for name, key in entry.api_keys.items():
            if not key.key.secret and not key.key.missing:
                self._fail("an empty key is no key", "api_keys", name)
            if not NAME.fullmatch(accounts[name]):
                self._fail(f"'{accounts[name][:80]}' cannot be a name of an account", "api_keys", name, "account")
            rules = self._meters.rules(key.limits, self._node.get("api_keys", name, "limits"), entry.timezone)
            meters = self._meters.of("key", f"{self._name}#{name}", rules)
            found.append(_Key(name, key, accounts[name] if apart else "", meters))
        return found

    def _model(self, name: str, entry: ModelEntry) -> _Model:
        upstream = entry.upstream_model or name
        for alias in entry.aliases:
            if name == "*":
                self._fail('"*" takes no aliases', "models", name, "aliases")
            elif not NAME.fullmatch(alias):
                self._fail(f"'{alias[:80]}' cannot be a name", "models", name, "aliases")
            elif alias in self._entry.models:
                self._fail(f"alias '{alias}' is already a model of {self._name}", "models", name, "aliases")
        rules = self._meters.rules(entry.limits, self._node.get("models", name, "limits"), self._entry.timezone)
        service = Service(self._name, self._type, self._base_url, self._pin, self._some_key_is_free())
        priced = self._prices.of(service, name, entry, self._node.get("models", name) or self._node)
        return _Model(name, entry, upstream, priced, rules, self._pools(name, entry))

    def _pools(self, name: str, entry: ModelEntry) -> tuple[Meter, ...]:
        written = self._node.get("models", name, "pools") or self._node
        items = written.items if isinstance(written, nodes.Sequence) else []
        return self._meters.pooled(
            entry.pools, items if len(items) == len(entry.pools) else [written] * len(entry.pools)
        )

    def _some_key_is_free(self) -> bool:
        said = [key.free for key in self._entry.api_keys.values()] or [None]
        return any(self._entry.free if free is None else free for free in said)

    def _target(self, model: _Model, key: _Key, rules: Rules, order: int) -> Target:
        entry, mine, price = self._entry, model.entry, model.priced.price
        said = next((free for free in (mine.free, key.entry.free, entry.free) if free is not None), None)
        local = self._auth == "none" and self._local and said is None
        idle = "off" if not (entry.active and mine.active) else "no_key" if key.entry.key.missing else ""
        return Target(
            provider=self._name,
            model=model.name,
            key=key.name,
            type=self._type,
            base_url=self._base_url,
            upstream_model=model.upstream,
            auth=self._auth,
            secret=key.entry.key.secret,
            headers=entry.headers,
            set=entry.set,
            drop=entry.drop,
            rename=entry.rename,
            include_usage=entry.include_usage,
            pin=self._pin,
            count_failures=entry.count_failures,
            price=model.priced.price,
            price_source=model.priced.source,
            free=bool(said) or local or (price is not None and price.zero),
            grade=mine.grade,
            priority=mine.priority,
            context=mine.context,
            max_output=mine.max_output,
            features=None if mine.features is None else frozenset(mine.features),
            meters=(
                *self._meters.of("provider", self._name, rules, key.account),
                *key.meters,
                *self._meters.of("model", f"{self._name}/{model.name}", model.rules, key.account),
                *model.pools,
            ),
            idle=idle,
            idle_text=_idle_text(idle, [key.entry.key.missing]),
            order=order,
        )


def _idle_text(idle: str, unset: list[str]) -> str:
    if idle == "no_key":
        return f"{' and '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set"
    return "switched off" if idle else ""
