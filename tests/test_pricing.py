"""Money is exact: whole nano-dollars, rounded up once."""

from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pricing import FREE, Price, cost_nanousd, dearest_nanousd, list_price_nanousd, nanousd, price_from_usd
from gateway.records import Usage

GPT_4O = price_from_usd(input=Decimal("2.50"), cached_input=Decimal("1.25"), output=Decimal(10))


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        pytest.param(Usage(1_000_000, 1_000_000), 12_500_000_000, id="a million each: 12.50 USD"),
        pytest.param(Usage(1000, 200), 4_500_000, id="a small answer: 0.0045 USD"),
        pytest.param(Usage(1000, 0, cached=400), 2_000_000, id="cached input is cheaper, and part of the input"),
        pytest.param(Usage(1000, 0, cache_write=400), 2_500_000, id="cache writes: as input unless priced"),
        pytest.param(Usage(0, 500, reasoning=300), 5_000_000, id="reasoning: as output unless priced"),
        pytest.param(Usage(0, 0, cached=400), 500_000, id="a part larger than its whole is believed"),
        pytest.param(Usage(0, 0), 0, id="nothing"),
    ],
)
def test_list_price(usage: Usage, cost: int) -> None:
    """Tokens by what they were."""
    assert list_price_nanousd(GPT_4O, usage) == cost


def test_every_rate_has_its_own_tokens() -> None:
    """One nano-dollar per token and kind, in powers of ten, and the request on top."""
    price = Price(10**6, 10**7, 10**8, 10**9, 10**10, 7)
    usage = Usage(input=6, cached=2, cache_write=3, output=9, reasoning=4)
    assert list_price_nanousd(price, usage) == 1 + 20 + 300 + 5_000 + 40_000 + 7


@given(
    rates=st.tuples(*(st.integers(0, 10**12),) * 5),
    request=st.integers(0, 10**9),
    tokens=st.tuples(*(st.integers(0, 10**6),) * 5),
)
def test_rounded_up_once(rates: tuple[int, int, int, int, int], request: int, tokens: tuple[int, ...]) -> None:
    """Never less than the exact sum, never a whole nano-dollar more, and the dearest rates cover every split of it."""
    plain, cached, write, out, reasoning = tokens
    usage = Usage(plain + cached + write, out + reasoning, cached, write, reasoning)
    exact = Fraction(sum(n * rate for n, rate in zip(tokens, rates, strict=True)), 10**6) + request
    price = Price(*rates, request)
    assert list_price_nanousd(price, usage) == ceil(exact)
    dearest_input, dearest_output = dearest_nanousd(price)
    dearest = request + usage.input * dearest_input + usage.output * dearest_output
    assert dearest >= float(exact) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("price", "reported", "cost"),
    [(GPT_4O, None, 2500), (GPT_4O, 9, 9), (GPT_4O, 0, 0), (None, 9, 9), (None, None, None), (FREE, None, 0)],
)
def test_what_the_upstream_says_wins(price: Price | None, reported: int | None, cost: int | None) -> None:
    """An unknown price is unknown, not free."""
    assert cost_nanousd(price, Usage(1, 0, cost_nanousd=reported)) == cost


def test_what_is_left_out_is_as_input_as_output_or_nothing() -> None:
    """Prices as the YAML has them, in USD per million tokens and per request."""
    one = price_from_usd(input=Decimal(1), output=Decimal(2))
    assert one == Price(10**9, 10**9, 10**9, 2 * 10**9, 2 * 10**9, 0)
    all_given = price_from_usd(
        input=Decimal(1),
        output=Decimal(2),
        cached_input=Decimal("0.1"),
        cache_write=Decimal("1.25"),
        reasoning=Decimal(3),
        request=Decimal("0.005"),
    )
    assert all_given == Price(10**9, 10**8, 1_250_000_000, 2 * 10**9, 3 * 10**9, 5_000_000)


@pytest.mark.parametrize("place", range(6))
def test_one_rate_above_zero_is_not_free(place: int) -> None:
    """Free means that nothing is ever charged."""
    rates = [0] * 6
    assert FREE.zero
    assert Price(*rates).zero
    rates[place] = 1
    assert not Price(*rates).zero


def test_expected_goes_by_the_dearest_rate() -> None:
    """A hold must cover output that turns out to be reasoning, and input that is written to the cache."""
    price = Price(1_000_000, 0, 2_000_000, 3_000_000, 5_000_000, 7)
    assert dearest_nanousd(price) == (2.0, 5.0)


@pytest.mark.parametrize(
    ("usd", "nano"), [("5.00", 5 * 10**9), ("0.000000001", 1), ("0.0000000001", 1), ("0", 0), ("-0", 0)]
)
def test_nano_dollars(usd: str, nano: int) -> None:
    """Rounded up: what is not nothing never becomes free."""
    assert nanousd(Decimal(usd)) == nano


@pytest.mark.parametrize("usd", ["-1", "-0.0000000001", "NaN", "Infinity", "1e400"])
def test_what_is_no_money(usd: str) -> None:
    """Says the value that was written."""
    with pytest.raises(ValueError, match="^" + str(Decimal(usd)).replace("+", r"\+")):
        nanousd(Decimal(usd))
