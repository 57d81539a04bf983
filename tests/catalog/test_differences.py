"""What a reload changed, in words."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalog.catalog import Catalog
from gateway.catalog.differences import MOST_LINES, Differences, compare
from gateway.limits.terms import Meter
from gateway.price_list import PriceList, PriceLists

from .compiling import compiled

BASE = """
server: {admin_token: "one word", snapshot: {every: 2s}}
pools: {free: {limits: {requests_per_day: 50}}}
clients:
  alice: {key: "a secret", limits: {tokens_per_day: 10k}}
providers:
  groq:
    base_url: https://api.groq.com/openai/v1
    api_key: "sk-1"
    headers: {X-Team: "blue"}
    limits: {tokens_per_day: 100k}
    models:
      small: {price: {input: 0.1, output: 0.2}, grade: 50, aliases: [fast], pools: [free]}
      large: {price: {input: 1, output: 2}, limits: {requests_per_minute: 30}}
  local: {base_url: http://127.0.0.1:11434/v1, models: {"*": {}}}
meta_models:
  base: {targets: [groq/small, groq/large]}
"""


def used(meter: Meter) -> float:
    """Of the large limits, more than half; of all others nothing."""
    return 63_119.2 if meter.id == "provider:groq:tokens_per_day" else 0.0


def difference(before: Catalog, after: Catalog) -> Differences:
    steps = compare(before, after, used)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Differences = end.value
            return found


def changed(*edits: str, env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The lines for the base with some of its text replaced, `old => new`."""
    text = BASE
    for edit in edits:
        old, new = edit.split(" => ")
        assert old in text
        text = text.replace(old, new)
    return difference(compiled(BASE), compiled(text, env=env)).lines


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ("tokens_per_day: 100k => tokens_per_day: 200k", "groq tokens_per_day 100k -> 200k, 63,120 used kept"),
        ("{requests_per_minute: 30} => {requests_per_minute: 60}", "groq/large requests_per_minute 30 -> 60"),
        (
            "    limits: {tokens_per_day: 100k}\n => ",
            "groq tokens_per_day 100k removed, 63,120 used remembered for 35 days",
        ),
        ("{tokens_per_day: 100k} => {tokens_per_day: 100k, requests_per_day: 5}", "groq requests_per_day 5 added"),
        ("requests_per_day: 50 => requests_per_day: 60", "pool free requests_per_day 50 -> 60"),
        ("tokens_per_day: 10k => tokens_per_day: 20k", "client alice tokens_per_day 10k -> 20k"),
        (", limits: {tokens_per_day: 10k}} => , paid: never, limits: {tokens_per_day: 10k}}", "client alice paid"),
        ("a secret => another", "client alice key changed"),
        ("sk-1 => sk-2", "groq keys changed"),
        ("blue => red", "groq headers changed"),
        ("one word => two words", "server.admin_token changed"),
        ("every: 2s => every: 5s", "server.snapshot.every 2 -> 5"),
        ("https://api.groq.com/openai/v1 => https://groq.test/v1", "groq base_url https://api.groq.com/openai/v1 -> "),
        ('"sk-1" => "sk-1"\n    monthly_fee: 5', "groq monthly_fee $0 -> $5"),
        ("grade: 50 => grade: 60", "groq/small grade 50 -> 60"),
        ("{input: 1, output: 2} => {input: 2, output: 2}", "groq/large price $1 in, $2 out -> $2 in, $2 out"),
        ("grade: 50 => active: false", "groq/small switched off"),
        ("[fast] => [fast, quick]", "alias groq/quick of groq/small added"),
        ("aliases: [fast], => ", "alias groq/fast of groq/small removed"),
        ("targets: [groq/small, groq/large] => targets: [groq/small]", "base targets removed: groq/large"),
        (
            "targets: [groq/small, groq/large] => targets: [groq/large, groq/small]",
            "base targets in another order",
        ),
        ("targets: [ => strategy: score, targets: [", "base strategy order -> score"),
        ("targets: [ => strategy: score, weights: {context: 3}, targets: [", "base weights.context "),
        ("targets: [ => strategy: score, adjustments: {small: 1}, targets: [", "base adjustments changed"),
        ("meta_models: => prices: {fetch: true}\nmeta_models:", "prices.fetch false -> true"),
        ("meta_models: => leaderboard: {overrides: {small: 50}}\nmeta_models:", "leaderboard overrides changed"),
        ("server: { => server: {hosts: [gw.test], ", "server.hosts none -> gw.test"),
    ],
)
def test_a_change_is_a_line(edit: str, line: str) -> None:
    """Who, what, from what to what."""
    assert [each for each in changed(edit) if each.startswith(line)]


def test_the_same_is_nothing() -> None:
    """Compiled twice."""
    assert changed() == ()


def test_what_came_and_went_is_one_line_each() -> None:
    """The limits and aliases of a provider, a model or a client come and go with it."""
    other = """
  other: {base_url: https://other.test/v1, api_key: k, limits: {requests_per_day: 5}, models: {m: {aliases: [n]}}}
"""
    more = "      new: {price: free, limits: {requests_per_day: 5}, aliases: [newest]}\n"
    text = BASE.replace("  alice:", "  bob: {key: bobs, limits: {requests_per_day: 1}}\n  alice:")
    text = text.replace("  local:", f"{more}{other}  local:").replace("  base:", "  extra: {targets: [fast]}\n  base:")
    came = ("provider other added, models: 1", "model groq/new added", "meta-model extra added", "client bob added")
    assert set(difference(compiled(BASE), compiled(text)).lines) == set(came)
    went = {"provider other removed", "model groq/new removed", "meta-model extra removed", "client bob removed"}
    assert set(difference(compiled(text), compiled(BASE)).lines) == went


def test_a_key_that_is_there_at_last() -> None:
    """What a provider waits for, and that it does no longer."""
    before, after = "sk-1 => ${GROQ}", {"GROQ": "sk-1"}
    text = BASE.replace("sk-1", "${GROQ}")
    assert "groq: in use -> GROQ is not set" in changed(before)
    assert "groq: GROQ is not set -> in use" in difference(compiled(text), compiled(text, env=after)).lines


def test_an_alias_that_means_another_model() -> None:
    """It was there, and is."""
    assert changed("aliases: [fast], => ", "output: 2}, limits => output: 2}, aliases: [fast], limits") == (
        "alias groq/fast groq/small -> groq/large",
    )


def test_an_order_that_decides_between_equals() -> None:
    """Providers and models."""
    one, two = "  a: {type: echo, models: {m: {}, n: {}}}\n", "  b: {type: echo, models: {m: {}}}\n"
    before = compiled(f"providers:\n{one}{two}")
    assert difference(before, compiled(f"providers:\n{two}{one}")).lines == ("providers in another order",)
    turned = one.replace("{m: {}, n: {}}", "{n: {}, m: {}}")
    assert difference(before, compiled(f"providers:\n{turned}{two}")).lines == ("a models in another order",)


def test_a_provider_without_models() -> None:
    """It has nothing but itself to compare."""
    bare = "providers: {a: {type: echo}}"
    assert difference(compiled(bare), compiled("providers: {a: {type: echo, models: {m: {}}}}")).lines == (
        "model a/m added",
    )


def test_fetched_prices_are_named() -> None:
    """Which lists count."""
    lists = PriceLists((PriceList(date="2026-11-21", providers={}),))
    found = difference(compiled(BASE), compiled(BASE, lists=lists)).lines
    assert found == ("price lists none -> list 2026-11-21",)


def test_many_are_counted() -> None:
    """Words only for those that somebody will read."""
    asked: list[str] = []

    def count(meter: Meter) -> float:
        asked.append(meter.id)
        return 1.0

    def many(amount: int) -> Catalog:
        models = ", ".join(f"m{n}: {{limits: {{requests_per_day: {amount}}}}}" for n in range(500))
        return compiled(f"providers: {{a: {{type: echo, models: {{{models}}}}}}}")

    steps = compare(many(1), many(2), count)
    turns = 0
    try:
        while True:
            next(steps)
            turns += 1
    except StopIteration as end:
        found: Differences = end.value
    assert (len(found.lines), found.more, found.count) == (MOST_LINES, 450, 500)
    assert len(asked) == MOST_LINES
    assert turns > 10


@given(st.lists(st.sampled_from([("grade: 50", "grade: 70"), ("100k", "7M"), ("small", "tiny"), ("sk-1", "sk-x")])))
@settings(max_examples=30, deadline=None)
def test_no_secret_is_ever_told(edits: list[tuple[str, str]]) -> None:
    """Whatever else changes."""
    text = BASE.replace("a secret", "hidden-1").replace("one word", "hidden-2").replace("blue", "hidden-3")
    for old, new in edits:
        text = text.replace(old, new)
    said = "\n".join(difference(compiled(BASE), compiled(text)).lines)
    assert "hidden" not in said
    assert "sk-" not in said
