"""What models cost by list, where the configuration does not say it: dated lists, and which of their rows is meant.

A provider is known by the host of its base URL, a model by its name there. What is not listed is unknown: no row is
taken for a name that is only similar.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from .pricing import Price, price_from_usd

_DATE = re.compile(r"[-@]20[0-9]{2}(-?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01])$")
"""`-2024-11-20`, `-20241120`, `@20241120`: a release of the model that the rest of the name stands for."""

_VARIANT = re.compile(r":[a-z]+$")


class Rates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """USD per million tokens, `request` USD each. Left out: as input, as output, 0."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    request: Decimal = Decimal(0)


class PriceList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list, as it is on disk: `config/prices.json`."""

    date: str
    """The day it was made, as `2026-11-21`."""
    providers: Mapping[str, Mapping[str, Rates]]
    """Provider -> name of the model there -> what it costs. Nothing that is free is among them."""
    hosts: Mapping[str, str] = {}
    """Host of a base URL -> provider. A fetched list has none: it goes by those of the shipped one."""
    sources: tuple[str, ...] = ()
    note: str = ""
    fetched: bool = False

    @property
    def name(self) -> str:
        """`list 2026-11-21`, `fetched 2026-11-22`: what a price is said to be from."""
        return f"{'fetched' if self.fetched else 'list'} {self.date}"

    @property
    def count(self) -> int:
        """How many models it knows."""
        return sum(len(models) for models in self.providers.values())


class ListPrice(NamedTuple):
    """A price, and the list it is from."""

    price: Price
    source: str


class PriceLists(Struct, frozen=True):
    """The lists in force, the newest first."""

    lists: tuple[PriceList, ...] = ()

    @classmethod
    def of(cls, lists: Iterable[PriceList]) -> "PriceLists":
        """These lists in their order; of two of one day, the fetched one comes first."""
        return cls(tuple(sorted(lists, key=lambda each: (each.date, each.fetched), reverse=True)))

    def find(self, base_url: str, model: str, pin: str = "") -> ListPrice | None:
        """What the model of that name costs there; None if no list knows it.

        An aggregator's price is that of the upstream it would take by itself: with another one pinned it is unknown.
        """
        provider = self._provider(base_url)
        if provider is None or (pin and model.partition("/")[0] != pin):
            return None
        for name in _spellings(model):
            for each in self.lists:
                if rates := each.providers.get(provider, {}).get(name):
                    return ListPrice(price_from_usd(**msgspec.structs.asdict(rates)), each.name)
        return None

    def _provider(self, base_url: str) -> str | None:
        host = urlsplit(base_url).hostname or ""
        return next((found for each in self.lists if (found := each.hosts.get(host))), None)


def read(data: bytes) -> PriceList:
    """A list from its file. Raises ValueError if it is none."""
    try:
        return msgspec.json.decode(data, type=PriceList)
    except msgspec.DecodeError as error:
        raise ValueError(f"it is no price list: {error}") from None


def _spellings(model: str) -> Iterator[str]:
    """The names that a list may have a model under: as it is, without its date, without what stands before a slash.

    A variant such as `:nitro` is another price, so it is only found as it is.
    """
    yield model
    if _VARIANT.search(model):
        return
    last = model.rpartition("/")[2]
    yield from dict.fromkeys((_DATE.sub("", model), last, _DATE.sub("", last)))
