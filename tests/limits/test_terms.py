"""Meters, needs, and how a limit without room is told."""

import pytest

from gateway.limits.shorthand import UNITS, Unit, make_rule
from gateway.limits.terms import NOTHING, LimitReachedError, Meter, Need, Shortfall


def meter(unit: Unit, window: str) -> Meter:
    return Meter.of("model", "groq/llama", unit, window, make_rule(unit, window, 30))


def shortfall(
    unit: Unit = "requests", window: str = "minute", *, used: int = 30, held: int = 0, need: int = 1, wait_s: float = 5
) -> Shortfall:
    never = wait_s == float("inf")
    return Shortfall(
        meter=meter(unit, window),
        used=used,
        held=held,
        need=need,
        amount=30,
        opens_at=None if never else 100 + wait_s,
        wait_s=wait_s,
        never=never,
        by_holds=False,
    )


def test_a_meter_is_known_by_scope_unit_and_window() -> None:
    """A reload finds the count again by this id."""
    assert meter("requests", "15m").id == "model:groq/llama:requests_per_15m"
    assert meter("requests", "15m").name == "requests_per_15m"
    assert meter("concurrent_requests", "").id == "model:groq/llama:concurrent_requests"


@pytest.mark.parametrize(
    ("unit", "window", "quota"),
    [
        ("concurrent_requests", "", False),
        ("requests", "minute", False),
        ("tokens", "23h", False),
        ("tokens", "day", True),
        ("cost", "minute", True),
    ],
)
def test_a_day_or_money_is_a_quota(unit: Unit, window: str, quota: bool) -> None:
    """Callers are answered insufficient_quota rather than rate_limit_exceeded."""
    assert meter(unit, window).is_quota is quota


def test_need_in_each_unit() -> None:
    """Tokens are input and output together; the least is what no short answer can save."""
    need = Need(1, 20, 300, 4000, 500)
    assert {unit: need.of(unit) for unit in UNITS} == {
        "requests": 1,
        "tokens": 320,
        "input_tokens": 20,
        "output_tokens": 300,
        "cost": 4000,
        "concurrent_requests": 1,
        "tokens_per_request": 320,
    }
    assert need.least() == (1, 20, 20, 0, 500, 1, 320)
    assert NOTHING.amounts() == (0, 0, 0, 0, 0, 0, 0)


def test_what_is_asked_for_makes_a_request_large_but_holds_nothing() -> None:
    """A client that always sends `max_tokens: 32000` does not use up a minute's tokens by asking."""
    need = Need(1, 20, 300, asked=32_000)
    assert (need.of("tokens_per_request"), need.of("tokens"), need.of("output_tokens")) == (32_020, 320, 300)
    assert Need(1, 20, 300, asked=100).of("tokens_per_request") == 320


@pytest.mark.parametrize(
    ("short", "text"),
    [
        (shortfall(), "30 of 30 requests per minute used"),
        (shortfall(used=28, held=2), "28 of 30 requests per minute used, 2 held"),
        (shortfall("input_tokens", used=20, need=15), "20 of 30 input tokens per minute used, 15 needed"),
        (shortfall("concurrent_requests", "", used=0, held=30), "30 of 30 concurrent requests held"),
        (shortfall("tokens_per_request", "", used=0, need=50), "50 of 30 tokens per request needed"),
        (shortfall("cost", need=500_000), "$0.0000 of $0.0000 per minute used, $0.0005 needed"),
    ],
)
def test_a_shortfall_in_words(short: Shortfall, text: str) -> None:
    """With the numbers, for `why` and the log."""
    assert short.text == text


def test_the_error_names_all_limits_and_the_longest_wait() -> None:
    """All of them have to open; one that never does makes it never."""
    error = LimitReachedError([shortfall(), shortfall("tokens", wait_s=60)])
    assert str(error) == "groq/llama: 30 of 30 requests per minute used; groq/llama: 30 of 30 tokens per minute used"
    assert (error.wait_s, error.never) == (60, False)
    error = LimitReachedError([shortfall(), shortfall("tokens", wait_s=float("inf"))])
    assert (error.wait_s, error.never) == (float("inf"), True)
