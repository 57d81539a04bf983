"""Prices as Helicone publishes them (https://www.helicone.ai/api/llm-costs): some 1,100 models, USD per million tokens.

Shape: `{"data": [{"provider": "OPENAI", "model": "gpt-4o", "operator": "equals", "input_cost_per_1m": 2.5,
"output_cost_per_1m": 10, "prompt_cache_read_per_1m"?, "prompt_cache_write_per_1m"?, "per_call"?, ...}]}`. The operators
`startsWith` and `includes` are not followed: a row counts for the name that it says, and for no longer one.
"""

import statistics
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.catalog.catalog import Catalog
from gateway.price_list import PriceList, Rates

from .fetch import Feed

URL = "https://www.helicone.ai/api/llm-costs"

FEWEST = 300
"""Models that a list has at least; fewer are an outage, not a list."""

DEAREST = Decimal(10_000)
"""USD per million tokens; a row with more is a slip."""

DEAREST_CALL = Decimal(10)

USUAL = (Decimal("0.01"), Decimal(100))
"""USD per million input tokens between which the middle model of a list lies; else it is in another unit."""

PROVIDERS = {
    "ANTHROPIC": "anthropic",
    "CEREBRAS": "cerebras",
    "CLOUDFLARE": "cloudflare",
    "COHERE": "cohere",
    "DEEPINFRA": "deepinfra",
    "DEEPSEEK": "deepseek",
    "FIREWORKS": "fireworks",
    "GOOGLE": "gemini",
    "GROQ": "groq",
    "HYPERBOLIC": "hyperbolic",
    "MISTRAL": "mistral",
    "NEBIUS": "nebius",
    "NOVITA": "novita",
    "OPENAI": "openai",
    "OPENROUTER": "openrouter",
    "PERPLEXITY": "perplexity",
    "SAMBANOVA": "sambanova",
    "TOGETHER": "together",
    "X": "xai",
}
"""Its names and ours, which `config/prices.json` gives to hosts. Others, such as AWS, bill by region or deployment."""


class _Row(Struct, frozen=True):
    provider: str
    model: str
    input_cost_per_1m: Decimal
    output_cost_per_1m: Decimal
    operator: str = "equals"
    prompt_cache_read_per_1m: Decimal | None = None
    prompt_cache_write_per_1m: Decimal | None = None
    per_call: Decimal | None = None


class _Answer(Struct, frozen=True):
    data: list[msgspec.Raw]


def parse(body: bytes, day: str) -> PriceList:
    """The list of the answer `body`, fetched on `day`. Rows that make no sense are left out.

    Raises ValueError if it is no such answer.
    """
    try:
        raw = msgspec.json.decode(body, type=_Answer).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ValueError("its answer has another shape than it used to have") from None
    found: dict[str, dict[str, Rates]] = {}
    # Of several rows of one name, the one that means just this name.
    for row in sorted(filter(None, map(_row, raw)), key=lambda each: each.operator != "equals"):
        if (provider := PROVIDERS.get(row.provider)) and (rates := _rates(row)):
            found.setdefault(provider, {}).setdefault(row.model, rates)
    return PriceList(date=day, providers=found, sources=(URL,), fetched=True)


def check(body: bytes, before: bytes | None) -> None:
    """Raises ValueError, with the reason, if `body` cannot be a list of prices, or not the one after `before`."""
    new = parse(body, "")
    if new.count < FEWEST:
        raise ValueError(f"it lists {new.count} models: fewer than {FEWEST} are not believed")
    middle = statistics.median(rates.input for models in new.providers.values() for rates in models.values())
    if not USUAL[0] <= middle <= USUAL[1]:
        raise ValueError(f"its middle price is {middle} USD per million tokens, which is not believed")
    old = parse(before, "").count if before is not None else 0
    if new.count * 2 < old:
        raise ValueError(f"it lists {new.count} models, and {old} before: less than half is not believed")


def cached(folder: Path) -> PriceList | None:
    """The list that was fetched last; None if there is none. `folder` is that of the snapshots. Blocks."""
    found = FEED.cached(folder)
    if found is None:
        return None
    try:
        return parse(found.body, datetime.fromtimestamp(found.checked_at, UTC).date().isoformat())
    except ValueError:
        return None  # of an older version of this program, which knew another shape


def _every_s(catalog: Catalog) -> float | None:
    return catalog.price_feed.every if catalog.price_feed.fetch else None


FEED = Feed(name="prices", url=URL, check=check, every_s=_every_s)


def _row(raw: msgspec.Raw) -> _Row | None:
    try:
        return msgspec.json.decode(raw, type=_Row)
    except msgspec.DecodeError:
        return None


def _rates(row: _Row) -> Rates | None:
    """None for what is out of all bounds, and for zeros: what is not known must not look free."""
    tokens = (
        row.input_cost_per_1m,
        row.output_cost_per_1m,
        row.prompt_cache_read_per_1m,
        row.prompt_cache_write_per_1m,
    )
    sane = all(_between(each or Decimal(0), DEAREST) for each in tokens)
    if not sane or not _between(row.per_call or Decimal(0), DEAREST_CALL) or not row.input_cost_per_1m:
        return None
    return Rates(
        input=row.input_cost_per_1m,
        output=row.output_cost_per_1m,
        cached_input=row.prompt_cache_read_per_1m or None,
        cache_write=row.prompt_cache_write_per_1m or None,
        request=row.per_call or Decimal(0),
    )


def _between(usd: Decimal, most: Decimal) -> bool:
    return usd.is_finite() and 0 <= usd <= most
