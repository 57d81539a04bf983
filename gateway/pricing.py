"""Prices and exact cost: money is a whole number of nano-dollars, a price one of nano-dollars per million tokens."""

from decimal import ROUND_CEILING, Decimal

from msgspec import Struct

from .records import Usage

NANO = 1_000_000_000
"""Nano-dollars in a dollar."""

_PER = 1_000_000
"""Tokens that a price is for."""

_MOST_USD = 1_000_000_000
"""More is a slip of the keyboard, and beyond what a JSON number says exactly."""


class Price(Struct, frozen=True, gc=False):
    """Nano-dollars per million tokens; `request` is nano-dollars for each request."""

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    request: int = 0

    @property
    def zero(self) -> bool:
        """Whether nothing is ever charged."""
        return not (
            self.input or self.cached_input or self.cache_write or self.output or self.reasoning or self.request
        )


FREE = Price(0, 0, 0, 0, 0)
"""`price: free`."""


def price_from_usd(
    *,
    input: Decimal,  # noqa: A002 - its name in the YAML
    output: Decimal,
    cached_input: Decimal | None = None,
    cache_write: Decimal | None = None,
    reasoning: Decimal | None = None,
    request: Decimal = Decimal(0),
) -> Price:
    """The price from USD per million tokens (`request`: USD each). Left out: as input, as output, 0.

    Raises ValueError for one that is negative or no number.
    """
    into = nanousd(input)
    out = nanousd(output)
    return Price(
        input=into,
        cached_input=into if cached_input is None else nanousd(cached_input),
        cache_write=into if cache_write is None else nanousd(cache_write),
        output=out,
        reasoning=out if reasoning is None else nanousd(reasoning),
        request=nanousd(request),
    )


def nanousd(usd: Decimal) -> int:
    """Whole nano-dollars, rounded up. Raises ValueError for what is negative or no number."""
    if not usd.is_finite() or usd > _MOST_USD:
        raise ValueError(f"{usd} is not an amount of money")
    if usd < 0:
        raise ValueError(f"{usd} USD is negative")
    return int((usd * NANO).to_integral_value(ROUND_CEILING))


def list_price_nanousd(price: Price, usage: Usage) -> int:
    """What the price makes of the tokens, rounded up once. A part larger than its whole is believed."""
    plain_input = max(0, usage.input - usage.cached - usage.cache_write)
    plain_output = max(0, usage.output - usage.reasoning)
    total = (
        plain_input * price.input
        + usage.cached * price.cached_input
        + usage.cache_write * price.cache_write
        + plain_output * price.output
        + usage.reasoning * price.reasoning
    )
    return price.request + -(-total // _PER)


def cost_nanousd(price: Price | None, usage: Usage) -> int | None:
    """What an attempt cost: what the upstream says it charged, else the list price; None if neither is known."""
    if usage.cost_nanousd is not None:
        return usage.cost_nanousd
    return None if price is None else list_price_nanousd(price, usage)


def dearest_nanousd(price: Price) -> tuple[float, float]:
    """What an input and an output token cost at most: each at the dearest rate it could fall under."""
    dearest_input = max(price.input, price.cached_input, price.cache_write)
    return dearest_input / _PER, max(price.output, price.reasoning) / _PER
