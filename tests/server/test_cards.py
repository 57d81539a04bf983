"""A card per provider."""

from typing import Any

import pytest

from gateway.catalog.catalog import Provider, Target
from gateway.history import Tally
from gateway.limits.ledger import Ledger
from gateway.server.bars import bars
from gateway.server.cards import MOST_BARS, Card, RestNote, Told, card
from gateway.server.chart import Speed, chart
from gateway.server.standing import Obstacles, Rest

from .house import target
from .test_bars import NOW, meter

TOLD = Told(chart=chart([], 0, 1800), speed=Speed(answers=0), outcomes=[], today=Tally())


def provider(*targets: Target, **other: Any) -> Provider:
    values: dict[str, Any] = {
        "id": "groq",
        "type": "openai",
        "base_url": "",
        "free": True,
        "active": True,
        "idle": "",
        "idle_text": "",
        "targets": targets,
        "wildcard": (),
        "round_robin": False,
        "notes": {},
    }
    return Provider(**{**values, **other})


def shown(of: Provider, rests: dict[str, Rest] | None = None, told: Told = TOLD, *, all_limits: bool = False) -> Card:
    meters = {each.id: each for one in (*of.targets, *of.wildcard) for each in one.meters}
    found = bars(meters.values(), Ledger(), NOW)
    return card(of, Obstacles({each.id: each for each in found}, rests or {}), told, all_limits=all_limits)


@pytest.mark.parametrize(
    ("of", "price", "models"),
    [
        (provider(target(), target(model="b", key="x"), target(model="b", key="y")), "free", "2 models"),
        (provider(target(free=False)), "paid", "1 model"),
        (provider(target(), target(model="b", free=False)), "free and paid", "2 models"),
        (provider(target(), wildcard=(target(model="*"),)), "free", "1 model and any other"),
        (provider(wildcard=(target(model="*", free=False),)), "paid", "any model"),
        (provider(target(), type="echo"), "built in", "1 model"),
    ],
)
def test_price_and_models(of: Provider, price: str, models: str) -> None:
    """A model that several keys serve is one model."""
    found = shown(of)
    assert (found.price, found.models, found.standing) == (price, models, "ready")


def test_numbers_beside_the_chart() -> None:
    """Speed of the answers that are remembered; attempts that succeeded and cost of today."""
    speed = Speed(answers=3, p50_s=0.21, p95_s=1.0, overhead_s=0.001, tokens_per_s=486.4)
    today = Tally(requests=400, attempts=500, errors=1, cost_nanousd=370_000_000)
    found = shown(provider(target()), told=Told(chart=TOLD.chart, speed=speed, outcomes=[], today=today))
    assert (found.first_token, found.rate, found.ok, found.cost) == ("210 ms", "486", "99.8 %", "$0.37")
    quiet = shown(provider(target()))
    assert (quiet.first_token, quiet.rate, quiet.ok, quiet.cost) == ("–", "", "–", "$0")  # noqa: RUF001


def test_what_a_subscription_costs_stands_apart() -> None:
    """A month's fee is never part of what requests cost."""
    found = shown(provider(target(), monthly_fee_nanousd=20 * 10**9))
    assert (found.cost, found.fee, shown(provider(target())).fee) == ("$0", "$20.00", "")


def test_provider_without_its_key_says_which_variable_and_where_to_get_one() -> None:
    """From the reason it is skipped for, and the preset's notes."""
    notes = {"signup": "https://groq.test/keys", "free_tier": "30 a minute", "note": "Fast."}
    waiting = target(idle="no_key", idle_text="A_KEY and B_KEY are not set")
    found = shown(provider(waiting, idle="no_key", idle_text="A_KEY and B_KEY are not set", notes=notes))
    assert (found.standing, found.state) == ("no_key", "no key")
    assert found.key.variables == ("A_KEY", "B_KEY")
    assert (found.key.signup, found.key.free_tier, found.key.note) == ("https://groq.test/keys", "30 a minute", "Fast.")


def test_link_of_a_preset_that_is_no_web_address_is_left_out() -> None:
    """A note is text; on a page, `javascript:` would be more than that."""
    assert shown(provider(target(), notes={"signup": "javascript:alert(1)"})).key.signup == ""


def test_provider_without_models_takes_no_traffic() -> None:
    """Not switched off by hand, but nothing can be asked of it."""
    found = shown(provider())
    assert (found.standing, found.switched_off, found.models) == ("off", False, "0 models")


def test_each_cooldown_is_told_once_with_what_it_keeps() -> None:
    """A whole provider, a model, a key, or a model on a key."""
    some = [target(model=name, key=key) for name in ("a", "b/c") for key in ("home", "work")]
    rests = {
        some[0].rest_id: Rest(kind="model", id="groq/a", left_s=41.2, cause="503"),
        some[1].rest_id: Rest(kind="model", id="groq/a", left_s=41.2, cause="503"),
        some[2].rest_id: Rest(kind="model+key", id="groq/b/c#home", left_s=3.0, cause="429"),
        some[3].rest_id: Rest(kind="key", id="groq#work", left_s=600.0, cause="invalid key"),
    }
    found = shown(provider(*some), rests)
    assert found.rests == (
        RestNote(who="a", left="0:42", left_s=41, cause="503"),
        RestNote(who="b/c, key home", left="0:03", left_s=3, cause="429"),
        RestNote(who="key work", left="10:00", left_s=600, cause="invalid key"),
    )
    assert (found.standing, found.tone) == ("cooling", "warn")
    whole = shown(provider(target()), {"groq/llama": Rest(kind="provider", id="groq", left_s=1.0, cause="connect")})
    assert whole.rests[0].who == ""


def test_only_so_many_limits_are_shown_until_all_are_asked_for() -> None:
    """A preset with five models has fifteen limits."""
    own = meter("requests_per_minute")
    some = [target(model=f"m{i}", meters=(own, meter(scope_type="model", scope=f"groq/m{i}"))) for i in range(9)]
    few, every = shown(provider(*some)), shown(provider(*some), all_limits=True)
    assert (sum(len(group.bars) for group in few.groups), few.more) == (MOST_BARS, 10 - MOST_BARS)
    assert (sum(len(group.bars) for group in every.groups), every.more) == (10, 0)
    assert few.tightest is not None
    assert few.tightest.label == "requests/min"


def test_a_pool_stands_on_the_card_of_each_provider_that_shares_it() -> None:
    """Under its own name, after the provider's limits; the most of one request is never the fullest limit."""
    largest, pool = meter("tokens_per_request", 0), meter(scope_type="pool", scope="free")
    found = shown(provider(target(meters=(largest, pool))))
    assert [(group.title, [bar.label for bar in group.bars]) for group in found.groups] == [
        ("", ["tokens/request"]),
        ("pool free", ["requests/day"]),
    ]
    assert found.tightest is not None
    assert found.tightest.part == "pool free"
