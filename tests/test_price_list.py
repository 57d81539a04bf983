"""Prices by list: who is meant, which row, and nothing by guessing."""

from datetime import date
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.locate import read as read_yaml
from gateway.catalog.nodes import Scalar
from gateway.price_list import PriceList, PriceLists, Rates, read
from gateway.pricing import Price, price_from_usd
from gateway.settings import shipped

SHIPPED = read((shipped("config") / "prices.json").read_bytes())
OPENAI = "https://api.openai.com/v1"


def rates(cents: int) -> Rates:
    """So many US cents per million tokens of either kind."""
    return Rates(input=Decimal(cents) / 100, output=Decimal(cents) / 100)


LIST = PriceList(
    date="2026-11-21",
    hosts={"api.openai.com": "openai", "openrouter.ai": "openrouter", "fireworks.test": "fireworks"},
    providers={
        "openai": {"gpt-4o": rates(1), "gpt-4o-2024-05-13": rates(2), "gpt-4o-mini": rates(3)},
        "openrouter": {"openai/gpt-4o": rates(4), "openai/gpt-4o:extended": rates(5)},
        "fireworks": {"accounts/fireworks/models/big": rates(6), "small": rates(7)},
    },
)
LISTS = PriceLists.of([LIST])


def cents(base_url: str, model: str, pin: str = "", lists: PriceLists = LISTS) -> int | None:
    """What `rates` was given."""
    found = lists.find(base_url, model, pin)
    return found.price.input // 10**7 if found else None


@pytest.mark.parametrize(
    ("base_url", "model", "expected"),
    [
        pytest.param(OPENAI, "gpt-4o", 1, id="its very name"),
        pytest.param("https://API.OpenAI.com:443/other", "gpt-4o", 1, id="the host decides, not the path"),
        pytest.param(OPENAI, "gpt-4o-2024-05-13", 2, id="a dated name that is listed"),
        pytest.param(OPENAI, "gpt-4o-2024-11-20", 1, id="a dated name that is not: the model's"),
        pytest.param(OPENAI, "gpt-4o-20241120", 1, id="a date without dashes"),
        pytest.param(OPENAI, "gpt-4o@20241120", 1, id="a date behind an at sign"),
        pytest.param(OPENAI, "gpt-4o-2024-1120", None, id="half a date is none"),
        pytest.param(OPENAI, "gpt-4o-2024-13-20", None, id="no such month"),
        pytest.param(OPENAI, "gpt-4o-1120", None, id="four digits may be anything"),
        pytest.param(OPENAI, "gpt-4o-audio", None, id="a longer name is another model"),
        pytest.param(OPENAI, "gpt-4", None, id="a shorter one too"),
        pytest.param(OPENAI, "GPT-4o", None, id="case is part of the name"),
        pytest.param(OPENAI, "openai/gpt-4o", 1, id="a vendor in front"),
        pytest.param(OPENAI, "models/gpt-4o-2024-11-20", 1, id="both"),
        pytest.param("https://openrouter.ai/api/v1", "openai/gpt-4o", 4, id="a vendor that is part of the name"),
        pytest.param("https://openrouter.ai/api/v1", "openai/gpt-4o:extended", 5, id="a variant that is listed"),
        pytest.param("https://openrouter.ai/api/v1", "openai/gpt-4o:nitro", None, id="a variant that is not"),
        pytest.param("https://openrouter.ai/api/v1", "gpt-4o", None, id="no vendor is put in front"),
        pytest.param("https://fireworks.test", "accounts/fireworks/models/big", 6, id="a path as a name"),
        pytest.param("https://fireworks.test", "accounts/me/models/small", 7, id="a path in front of a name"),
        pytest.param("https://proxy.example/v1", "gpt-4o", None, id="a host that nobody knows"),
        pytest.param("https://api.openai.com.example/v1", "gpt-4o", None, id="a host that only looks alike"),
        pytest.param("http://localhost:11434/v1", "gpt-4o", None, id="this machine"),
        pytest.param("", "gpt-4o", None, id="no address"),
    ],
)
def test_which_row_is_meant(base_url: str, model: str, expected: int | None) -> None:
    """Host and name decide; unknown stays unknown."""
    assert cents(base_url, model) == expected


@pytest.mark.parametrize(("pin", "expected"), [("", 4), ("openai", 4), ("azure", None)])
def test_a_pinned_upstream_has_a_price_of_its_own(pin: str, expected: int | None) -> None:
    """The aggregator's list price is that of its own choice: the model's maker, as a rule."""
    assert cents("https://openrouter.ai/api/v1", "openai/gpt-4o", pin) == expected


@pytest.mark.parametrize(
    ("day", "name", "mini"),
    [
        pytest.param("2026-11-22", "fetched 2026-11-22", "list 2026-11-21", id="newer"),
        pytest.param("2026-11-21", "fetched 2026-11-21", "list 2026-11-21", id="of the same day"),
        pytest.param("2026-11-20", "list 2026-11-21", "list 2026-11-21", id="older"),
    ],
)
def test_the_newest_list_that_knows_the_model_counts(day: str, name: str, mini: str) -> None:
    """A fetched list goes by the hosts of the shipped one, and says only what it knows."""
    fetched = PriceList(date=day, providers={"openai": {"gpt-4o": rates(9)}}, fetched=True)
    lists = PriceLists.of([LIST, fetched])
    sources = [found.source for model in ("gpt-4o", "gpt-4o-mini") if (found := lists.find(OPENAI, model))]
    assert sources == [name, mini]
    assert cents(OPENAI, "gpt-4o", lists=lists) == (9 if name.startswith("fetched") else 1)


def test_its_very_name_in_an_older_list_goes_before_a_likeness_in_a_newer_one() -> None:
    """The dated model had a price of its own, and the newer list does not say otherwise."""
    fetched = PriceList(date="2026-12-01", providers={"openai": {"gpt-4o": rates(9)}}, fetched=True)
    assert cents(OPENAI, "gpt-4o-2024-05-13", lists=PriceLists.of([fetched, LIST])) == 2


def test_without_lists_nothing_is_known() -> None:
    """No list, no price."""
    assert PriceLists().find(OPENAI, "gpt-4o") is None


@given(model=st.text(max_size=40), base_url=st.sampled_from([OPENAI, "https://openrouter.ai/api/v1", "x", "//"]))
def test_no_name_is_too_odd_to_look_up(model: str, base_url: str) -> None:
    """Names come from requests. What is found is from the list."""
    found = LISTS.find(base_url, model)
    assert found is None or found.source == "list 2026-11-21"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"date": "2026-11-21"}',
        b'{"date": "2026-11-21", "providers": {"a": {"m": {"input": 1}}}}',
        b'{"date": "2026-11-21", "providers": {"a": {"m": {"input": 1, "output": "dear"}}}}',
        b'{"date": "2026-11-21", "providers": {}, "surprise": 1}',
    ],
)
def test_what_is_no_list(data: bytes) -> None:
    """Says so, instead of leaving every price unknown."""
    with pytest.raises(ValueError, match=r"^it is no price list: "):
        read(data)


def test_rates_are_exact() -> None:
    """Decimal digits become whole nano-dollars; what is left out is as input, as output, 0."""
    found = read(b'{"date": "d", "hosts": {"h": "p"}, "providers": {"p": {"m": {"input": 0.1, "output": 0.00688}}}}')
    lists = PriceLists.of([found])
    assert found.count == 1
    assert lists.find("https://h/v1", "m") == (Price(10**8, 10**8, 10**8, 6_880_000, 6_880_000), "list d")


def test_the_shipped_list_is_what_it_should_be() -> None:
    """Dated, with its sources, large enough, every host's provider in it, no price of zero or beyond bounds."""
    assert date.fromisoformat(SHIPPED.date) >= date(2026, 11, 21)
    assert all("https://" in source for source in SHIPPED.sources)
    assert SHIPPED.sources
    assert SHIPPED.count >= 1500
    assert set(SHIPPED.hosts.values()) == set(SHIPPED.providers)
    assert (shipped("config") / "prices.json").stat().st_size < 400_000
    odd = [
        f"{provider}/{model}"
        for provider, models in SHIPPED.providers.items()
        for model, each in models.items()
        if not 0 < each.input <= 1000 or not 0 <= each.output <= 1000 or model.endswith(":free") or each.request > 1
    ]
    assert odd == []


@pytest.mark.parametrize(
    ("base_url", "model", "price"),
    [
        (OPENAI, "gpt-4o", price_from_usd(input=Decimal("2.5"), cached_input=Decimal("1.25"), output=Decimal(10))),
        (
            "https://api.anthropic.com/v1",
            "claude-sonnet-4-5",
            price_from_usd(
                input=Decimal(3), cached_input=Decimal("0.3"), cache_write=Decimal("3.75"), output=Decimal(15)
            ),
        ),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "models/gemini-2.5-flash",
            price_from_usd(input=Decimal("0.3"), cached_input=Decimal("0.03"), output=Decimal("2.5")),
        ),
        (
            "https://api.groq.com/openai/v1",
            "llama-3.3-70b-versatile",
            price_from_usd(input=Decimal("0.59"), output=Decimal("0.79")),
        ),
    ],
)
def test_prices_that_everybody_knows(base_url: str, model: str, price: Price) -> None:
    """A slip of a factor would show here."""
    assert PriceLists.of([SHIPPED]).find(base_url, model) == (price, SHIPPED.name)


def test_every_preset_with_prices_has_a_provider_in_the_list() -> None:
    """So that a model which is added to one by name alone has its price too."""
    for path in sorted((shipped("config") / "presets").glob("*.yaml")):
        base_url = read_yaml(path.read_text("utf-8"), path.name).root.get("base_url")
        assert isinstance(base_url, Scalar)
        host = urlsplit(base_url.text).hostname
        assert host == "localhost" or host in SHIPPED.hosts
