"""A card per provider: state, limits, cooldowns, the last half hour, what it cost."""

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from gateway.catalog.catalog import Provider
from gateway.history import Tally

from . import format as words
from .bars import Bar, Group, grouped, lasts
from .chart import Chart, Speed
from .standing import IN_WORDS, TONES, Obstacles, Rest, Standing, standing

MOST_BARS = 6
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9_]{2,}\b")


class RestNote(Struct, frozen=True, kw_only=True):
    """A cooldown on a card: `cooling down 0:42 · 429 from upstream`."""

    who: str
    """Empty if it is the whole provider."""
    left: str
    left_s: float
    cause: str


class Key(Struct, frozen=True, kw_only=True):
    """What a provider without its key needs, from its preset's notes."""

    variables: tuple[str, ...]
    signup: str
    """Where to get one; empty if that is not known."""
    free_tier: str
    note: str


class Card(Struct, frozen=True, kw_only=True):
    """One provider."""

    id: str
    standing: Standing
    state: str
    tone: str
    price: Literal["free", "paid", "free and paid", "built in"]
    models: str
    rests: tuple[RestNote, ...]
    tightest: Bar | None
    """Its fullest limit, for the row of a calm day."""
    groups: tuple[Group, ...]
    more: int
    """Limits that are not shown."""
    chart: Chart
    first_token: str
    """The median over the answers that are remembered."""
    rate: str
    """Tokens a second while streaming; empty if nothing was streamed."""
    ok: str
    """Share of today's attempts that succeeded."""
    cost: str
    """Today's."""
    fee: str
    """What it costs a month, whatever is used; empty for nothing."""
    key: Key
    switched_off: bool
    """By `active: false`; otherwise it may just serve nothing."""


class Told(Struct, frozen=True, kw_only=True):
    """What is remembered of one provider."""

    chart: Chart
    speed: Speed
    outcomes: Sequence[bool]
    """Of its last attempts, the newest first."""
    today: Tally


def card(provider: Provider, obstacles: Obstacles, told: Told, *, all_limits: bool) -> Card:
    """The card of one provider."""
    targets = (*provider.targets, *provider.wildcard)
    found = standing(targets, obstacles, told.outcomes)
    ids = dict.fromkeys(meter.id for target in targets for meter in target.meters)
    limits = [obstacles.bars[each] for each in ids]
    most = None if all_limits else MOST_BARS
    return Card(
        id=provider.id,
        standing=found,
        state=IN_WORDS[found],
        tone=TONES[found],
        price=_price(provider),
        models=_models(provider),
        rests=_rests(provider, obstacles),
        tightest=max((bar for bar in limits if bar.used_text), key=lambda bar: (bar.share, lasts(bar)), default=None),
        groups=grouped(limits, most),
        more=max(0, len(limits) - MOST_BARS) if most else 0,
        chart=told.chart,
        first_token=words.lapse(told.speed.p50_s),
        rate="" if told.speed.tokens_per_s is None else words.count(told.speed.tokens_per_s),
        ok=words.share(told.today.attempts - told.today.errors, told.today.attempts),
        cost=words.money(told.today.cost_nanousd),
        fee=words.money(provider.monthly_fee_nanousd) if provider.monthly_fee_nanousd else "",
        key=key(provider),
        switched_off=not provider.active or bool(targets),
    )


def key(provider: Provider) -> Key:
    """Which variables hold its key, and how to get one."""
    signup = provider.notes.get("signup", "")
    texts = [provider.idle_text, *(target.idle_text for target in (*provider.targets, *provider.wildcard))]
    return Key(
        variables=tuple(dict.fromkeys(name for text in texts for name in _VARIABLE.findall(text))),
        signup=signup if signup.startswith(("https://", "http://")) else "",
        free_tier=provider.notes.get("free_tier", ""),
        note=provider.notes.get("note", ""),
    )


def _price(provider: Provider) -> Literal["free", "paid", "free and paid", "built in"]:
    if provider.type == "echo":
        return "built in"
    kinds = {target.free for target in (*provider.targets, *provider.wildcard)}
    return "free and paid" if len(kinds) == 2 else "free" if True in kinds else "paid"


def _models(provider: Provider) -> str:
    named = len({target.id for target in provider.targets})
    if not provider.wildcard:
        return words.plural(named, "model")
    return f"{words.plural(named, 'model')} and any other" if named else "any model"


def _rests(provider: Provider, obstacles: Obstacles) -> tuple[RestNote, ...]:
    targets = (*provider.targets, *provider.wildcard)
    rests = {(rest.kind, rest.id): rest for target in targets if (rest := obstacles.rest(target))}
    return tuple(
        RestNote(
            who=_who(rest, provider.id), left=words.countdown(rest.left_s), left_s=round(rest.left_s), cause=rest.cause
        )
        for rest in rests.values()
    )


def _who(rest: Rest, provider: str) -> str:
    """`llama-3.1-8b-instant`, `key home`; empty for the whole provider."""
    head, _, key_name = rest.id.partition("#")
    model = head.removeprefix(provider).lstrip("/")
    return ", ".join(filter(None, [model, f"key {key_name}" if key_name else ""]))
