"""Limits as bars."""

from typing import Any

import pytest

from gateway.clock import Moment
from gateway.limits.ledger import Ledger
from gateway.limits.reported import Reported
from gateway.limits.shorthand import make_rule, parse_key
from gateway.limits.terms import Meter, Need, ScopeType
from gateway.server.bars import Bar, bar, bars, grouped, lasts, level

NOW = Moment(1_795_185_150.0, 5000.0)
"""2026-11-20 14:32:30 UTC."""


def meter(
    name: str = "requests_per_day",
    amount: int = 100,
    *,
    scope_type: ScopeType = "provider",
    scope: str = "groq",
    algorithm: str | None = None,
    timezone: str = "UTC",
) -> Meter:
    unit, window = parse_key(name) or pytest.fail(name)
    rule = make_rule(unit, window, amount, algorithm=algorithm, timezone=timezone)
    return Meter.of(scope_type, scope, unit, window, rule)


def shown(of: Meter, used: Need | None = None, held: Need | None = None) -> Bar:
    """The bar of a limit after so much was used, while so much is held."""
    ledger = Ledger()
    ledger.settle(ledger.reserve([of], Need(0), NOW), used or Need(0), NOW)
    if held:
        ledger.reserve([of], held, NOW)
    return bar(of, ledger, NOW)


@pytest.mark.parametrize(
    ("used", "colour"), [(0, "ok"), (69, "ok"), (70, "warn"), (89, "warn"), (90, "hot"), (99, "hot"), (100, "bad")]
)
def test_colour_changes_at_70_90_and_100_per_cent(used: int, colour: str) -> None:
    """Green, amber, orange, red."""
    assert level(used / 100) == colour
    assert shown(meter(), Need(used)).level == colour


def test_what_running_requests_hold_counts_for_the_colour_and_is_drawn_behind() -> None:
    """40 used and 55 held: five are left, so it is nearly used up, although `used` says 40."""
    found = shown(meter(), Need(40), Need(55))
    assert (found.used, found.reserved, found.level) == (40, 55, "hot")
    assert (found.fill, found.held, found.used_text) == (40.0, 55.0, "40")


def test_debt_does_not_leave_the_bar() -> None:
    """Settled usage may exceed the amount: the bar is full, the number honest."""
    found = shown(meter("tokens_per_day", 1000), Need(0, 1500))
    assert (found.fill, found.held, found.share, found.used_text) == (100.0, 0.0, 1.0, "1,500")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("requests_per_minute", "requests/min"),
        ("requests_per_second", "requests/s"),
        ("input_tokens_per_day", "input tokens/day"),
        ("cost_per_month", "cost/month"),
        ("tokens_per_15m", "tokens/15m"),
        ("concurrent_requests", "concurrent"),
        ("tokens_per_request", "tokens/request"),
    ],
)
def test_labels_are_short(name: str, label: str) -> None:
    """Unit and window."""
    assert shown(meter(name)).label == label


@pytest.mark.parametrize(
    ("scope_type", "scope", "part"),
    [
        ("provider", "groq", ""),
        ("provider", "groq#home", "account home"),
        ("key", "groq#home", "key home"),
        ("pool", "free-models", "pool free-models"),
        ("model", "groq/openai/gpt-oss-20b", "openai/gpt-oss-20b"),
        ("model", "groq/llama#home", "llama, account home"),
    ],
)
def test_part_is_what_the_limit_is_for(scope_type: ScopeType, scope: str, part: str) -> None:
    """Named within its provider."""
    assert shown(meter(scope_type=scope_type, scope=scope)).part == part


def test_numbers_of_a_limit() -> None:
    """What is used stays exact, the amount is short, money is money."""
    tokens = shown(meter("tokens_per_day", 200_000), Need(0, 142_380))
    assert (tokens.used_text, tokens.amount_text) == ("142,380", "200 k")
    cost = shown(meter("cost_per_day", 2_000_000_000), Need(0, cost_nanousd=370_000_000))
    assert (cost.used_text, cost.amount_text) == ("$0.37", "$2.00")


@pytest.mark.parametrize(
    ("of", "used", "back"),
    [
        pytest.param(meter(timezone="America/Los_Angeles"), 7, "resets 00:00 Pacific, in 17 h 28 m", id="calendar"),
        pytest.param(meter("requests_per_month"), 7, "resets 00:00 UTC on 1 Dec, in 11 d", id="a later day"),
        pytest.param(meter("requests_per_5h"), 7, "the oldest use expires in 5 h 1 m", id="rolling"),
        pytest.param(meter("requests_per_5h", algorithm="first_use"), 7, "its window ends in 5 h", id="first use"),
        pytest.param(meter("requests_per_minute"), 50, "full again in 30 s", id="bucket"),
        pytest.param(meter(), 100, "used up, back 00:00 UTC, in 9 h 28 m", id="calendar used up"),
        pytest.param(meter("requests_per_minute", 60), 60, "used up, room again in 1 s", id="bucket used up"),
        pytest.param(meter(), 0, "", id="unused"),
        pytest.param(meter(amount=0), 0, "allows nothing", id="zero"),
    ],
)
def test_reset_is_told_in_the_zone_of_the_limit(of: Meter, used: int, back: str) -> None:
    """When there is room again, as each algorithm means it."""
    assert shown(of, Need(used)).back == back


def test_what_runs_at_once_is_held_and_at_its_most_is_busy() -> None:
    """Nothing is used up by it, so it is never red, and stands in nobody's way on the page; none allowed is."""
    found = shown(meter("concurrent_requests", 4), None, Need(4))
    assert (found.used_text, found.amount_text, found.fill, found.held, found.level) == ("4", "4", 0.0, 100.0, "hot")
    assert found.back == "all of it is held by running requests"
    assert shown(meter("concurrent_requests", 4), Need(4), Need(2)).level == "ok"
    assert shown(meter("concurrent_requests", 0)).level == "bad"


def test_the_most_of_one_request_is_no_use() -> None:
    """The bar stays empty, and nothing is said to be used."""
    found = shown(meter("tokens_per_request", 8000), Need(1, 5000, 2000), Need(1, 5000, 2000))
    assert (found.used_text, found.amount_text, found.share, found.back) == ("", "8,000", 0.0, "")


def test_held_by_others_is_no_time() -> None:
    """Nothing is used, everything is in flight: when they end is not known."""
    assert shown(meter(), None, Need(100)).back == "all of it is held by running requests"


def test_minutes_are_only_told_about_when_they_are_used_up() -> None:
    """A note per bar that changes by the second would be noise."""
    assert shown(meter("requests_per_minute"), Need(50)).notes == ()
    assert shown(meter("requests_per_minute"), Need(100)).notes == ("used up, room again in 1 s",)
    assert shown(meter(), Need(1)).notes == ("resets 00:00 UTC, in 9 h 28 m",)


def test_a_second_is_no_limit_worth_a_line() -> None:
    """It is full and empty again before anybody has read it."""
    assert not lasts(shown(meter("requests_per_second")))
    assert lasts(shown(meter("requests_per_minute")))


def test_bars_keep_the_order_of_the_limits() -> None:
    """As they stand in the file."""
    some = [meter("requests_per_day"), meter("tokens_per_day"), meter("requests_per_minute")]
    assert [each.label for each in bars(some, Ledger(), NOW)] == ["requests/day", "tokens/day", "requests/min"]


def test_few_bars_are_the_providers_own_then_the_fullest() -> None:
    """Shown in the order of the file, under the names of their models."""
    ledger = Ledger()
    models = [meter(scope_type="model", scope=f"groq/m{i}") for i in range(5)]
    for i, each in enumerate(models):
        ledger.settle(ledger.reserve([each], Need(0), NOW), Need(10 * i), NOW)
    found = bars([meter("requests_per_minute"), *models], ledger, NOW)
    assert [(group.title, len(group.bars)) for group in grouped(found, 3)] == [("", 1), ("m3", 1), ("m4", 1)]
    assert len(grouped(found, None)) == 6


def test_the_same_reset_is_told_once_a_card() -> None:
    """But whatever is used up says so itself."""
    ledger = Ledger()
    some = [meter(scope_type="model", scope=f"groq/m{i}") for i in range(4)]
    for each, used in zip(some, (5, 6, 100, 100), strict=True):
        ledger.settle(ledger.reserve([each], Need(0), NOW), Need(used), NOW)
    notes = [group.bars[0].notes for group in grouped(bars(some, ledger, NOW), None)]
    full = ("used up, back 00:00 UTC, in 9 h 28 m",)
    assert notes == [("resets 00:00 UTC, in 9 h 28 m",), (), full, full]


@pytest.mark.parametrize(
    ("told", "numbers", "note"),
    [
        pytest.param(
            {"remaining": 57, "over": 40, "drift": 31},
            (43, 43.0, "ok"),
            "reported by groq: 31 used elsewhere",
            id="drift",
        ),
        pytest.param(
            {"remaining": 57, "over": 40, "drift": 0}, (43, 43.0, "ok"), "reported by groq", id="a smaller limit"
        ),
        pytest.param(
            {"remaining": 0, "over": 97, "drift": 97, "shut": True},
            (100, 100.0, "bad"),
            "reported by groq as used up",
            id="refused",
        ),
    ],
)
def test_what_the_provider_reports_is_drawn_as_used_and_said(
    told: dict[str, Any], numbers: tuple[int, float, str], note: str
) -> None:
    """3 of ours and 40 that we did not count: the bar is as full as the key's limit is, and says who knows."""
    ledger, limit = Ledger(), meter()
    ledger.settle(ledger.reserve([limit], Need(0), NOW), Need(3), NOW)
    ledger.report(limit, Reported(by="groq", at=NOW.wall, until=NOW.wall + 60, **told), NOW)
    found = bar(limit, ledger, NOW)
    assert (found.used, found.fill, found.level) == numbers
    assert found.notes[-1] == note
