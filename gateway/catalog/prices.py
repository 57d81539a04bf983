"""What each model of the file costs: as it says, else as a list says, else unknown. And what looks odd in it."""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from gateway.price_list import PriceLists
from gateway.pricing import FREE, Price, price_from_usd

from . import nodes
from .catalog import FREE_SLUG
from .schema import ModelEntry
from .walk import Walk


class Service(Struct, frozen=True):
    """Where a model's requests go, as far as its price depends on it."""

    name: str
    type: str
    base_url: str
    pin: str
    free: bool
    """`free: true` of the whole provider, or of one of its keys."""


class Priced(NamedTuple):
    """A price, None where it is unknown, and where it comes from (`Target.price_source`)."""

    price: Price | None
    source: str


class Prices:
    """The prices of one file. Labels that cannot be right are noted in `walk`."""

    def __init__(self, walk: Walk, lists: PriceLists) -> None:
        self._walk = walk
        self._lists = lists
        self._stated: dict[tuple[str, str, str], tuple[Price, str]] = {}
        """Base URL, pin and upstream name -> the first price that the file states for them, and its entry."""

    def of(self, service: Service, name: str, entry: ModelEntry, node: nodes.Node) -> Priced:
        """The price of the model `name`, whose entry stands at `node`."""
        if service.type == "echo":
            return Priced(FREE, "built in")
        upstream = entry.upstream_model or name
        stated = None if entry.price is None else price_from_usd(**msgspec.structs.asdict(entry.price))
        if service.type == "openrouter":
            self._check_slug(service, upstream, entry, stated, node)
            if upstream.endswith(FREE_SLUG):
                return Priced(FREE, FREE_SLUG)
        if stated is not None:
            self._check_twice(service, name, upstream, stated, node)
            return Priced(stated, "yaml")
        return Priced(*(self._lists.find(service.base_url, upstream, service.pin) or (None, "")))

    def _check_slug(
        self, service: Service, upstream: str, entry: ModelEntry, stated: Price | None, node: nodes.Node
    ) -> None:
        """OpenRouter bills by the name, whatever is written here."""
        zero = stated is not None and stated.zero
        if upstream.endswith(FREE_SLUG):
            if stated is not None and not zero:
                self._fail(node, "price", f"{upstream} ends with {FREE_SLUG}, so it cannot have a price")
        elif zero or (service.free if entry.free is None else entry.free):
            said = "price" if zero else "free"
            text = f"{upstream} is marked free, but only names that end with {FREE_SLUG} are free at OpenRouter"
            self._fail(node, said, text, warning=True)

    def _check_twice(self, service: Service, name: str, upstream: str, stated: Price, node: nodes.Node) -> None:
        """One model at one address has one price."""
        entry = f"{service.name}/{name}"
        known, first = self._stated.setdefault((service.base_url, service.pin, upstream), (stated, entry))
        if known != stated:
            text = f"{entry} is {upstream} at the same address as {first}, which states another price"
            self._fail(node, "price", text, warning=True)

    def _fail(self, node: nodes.Node, key: str, message: str, *, warning: bool = False) -> None:
        """Note it at the value of `key`; at the entry, where the entry does not say it."""
        found = node.get(key) if isinstance(node, nodes.Mapping) else None
        self._walk.fail(found or node, message, warning=warning)
