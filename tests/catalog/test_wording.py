"""Values in words."""

import pytest

from gateway.catalog import wording
from gateway.limits.shorthand import Unit, make_rule
from gateway.limits.terms import Meter
from gateway.pricing import FREE, Price

NANO = 1_000_000_000


def meter(unit: Unit = "requests", window: str = "day", amount: int = 1000, **more: str | int) -> Meter:
    rule = make_rule(unit, window, amount, **more)  # type: ignore[arg-type] # the table below spells them right
    return Meter.of("provider", "groq", unit, window, rule)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        (False, "false"),
        (5.0, "5"),
        (0.25, "0.25"),
        (7, "7"),
        ("UTC", "UTC"),
        ("", ""),
        (frozenset({"vision", "tools"}), "tools, vision"),
        ((), "none"),
        (tuple("abcdefg"), "a, b, c, d, e and 2 more"),
        (FREE, "free"),
        ("x" * 200, "x" * 120 + "..."),
    ],
)
def test_values(value: object, text: str) -> None:
    """One line, as the YAML would say it."""
    assert wording.value(value) == text


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (None, "unknown"),
        (FREE, "free"),
        (Price(590_000_000, 590_000_000, 590_000_000, 790_000_000, 790_000_000), "$0.59 in, $0.79 out"),
        (
            Price(2 * NANO, NANO, 3 * NANO, 8 * NANO, 9 * NANO, 1_500_000),
            "$2 in, $8 out, $1 cached, $3 cache write, $9 reasoning, $0.0015 a request",
        ),
    ],
)
def test_prices(price: Price | None, text: str) -> None:
    """Per million tokens, and what is not as usual."""
    assert wording.price(price) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (999, "999"), (1000, "1,000"), (14_400, "14,400"), (100_000, "100k"), (2 * 10**6, "2M"), (10**9, "1G")],
)
def test_amounts(amount: int, text: str) -> None:
    """With the suffixes of the YAML where they are exact."""
    assert wording.amount(amount, meter()) == text


def test_money_is_dollars() -> None:
    """What is used is rounded up to the hundredth of a cent."""
    of = meter("cost", amount=2 * NANO)
    assert wording.amount(2 * NANO, of) == "$2"
    assert wording.used(42_012_345, of) == "$0.0421"
    assert wording.used(63_119.2, meter()) == "63,120"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (meter(amount=100_000), meter(amount=200_000), "100k -> 200k"),
        (meter(window="minute", amount=10), meter(window="minute", amount=20), "10 -> 20"),
        (
            meter(window="minute", amount=10),
            meter(window="minute", amount=20, burst=5),
            "10 -> 20, burst 10 -> 5",
        ),
        (meter(), meter(algorithm="rolling"), "algorithm calendar -> rolling"),
        (meter(), meter(timezone="Europe/Berlin"), "timezone UTC -> Europe/Berlin"),
        (meter(), meter(reset="10:30"), "reset none -> 10:30"),
    ],
)
def test_what_became_of_a_limit(before: Meter, after: Meter, text: str) -> None:
    """Amount, then what else is new of its rule."""
    assert wording.limit(before, after) == text
