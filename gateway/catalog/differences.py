"""What one configuration says otherwise than another, in words: for the log and the page after a reload.

Nothing secret is ever quoted: of keys, and of maps that may hold some, it only says that they changed.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import Any

from msgspec import Struct

from gateway.limits.terms import Meter
from gateway.records import Secret

from . import wording
from .catalog import Catalog, Provider, Target
from .wording import Line, field, order, said, settings

MOST_LINES = 50
"""Lines that are told one by one."""

_STEP = 100
"""Items compared at once: a millisecond of targets."""

Used = Callable[[Meter], float]
"""What stands as used of a limit."""


class Differences(Struct, frozen=True, kw_only=True):
    """What changed."""

    lines: tuple[str, ...] = ()
    """`groq tokens_per_day 100k -> 200k, 63,120 used kept`."""
    more: int = 0
    """Further ones."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.lines) + self.more


def compare(before: Catalog, after: Catalog, used: Used) -> Generator[None, None, Differences]:
    """What `after` says otherwise than `before`, step by step. `used` is asked for limits that changed."""
    lines: list[str] = []
    more = 0
    for n, found in enumerate(_Comparing(before, after, used).lines()):
        if found and len(lines) < MOST_LINES:
            lines.append(found())
        elif found:
            more += 1
        if n % _STEP == 0:
            yield
    return Differences(lines=tuple(lines), more=more)


class _Comparing:
    """Two catalogs side by side. Its iterators give a Line, or None for something that is as it was."""

    def __init__(self, before: Catalog, after: Catalog, used: Used) -> None:
        self._before = before
        self._after = after
        self._used = used
        self._told: set[str] = set()
        """Providers, models and clients that came or went: their limits did with them."""

    def lines(self) -> Iterator[Line | None]:
        yield from settings("server", self._before.server, self._after.server)
        yield from self._providers()
        yield from self._aliases()
        yield from self._meta_models()
        yield from self._clients()
        yield from self._meters()
        yield from settings("prices", self._before.price_feed, self._after.price_feed)
        yield from field("leaderboard overrides", self._before.percents, self._after.percents)
        old, new = ([each.name for each in catalog.price_lists.lists] for catalog in (self._before, self._after))
        yield from field("price lists", tuple(old), tuple(new))

    def _providers(self) -> Generator[Line | None, None, None]:
        before, after = self._before.providers, self._after.providers
        for name in _either(before, after):
            if name not in after:
                self._told.add(name)
                yield said(f"provider {name} removed")
            elif name not in before:
                self._told.add(name)
                models = (yield from _targets_of(after[name]))[0]
                yield said(f"provider {name} added, models: {len(models):,}")
            else:
                yield from self._provider(name)
        yield from order("providers", before, after)

    def _provider(self, name: str) -> Generator[Line | None, None, None]:
        old, new = self._before.providers[name], self._after.providers[name]
        for each in ("type", "base_url", "active", "round_robin", "notes"):
            yield from field(f"{name} {each}", getattr(old, each), getattr(new, each))
        if old.monthly_fee_nanousd != new.monthly_fee_nanousd:
            fees = wording.usd(old.monthly_fee_nanousd), wording.usd(new.monthly_fee_nanousd)
            yield said(f"{name} monthly_fee {fees[0]} -> {fees[1]}")
        if old.idle_text != new.idle_text and "no_key" in (old.idle, new.idle):
            yield said(f"{name}: {old.idle_text or 'in use'} -> {new.idle_text or 'in use'}")
        before, old_keys = yield from _targets_of(old)
        after, new_keys = yield from _targets_of(new)
        if before and after:
            yield from _shared(name, next(iter(before.values())), next(iter(after.values())))
            if old_keys != new_keys:
                yield said(f"{name} keys changed")
        for model in _either(before, after):
            if (old_target := before.get(model)) is None:
                yield self._came_or_went(f"{name}/{model}", "added")
            elif (new_target := after.get(model)) is None:
                yield self._came_or_went(f"{name}/{model}", "removed")
            else:
                yield from _model(old_target, new_target)
        yield from order(f"{name} models", before, after)

    def _came_or_went(self, model: str, what: str) -> Line:
        self._told.add(model)
        return said(f"model {model} {what}")

    def _aliases(self) -> Iterator[Line | None]:
        before, after = self._before.exact, self._after.exact
        for name in _either(before, after):
            old, new = (None if targets is None else targets[0] for targets in (before.get(name), after.get(name)))
            is_alias = any(target and target.id != name for target in (old, new))
            gone = any(target and {target.provider, target.id} & self._told for target in (old, new))
            ids = tuple(target.id if target else "" for target in (old, new))
            yield _alias(name, *ids) if is_alias and not gone and ids[0] != ids[1] else None

    def _meters(self) -> Iterator[Line | None]:
        before: dict[str, Meter] = {}
        after: dict[str, Meter] = {}
        for found, catalog in ((before, self._before), (after, self._after)):
            for meter in catalog.meters:
                found[meter.id] = meter
                yield None
        for id_ in _either(before, after):
            yield self._meter(before.get(id_), after.get(id_))

    def _meter(self, old: Meter | None, new: Meter | None) -> Line | None:
        meter = new or old
        if meter is None or (old and new and old.rule == new.rule) or _owners(meter) & self._told:
            return None
        name = f"{_scope(meter)} {meter.name}"
        if old is None:
            return lambda: f"{name} {wording.amount(meter.rule.amount, meter)} added{self._note(meter, 'used kept')}"
        if new is None:
            kept = "used remembered for 35 days"
            return lambda: f"{name} {wording.amount(meter.rule.amount, meter)} removed{self._note(meter, kept)}"
        return lambda: f"{name} {wording.limit(old, new)}{self._note(old, 'used kept')}"

    def _note(self, meter: Meter, what: str) -> str:
        used = self._used(meter)
        return f", {wording.used(used, meter)} {what}" if used else ""

    def _meta_models(self) -> Iterator[Line | None]:
        before, after = self._before.meta_models, self._after.meta_models
        for name in _either(before, after):
            old, new = before.get(name), after.get(name)
            if old is None or new is None:
                yield said(f"meta-model {name} {'added' if new else 'removed'}")
                continue
            yield from _targets(name, old.targets, new.targets)
            for each in ("strategy", "free_first", "paid", "max_wait", "sticky", "adjustments"):
                yield from field(f"{name} {each}", getattr(old, each), getattr(new, each))
            yield from settings(f"{name} weights", old.weights, new.weights)

    def _clients(self) -> Iterator[Line | None]:
        before, after = self._before.clients, self._after.clients
        for name in _either(before, after):
            old, new = before.get(name), after.get(name)
            if old is None or new is None:
                self._told.add(f"client {name}")
                yield said(f"client {name} {'added' if new else 'removed'}")
                continue
            for each in ("secret", "paid", "models"):
                label = "key" if each == "secret" else each
                yield from field(f"client {name} {label}", getattr(old, each), getattr(new, each))


def _either(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Every name of the two, once, those that are there now first."""
    yield from after
    yield from (name for name in before if name not in after)


def _shared(name: str, old: Target, new: Target) -> Iterator[Line | None]:
    """What every target of a provider has from its entry."""
    for each in ("auth", "headers", "set", "drop", "rename", "include_usage", "pin", "count_failures"):
        yield from field(f"{name} {each}", getattr(old, each), getattr(new, each))


def _model(old: Target, new: Target) -> Iterator[Line | None]:
    if old == new:
        yield None
        return
    for each in ("upstream_model", "grade", "priority", "context", "max_output", "features", "free"):
        yield from field(f"{new.id} {each}", getattr(old, each), getattr(new, each))
    if old.price != new.price:
        yield lambda: f"{new.id} price {wording.price(old.price)} -> {wording.price(new.price)}"
    if (old.idle == "off") != (new.idle == "off"):
        yield said(f"{new.id} switched {'off' if new.idle == 'off' else 'on'}")


def _targets(name: str, old: Collection[Target], new: Collection[Target]) -> Iterator[Line | None]:
    """What a meta-model has now and had not, has no longer, or has in another order."""
    ids: tuple[dict[str, None], dict[str, None]] = ({}, {})
    for found, targets in zip(ids, (old, new), strict=True):
        for target in targets:
            found[target.id] = None
            yield None
    came = tuple(each for each in ids[1] if each not in ids[0])
    went = tuple(each for each in ids[0] if each not in ids[1])
    if came:
        yield lambda: f"{name} targets added: {wording.several(came)}"
    if went:
        yield lambda: f"{name} targets removed: {wording.several(went)}"
    yield from order(f"{name} targets", *ids)


def _alias(name: str, old: str, new: str) -> Line:
    if not old:
        return said(f"alias {name} of {new} added")
    return said(f"alias {name} of {old} removed" if not new else f"alias {name} {old} -> {new}")


def _targets_of(provider: Provider) -> Generator[None, None, tuple[dict[str, Target], dict[str, Secret]]]:
    """The first target of each model, the wildcard among them, and the key of each name."""
    models: dict[str, Target] = {}
    keys: dict[str, Secret] = {}
    for target in (*provider.targets, *provider.wildcard):
        models.setdefault(target.model, target)
        keys[target.key] = target.secret
        yield
    return models, keys


def _owners(meter: Meter) -> set[str]:
    """Whose limit it is, as `_told` knows them."""
    if meter.scope_type in ("client", "pool"):
        return {_scope(meter)}
    scope = meter.scope.partition("#")[0]
    return {scope, scope.partition("/")[0]}


def _scope(meter: Meter) -> str:
    return f"{meter.scope_type} {meter.scope}" if meter.scope_type in ("client", "pool") else meter.scope
