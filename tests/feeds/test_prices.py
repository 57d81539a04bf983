"""Helicone's list, read."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.feeds import prices
from gateway.feeds.cache import Cached, write_cache
from gateway.price_list import Rates, read
from gateway.settings import shipped


def row(model: str = "gpt-4o", provider: str = "OPENAI", **other: Any) -> dict[str, Any]:
    """One row of the answer."""
    return {
        "provider": provider,
        "model": model,
        "operator": "equals",
        "input_cost_per_1m": 2.5,
        "output_cost_per_1m": 10,
        "show_in_playground": True,
        **other,
    }


def answer(*rows: dict[str, Any]) -> bytes:
    """The whole of it."""
    return orjson.dumps({"metadata": {"total_models": len(rows), "note": "n"}, "data": rows})


def many(count: int, **other: Any) -> bytes:
    """A list of so many models."""
    return answer(*(row(f"model-{number}", **other) for number in range(count)))


def rates_of(*rows: dict[str, Any]) -> dict[str, dict[str, Rates]]:
    """What is read of these rows."""
    return {name: dict(models) for name, models in prices.parse(answer(*rows), "2026-11-22").providers.items()}


def test_a_row_becomes_exact_rates() -> None:
    """Digit for digit; what is left out is as input, as output, 0."""
    text = b"""{"data": [{"provider": "ANTHROPIC", "model": "claude", "operator": "equals", "input_cost_per_1m": 3,
        "output_cost_per_1m": 15.10, "prompt_cache_read_per_1m": 0.30, "prompt_cache_write_per_1m": 3.75,
        "per_call": 0.005, "per_image": 4}]}"""
    found = prices.parse(text, "2026-11-22")
    assert found.providers == {
        "anthropic": {
            "claude": Rates(
                input=Decimal(3),
                output=Decimal("15.10"),
                cached_input=Decimal("0.30"),
                cache_write=Decimal("3.75"),
                request=Decimal("0.005"),
            )
        }
    }
    assert (found.name, found.sources) == ("fetched 2026-11-22", (prices.URL,))


@pytest.mark.parametrize(
    ("provider", "ours"),
    [("X", "xai"), ("GOOGLE", "gemini"), ("TOGETHER", "together"), ("AWS", None), ("AZURE", None), ("NEW", None)],
)
def test_providers_go_by_their_names_in_the_shipped_list(provider: str, ours: str | None) -> None:
    """Those that bill by region or deployment, and those that nobody knows, are left out."""
    assert list(rates_of(row(provider=provider))) == ([ours] if ours else [])


def test_every_provider_is_one_of_the_shipped_list() -> None:
    """A name without hosts would never be found."""
    assert set(prices.PROVIDERS.values()) <= set(read((shipped("config") / "prices.json").read_bytes()).providers)


def test_operators_are_not_followed() -> None:
    """`startsWith gpt-4o` would make gpt-4o-mini sixteen times as dear. The row counts for its own name, and last."""
    found = rates_of(
        row(operator="startsWith", input_cost_per_1m=1), row(input_cost_per_1m=2), row("gpt-5", operator="includes")
    )
    assert {name: each.input for name, each in found["openai"].items()} == {"gpt-4o": 2, "gpt-5": Decimal("2.5")}


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(
            {"input_cost_per_1m": 0, "output_cost_per_1m": 0}, id="zero: what is not known must not look free"
        ),
        pytest.param({"input_cost_per_1m": -1}, id="negative"),
        pytest.param({"output_cost_per_1m": 10_001}, id="dearer than anything"),
        pytest.param({"output_cost_per_1m": "1e999999"}, id="beyond all numbers"),
        pytest.param({"input_cost_per_1m": "NaN"}, id="no number"),
        pytest.param({"per_call": "Infinity"}, id="no end"),
        pytest.param({"per_call": 11}, id="eleven dollars a call"),
        pytest.param({"input_cost_per_1m": None}, id="no price"),
        pytest.param({"model": 4}, id="no name"),
    ],
)
def test_rows_that_make_no_sense_are_left_out(odd: dict[str, Any]) -> None:
    """The others count."""
    assert list(rates_of(row(**odd), row("other"))["openai"]) == ["other"]


def test_free_caching_is_not_believed() -> None:
    """A zero there mostly means that nobody filled it in: it is as input then."""
    found = rates_of(row(prompt_cache_read_per_1m=0, prompt_cache_write_per_1m=0, per_call=0))
    assert found["openai"]["gpt-4o"] == Rates(input=Decimal("2.5"), output=Decimal(10))


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"data": 1}', b"<html>", b'{"data": [1'])
def test_what_is_no_such_answer(body: bytes) -> None:
    """An error page, half an answer, another shape."""
    with pytest.raises(ValueError, match="another shape"):
        prices.parse(body, "2026-11-22")


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(row())), inner, max_size=6),
)


@given(st.binary(max_size=200) | st.lists(_JSON, max_size=5).map(lambda rows: orjson.dumps({"data": rows})))
def test_nothing_but_a_value_error(body: bytes) -> None:
    """Whatever comes."""
    try:
        prices.check(body, None)
    except ValueError:
        return
    raise AssertionError("so little is no list")


@pytest.mark.parametrize(
    ("body", "before", "reason"),
    [
        pytest.param(many(300), None, "", id="the first one"),
        pytest.param(many(300), many(600), "", id="half of it"),
        pytest.param(many(300), many(601), "300 models, and 601 before", id="less than half"),
        pytest.param(many(299), None, "299 models: fewer than 300", id="too few"),
        pytest.param(many(300, input_cost_per_1m=0.0000025), None, "middle price is 0.0000025", id="per token"),
        pytest.param(many(300, input_cost_per_1m=2500), None, "middle price is 2500", id="per billion"),
        pytest.param(b"{}", None, "another shape", id="no list"),
    ],
)
def test_what_is_believed(body: bytes, before: bytes | None, reason: str) -> None:
    """A list that is suddenly another one is an accident at the other end."""
    if not reason:
        prices.check(body, before)
        return
    with pytest.raises(ValueError, match=reason):
        prices.check(body, before)


def test_the_cached_list_is_of_the_day_it_was_last_confirmed(tmp_path: Path) -> None:
    """None if there is none, or none that this program can read."""
    assert prices.cached(tmp_path) is None

    def keep(body: bytes) -> None:
        cached = Cached(url=prices.URL, fetched_at=0.0, checked_at=1769903970.0, etag="", modified="", body=body)
        write_cache(prices.FEED.path(tmp_path), cached)

    keep(many(300))
    found = prices.cached(tmp_path)
    assert found is not None
    assert (found.name, found.count) == ("fetched 2026-01-31", 300)
    keep(b"[]")
    assert prices.cached(tmp_path) is None
