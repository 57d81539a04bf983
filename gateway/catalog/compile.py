"""Text to Catalog: read, filled with presets, checked in all its parts, indexed. The one validator of the house.

Start, reload, `check` and the editor all call `compile_text`, so they never disagree.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import msgspec

from gateway.errors import ConfigError, Problem, UnknownModelError
from gateway.leaderboard import Leaderboard
from gateway.limits.terms import Meter
from gateway.price_list import PriceLists

from . import nodes
from .addresses import is_loopback
from .catalog import Catalog, Client, MetaModel, Provider, Target
from .locate import read
from .meters import Meters
from .nodes import Node, Scalar, Source
from .parse import MISSING, field_reader, struct
from .patterns import pattern
from .presets import Underlaid, underlay
from .prices import Prices
from .schema import ClientEntry, Config, MetaModelEntry, PoolEntry, Server, Weights
from .targets import ProviderBuilder
from .variables import Lookup
from .walk import Outside, Walk, unknown

Overrides = Mapping[str, tuple[Any, str]]
"""Field of `server` -> (its value as text, the variable or option it came from)."""

FindLists = Callable[[Config], PriceLists]
"""The price lists that a configuration wants."""

FindLeaderboard = Callable[[Config], Leaderboard]
"""The leaderboard that a configuration wants."""


def compile_text(
    text: str,
    *,
    file: str,
    lookup: Lookup,
    presets: Mapping[str, str],
    overrides: Overrides | None = None,
    price_lists: FindLists = lambda _: PriceLists(),
    leaderboard: FindLeaderboard = lambda _: Leaderboard({}),
) -> Catalog:
    """The catalog that `text` describes.

    `presets` are YAML texts by name, `lookup` gives the value of a variable or None, `overrides` go over `server`,
    `price_lists` gives the lists for models whose price the text leaves out, `leaderboard` what they are worth.
    Raises ConfigError with every problem, in the order of the file; warnings alone go into the catalog.
    """
    document = read(text, file)
    walk = Walk(lookup)
    walk.problems += document.problems
    compiling = _Compiling(walk, underlay(walk, document.root, presets), overrides or {}, price_lists)
    catalog = compiling.catalog(leaderboard)
    # A node that an alias repeats is read, and found wrong, more than once.
    problems = sorted(set(walk.problems), key=lambda each: (each.file != file, each))
    if any(not problem.warning for problem in problems):
        raise ConfigError(problems)
    return msgspec.structs.replace(catalog, warnings=tuple(problems))


class _Compiling:
    def __init__(self, walk: Walk, underlaid: Underlaid, overrides: Overrides, price_lists: FindLists) -> None:
        self._walk = walk
        self._root = root = underlaid.root
        self._broken = underlaid.broken
        self._meters = Meters(walk)
        self._config: Config = struct(walk, root, Config)
        self._server = self._override(self._config.server, overrides)
        self._lists = price_lists(self._config)
        self._prices = Prices(walk, self._lists)
        self._check_bind(overrides)

    def catalog(self, leaderboard: FindLeaderboard) -> Catalog:
        self._open_pools()
        providers = self._providers()
        clients = self._clients()
        exact: dict[str, tuple[Target, ...]] = {}
        bare: dict[str, tuple[Target, ...]] = {}
        for provider in providers.values():
            for target in provider.targets:
                for name in (target.model, *self._config.providers[provider.id].models[target.model].aliases):
                    exact[f"{provider.id}/{name}"] = (*exact.get(f"{provider.id}/{name}", ()), target)
                    bare[name] = (*bare.get(name, ()), target)
        plain = Catalog(
            server=self._server,
            clients=clients,
            clients_by_digest={client.secret.digest: client for client in clients.values()},
            providers=providers,
            meta_models={},
            exact=exact,
            bare=bare,
            meters=tuple(self._meters.by_id.values()),
            leaderboard=leaderboard(self._config),
            fetch_leaderboard=self._config.leaderboard.fetch,
            percents=self._config.leaderboard.overrides,
            price_feed=self._config.prices,
            price_lists=self._lists,
        )
        self._check_overrides(plain)
        meta_models = {name: self._meta_model(plain, name, entry) for name, entry in self._config.meta_models.items()}
        return msgspec.structs.replace(plain, meta_models=meta_models)

    def _override(self, server: Server, overrides: Overrides) -> Server:
        outside = Outside(self._walk.lookup)
        taken = {}
        for name, (value, source) in overrides.items():
            read_field = field_reader(Server, name)
            result = read_field(outside, _outside_node(value, source))
            if result is not MISSING:
                taken[name] = result
        self._walk.problems += outside.problems
        return msgspec.structs.replace(server, **taken)

    def _check_bind(self, overrides: Overrides) -> None:
        server = self._server
        clients = self._root.get("clients")
        guarded = server.admin_token and isinstance(clients, nodes.Mapping) and clients.items
        if is_loopback(server.host) or server.allow_anonymous or guarded:
            return
        message = f"host {server.host} is open to others: set admin_token and clients, or allow_anonymous: true"
        if "host" in overrides:
            self._walk.problems.append(Problem(overrides["host"][1], 0, 0, message))
        else:
            self._walk.fail(self._root.get("server", "host") or self._root, message)

    def _open_pools(self) -> None:
        written = self._root.get("pools")
        for name in written.items if isinstance(written, nodes.Mapping) else ():
            # One that could not be read is there all the same: whoever names it is not wrong too.
            entry = self._config.pools.get(name, PoolEntry())
            node = self._root.get("pools", name, "limits")
            self._meters.open_pool(name, self._meters.rules(entry.limits, node, entry.timezone))

    def _providers(self) -> dict[str, Provider]:
        found, order = {}, count()
        for name, entry in self._config.providers.items():
            node = self._root.get("providers", name)
            if "/" in name:
                self._walk.fail(
                    _key(self._root, "providers", name), f"provider '{name}' must not have a slash in its name"
                )
            if isinstance(node, nodes.Mapping) and name not in self._broken:
                builder = ProviderBuilder(self._walk, self._meters, self._prices, name, entry, node)
                found[name] = builder.build(order)
        return found

    def _clients(self) -> dict[str, Client]:
        found: dict[str, Client] = {}
        by_secret: dict[bytes, str] = {}
        for name, entry in self._config.clients.items():
            node = self._root.get("clients", name, "key") or self._root
            if not entry.key:
                self._walk.fail(node, f"the key of {name} is empty")
            elif (other := by_secret.setdefault(entry.key.digest, name)) != name:
                self._walk.fail(node, f"{name} has the same key as {other}")
            found[name] = Client(
                name=name,
                secret=entry.key,
                paid=entry.paid,
                models=entry.models,
                meters=self._client_meters(name, entry),
            )
        return found

    def _client_meters(self, name: str, entry: ClientEntry) -> tuple[Meter, ...]:
        rules = self._meters.rules(entry.limits, self._root.get("clients", name, "limits"), self._server.timezone)
        return self._meters.of("client", name, rules)

    def _meta_model(self, plain: Catalog, name: str, entry: MetaModelEntry) -> MetaModel:
        written = self._root.get("meta_models", name, "targets") or self._root
        items = written.items if isinstance(written, nodes.Sequence) else []
        if not entry.targets and not items:
            self._walk.fail(written, f"{name} needs at least one target")
        places = items if len(items) == len(entry.targets) else [written] * len(entry.targets)
        found: dict[str, Target] = {}
        for asked, place in zip(entry.targets, places, strict=True):
            for target in self._find(plain, asked, place):
                found.setdefault(target.rest_id, target)
        real = [target for target in found.values() if target.type != "echo"]
        # An echo never answers in place of a real provider: it is for the machine that has none yet.
        targets = real if any(not target.idle for target in real) else found.values()
        for key, said in (("weights", entry.weights != Weights()), ("adjustments", entry.adjustments)):
            if said and entry.strategy != "score":
                place = _key(self._root, "meta_models", name, key)
                self._walk.fail(place, f"{key} says something under strategy: score only", warning=True)
        return MetaModel(
            id=name,
            targets=tuple(targets),
            strategy=entry.strategy,
            free_first=entry.free_first,
            paid=entry.paid,
            max_wait=entry.max_wait,
            sticky=entry.sticky,
            weights=entry.weights,
            adjustments=tuple((pattern(text), added) for text, added in entry.adjustments.items()),
        )

    def _check_overrides(self, plain: Catalog) -> None:
        """Names that no model has are slips, unless a wildcard may take them."""
        if any(provider.wildcard for provider in plain.providers.values()):
            return
        upstream = {target.upstream_model for targets in plain.exact.values() for target in targets}
        known = {*plain.exact, *plain.bare, *upstream}
        for name in self._config.leaderboard.overrides:
            if name not in known and not self._broken:
                place = _key(self._root, "leaderboard", "overrides", name)
                self._walk.fail(place, unknown("model", name, sorted(known)), warning=True)

    def _find(self, plain: Catalog, asked: str, place: Node) -> tuple[Target, ...]:
        """What one target of a meta-model stands for; a bare name in the order that it has by itself."""
        try:
            found = plain.resolve(asked)
        except UnknownModelError:
            if asked in self._config.meta_models:
                self._walk.fail(place, f"'{asked}' is a meta-model: they do not nest, name its targets")
            elif not self._is_broken(asked):
                self._walk.fail(place, unknown("model", asked, [*plain.exact, *plain.bare]))
            return ()
        if found.kind in ("exact", "meta"):
            return found.targets
        return tuple(sorted(found.targets, key=lambda each: (not each.free, each.priority, -each.grade, each.order)))

    def _is_broken(self, asked: str) -> bool:
        """Whether the name may be there, but in an entry that was refused already: one mistake, one message."""
        provider, _, model = asked.partition("/")
        node = self._root.get("providers", provider)
        if node is None:
            return bool(self._broken)
        return provider in self._broken or not isinstance(node, nodes.Mapping) or node.get("models", model) is not None


def _key(root: nodes.Mapping, *path: str) -> Node:
    parent = root.get(*path[:-1])
    return parent.key(path[-1]) if isinstance(parent, nodes.Mapping) else root


def _outside_node(value: Any, source: str) -> Scalar:
    return Scalar(Source(source, ""), 0, str(value), plain=False)
