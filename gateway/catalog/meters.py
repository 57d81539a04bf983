"""The `limits:` maps of the file as meters."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

from gateway.limits.rules import Rule
from gateway.limits.shorthand import Unit, checked_strict, key_of, make_rule
from gateway.limits.terms import Meter, ScopeType

from . import nodes
from .nodes import Node
from .schema import LimitEntry, OnPersistError
from .walk import Walk, unknown


class Law(NamedTuple):
    """What a `limits:` map says of one limit."""

    rule: Rule
    strict: bool | None = None
    """As it is written; None where it is not."""
    on_persist_error: OnPersistError | None = None
    """The same."""


Rules = Mapping[tuple[Unit, str], Law]


class Meters:
    """The limits of the file as meters, one for each id, so that targets share them."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.by_id: dict[str, Meter] = {}
        self._pools: dict[str, tuple[Meter, ...]] = {}

    def rules(self, limits: Mapping[tuple[Unit, str], LimitEntry], node: Node | None, timezone: str) -> Rules:
        """The rules of a `limits:` map, which stands at `node`; a limit that cannot be is noted there."""
        made: dict[tuple[Unit, str], Law] = {}
        for (unit, window), limit in limits.items():
            try:
                rule = make_rule(
                    unit,
                    window,
                    limit.amount,
                    algorithm=limit.algorithm,
                    timezone=limit.timezone or timezone,
                    reset=limit.reset,
                    burst=limit.burst,
                )
                made[unit, window] = Law(rule, checked_strict(unit, limit.strict), limit.on_persist_error)
            except ValueError as error:
                # A limit was read from there, so it is a map.
                self._walk.fail(cast("nodes.Mapping", node).key(key_of(unit, window)), str(error))
        return made

    def of(self, scope_type: ScopeType, scope: str, rules: Rules, account: str = "") -> tuple[Meter, ...]:
        """The meters of a scope, kept apart by account. Money is not: a second key never doubles a budget."""
        found = []
        for (unit, window), law in rules.items():
            apart = f"#{account}" if account and unit != "cost" else ""
            meter = Meter.of(
                scope_type,
                f"{scope}{apart}",
                unit,
                window,
                law.rule,
                strict=law.strict,
                on_persist_error=law.on_persist_error,
            )
            found.append(self.by_id.setdefault(meter.id, meter))
        return tuple(found)

    def open_pool(self, name: str, rules: Rules) -> None:
        """Let `pooled` know a pool."""
        self._pools[name] = self.of("pool", name, rules)

    def pooled(self, names: Iterable[str], places: Iterable[Node]) -> tuple[Meter, ...]:
        """The meters of the pools that a model names, each once. One that is not there is noted at its place."""
        found: dict[str, Meter] = {}
        for name, place in zip(names, places, strict=True):
            if name not in self._pools:
                self._walk.fail(place, unknown("pool", name, self._pools))
            found.update((meter.id, meter) for meter in self._pools.get(name, ()))
        return tuple(found.values())
