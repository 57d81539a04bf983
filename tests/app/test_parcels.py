"""A catalog goes from one process to another whole, in small pieces."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.app.parcels import PIECE, pack, pieces, unpack
from gateway.configuration import shipped_prices
from gateway.price_list import PriceList, PriceLists, Rates
from tests.catalog.compiling import compiled

RATES = Rates(input=Decimal(1), output=Decimal(2))
MODELS = ", ".join(f"m{n}: {{limits: {{requests_per_day: 5}}, aliases: [a{n}]}}" for n in range(4 * PIECE))
YAML = f"""
pools: {{all: {{limits: {{requests_per_day: 50}}}}}}
clients: {{alice: {{key: "alice's own"}}}}
providers:
  one: {{base_url: "https://api.openai.com/v1", api_keys: {{a: k1, b: k2}}, headers: {{X: y}}, models: {{{MODELS}}}}}
  two: {{type: echo, models: {{m1: {{pools: [all]}}, m2: {{pools: [all]}}}}}}
meta_models:
  base: {{targets: [one/m1, two/m1], strategy: score, adjustments: {{m: 1}}}}
"""


def unpacked(parcel: bytes, known: dict[str, object]) -> tuple[Any, int]:
    """What was in it, and in how many steps."""
    steps, count = unpack(parcel, known), 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def test_what_arrives_is_what_was_sent() -> None:
    """With everything around it, and nothing twice that was once."""
    shipped = shipped_prices()
    fetched = PriceList(date="2026-11-22", providers={"x": {"y": RATES}}, fetched=True)
    known: dict[str, object] = {"shipped": shipped}
    catalog = compiled(YAML, lists=PriceLists((fetched, shipped)))
    (found, note), count = unpacked(pack((catalog, "note"), catalog, known), known)
    assert (found, note) == (catalog, "note")
    assert count >= len(catalog.exact) / PIECE
    assert found.price_lists.lists[1] is shipped
    assert found.exact["one/m1"][0] is found.providers["one"].targets[2]
    pooled = [meter for target in found.providers["two"].targets for meter in target.meters]
    assert len(pooled) == 2
    assert pooled[0] is pooled[1]


def test_no_catalog_at_all() -> None:
    """What else there is to say."""
    assert unpacked(pack("bad news", None, {}), {}) == ("bad news", 0)


def test_what_is_cut_is_refused() -> None:
    """At every hundredth byte, and with something behind it."""
    catalog = compiled("providers: {a: {type: echo, models: {m: {limits: {requests_per_day: 5}}}}}")
    parcel = pack(catalog, catalog, {})
    for cut in [*(parcel[:end] for end in range(0, len(parcel), 100)), parcel + b"more", b"no parcel", parcel[5:]]:
        with pytest.raises(ValueError, match="no parcel"):
            unpacked(cut, {})


def test_an_object_that_only_one_side_knows() -> None:
    """Two versions of the program."""
    shipped = shipped_prices()
    with pytest.raises(ValueError, match="no parcel"):
        unpacked(pack(shipped, None, {"shipped": shipped}), {})


def test_pieces_are_all_of_it() -> None:
    """In their order."""
    items = list(range(2 * PIECE + 1))
    assert [each for piece in pieces(items) for each in piece] == items
    assert [len(piece) for piece in pieces(items)] == [PIECE, PIECE, 1]
