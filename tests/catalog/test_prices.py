"""What each model of the file costs, and labels that cannot be right."""

from decimal import Decimal

import pytest

from gateway.catalog.catalog import Catalog, Target
from gateway.price_list import PriceList, PriceLists, Rates, read
from gateway.pricing import FREE, Price, price_from_usd
from gateway.settings import shipped

from .compiling import compiled


def _list(cents: int, **models: str) -> PriceList:
    rates = Rates(input=Decimal(cents) / 100, output=Decimal(cents) / 100)
    return PriceList(
        date=f"2026-11-{cents:02}",
        hosts={"api.openai.com": "openai", "openrouter.ai": "openrouter"},
        providers={provider: dict.fromkeys(names.split(), rates) for provider, names in models.items()},
        fetched=cents > 1,
    )


LISTS = PriceLists.of(
    [_list(1, openai="gpt-4o gpt-4o-mini", openrouter="openai/gpt-4o anthropic/opus"), _list(2, openai="gpt-4o")]
)


def _price(cents: int) -> Price:
    return price_from_usd(input=Decimal(cents) / 100, output=Decimal(cents) / 100)


def _compiled(entry: str, name: str = "p") -> Catalog:
    return compiled(f"providers:\n  {name}: {{api_key: k, {entry}}}\n", lists=LISTS)


def _target(entry: str, name: str = "p") -> Target:
    (target,) = _compiled(entry, name).providers[name].targets
    return target


def _warnings(text: str) -> list[str]:
    found = compiled(text).warnings
    return [f"{each.line}:{each.column}: {each.message}" for each in found if "no limits" not in each.message]


@pytest.mark.parametrize(
    ("entry", "price", "source"),
    [
        pytest.param("gpt-4o: {price: {input: 5, output: 5}}", _price(500), "yaml", id="what is written goes first"),
        pytest.param("gpt-4o: {price: free}", FREE, "yaml", id="written as free"),
        pytest.param("gpt-4o: {}", _price(2), "fetched 2026-11-02", id="then the newest list"),
        pytest.param("gpt-4o-mini: {}", _price(1), "list 2026-11-01", id="then the shipped one"),
        pytest.param("big: {upstream_model: gpt-4o-mini}", _price(1), "list 2026-11-01", id="by its name there"),
        pytest.param("gpt-5: {}", None, "", id="unknown stays unknown"),
    ],
)
def test_where_a_price_comes_from(entry: str, price: Price | None, source: str) -> None:
    """YAML, fetched list, shipped list, in this order; the target says which."""
    target = _target(f"models: {{{entry}}}")
    assert (target.price, target.price_source) == (price, source)


def test_a_free_account_keeps_the_list_price() -> None:
    """It costs nothing, and the page shows what that was worth."""
    target = _target("free: true, models: {gpt-4o: {}}")
    assert (target.free, target.price) == (True, _price(2))


@pytest.mark.parametrize(
    ("name", "entry", "source"),
    [
        ("p", "type: openrouter, models: {openai/gpt-4o: {}}", "list 2026-11-01"),
        ("p", 'type: openrouter, models: {"openai/gpt-4o:free": {}}', ":free"),
        ("openrouter-openai", "models: {openai/gpt-4o: {}}", "list 2026-11-01"),
        ("openrouter-azure", "models: {openai/gpt-4o: {}}", ""),
        ("openrouter-azure", "pin: false, models: {openai/gpt-4o: {}}", "list 2026-11-01"),
        ("p", 'base_url: "https://proxy.example/v1", models: {gpt-4o: {}}', ""),
    ],
)
def test_the_address_and_the_pin_decide(name: str, entry: str, source: str) -> None:
    """A name alone is not enough: the same model has many prices."""
    assert _target(entry, name).price_source == source


def test_an_echo_costs_nothing() -> None:
    """It answers by itself."""
    target = compiled("providers: {e: {type: echo, models: {m: {}}}}").exact["e/m"][0]
    assert (target.price, target.price_source) == (FREE, "built in")


@pytest.mark.parametrize(
    ("entry", "asked", "price", "source"),
    [
        pytest.param("{}", "gpt-4o", _price(2), "fetched 2026-11-02", id="by the name that was asked"),
        pytest.param("{}", "gpt-5", None, "", id="unknown"),
        pytest.param("{price: {input: 5, output: 5}}", "gpt-4o", _price(500), "yaml", id="one price for all"),
        pytest.param("{upstream_model: gpt-4o}", "gpt-5", _price(2), "fetched 2026-11-02", id="always the same one"),
    ],
)
def test_wildcards_are_priced_by_name(entry: str, asked: str, price: Price | None, source: str) -> None:
    """Each name that a wildcard takes is a model with its own price."""
    (target,) = _compiled(f'models: {{"*": {entry}}}').resolve(f"p/{asked}").targets
    assert (target.model, target.price, target.price_source, target.free) == (asked, price, source, False)


def test_free_slugs_of_wildcards_say_so() -> None:
    """The name is the reason."""
    (target,) = _compiled('type: openrouter, models: {"*": {}}').resolve("p/x/y:free").targets
    assert (target.price, target.price_source, target.free) == (FREE, ":free", True)


@pytest.mark.parametrize(
    ("entry", "warnings"),
    [
        pytest.param(
            "models: {a/b: {free: true}}",
            ["2:58: a/b is marked free, but only names that end with :free are free at OpenRouter"],
            id="by the model",
        ),
        pytest.param(
            "models: {a/b: {price: free}}",
            ["2:59: a/b is marked free, but only names that end with :free are free at OpenRouter"],
            id="by its price",
        ),
        pytest.param(
            "free: true, models: {a/b: {}}",
            ["2:63: a/b is marked free, but only names that end with :free are free at OpenRouter"],
            id="by the provider: at the entry",
        ),
        pytest.param("free: true, models: {a/b: {free: false}}", [], id="taken back"),
        pytest.param("free: true, api_keys: {x: {key: j, free: false}}, models: {a/b: {}}", [], id="by every key"),
        pytest.param(
            "api_keys: {x: j, y: {key: i, free: true}}, models: {a/b: {}}",
            ["2:82: a/b is marked free, but only names that end with :free are free at OpenRouter"],
            id="by one of the keys",
        ),
        pytest.param('models: {"a/b:free": {free: true, price: free}}', [], id="a free slug"),
        pytest.param("models: {a/b: {price: {input: 1, output: 2}}}", [], id="a price"),
    ],
)
def test_a_slug_that_is_not_free_is_noticed(entry: str, warnings: list[str]) -> None:
    """OpenRouter bills by the name: whoever marks another one as free will pay unawares."""
    key = "" if "api_keys" in entry else "api_key: k, "
    assert _warnings(f"providers:\n  p: {{type: openrouter, {key}{entry}}}\n") == warnings


def test_two_prices_of_one_model_are_noticed() -> None:
    """The same name at the same address; the place is that of the second."""
    text = """\
providers:
  home: {api_key: k, models: {gpt-4o: {price: {input: 2.5, output: 10}}, same: {price: {input: 1, output: 1}}}}
  work:
    api_key: j
    models:
      big: {upstream_model: gpt-4o, price: {input: 5, output: 10}}
      same: {price: {input: 1.0, output: 1.00}}
      own: {price: {input: 7, output: 7}}
  proxy: {base_url: "https://proxy.example/v1", api_key: i, models: {gpt-4o: {price: {input: 9, output: 9}}}}
  quiet: {api_key: h, models: {gpt-4o: {}}}
"""
    assert _warnings(text) == [
        "6:44: work/big is gpt-4o at the same address as home/gpt-4o, which states another price"
    ]


def test_each_pinned_upstream_has_its_own_price() -> None:
    """One name at one address, but not one seller."""
    text = """\
providers:
  openrouter-azure: {api_key: k, models: {o/m: {price: {input: 1, output: 1}}}}
  openrouter-openai: {api_key: k, models: {o/m: {price: {input: 2, output: 2}}}}
  again: {type: openrouter, pin: azure, api_key: k, models: {o/m: {price: {input: 3, output: 3}}}}
"""
    assert _warnings(text) == [
        "4:75: again/o/m is o/m at the same address as openrouter-azure/o/m, which states another price"
    ]


def test_a_node_that_is_shared_is_one_mistake() -> None:
    """An anchor repeats the text, not the message."""
    text = """\
x-models: &models
  m: {price: {input: 1, output: 1}}
  n: {upstream_model: m, price: {input: 2, output: 2}}
providers:
  a: {api_key: k, models: *models}
  b: {api_key: j, models: *models}
"""
    assert _warnings(text) == [
        "3:33: a/n is m at the same address as a/m, which states another price",
        "3:33: b/n is m at the same address as a/m, which states another price",
    ]


def test_presets_and_the_shipped_list_agree() -> None:
    """What a preset says goes over the list, so a price that is only mended in one place would be wrong."""
    config = shipped("config")
    presets = {path.stem: path.read_text("utf-8") for path in (config / "presets").glob("*.yaml")}
    text = f"providers: {{{', '.join(f'{name}: {{preset: {name}}}' for name in presets)}}}"
    lists = PriceLists.of([read((config / "prices.json").read_bytes())])
    stated = [
        (target.id, target.price, lists.find(target.base_url, target.upstream_model))
        for provider in compiled(text, presets=presets).providers.values()
        for target in provider.targets
        if target.price and not target.price.zero
    ]
    assert len(stated) > 10
    assert [each for each in stated if each[2] is None or each[1] != each[2].price] == []
