"""The order in which the targets of a name are tried."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from gateway.catalog.catalog import Resolution, Target
from gateway.pricing import NANO, Price

from .fits import paid_rule

Key = tuple[Any, ...]

_Numbered = tuple[float, Target]
"""A target and the number that its strategy sorts by."""

_STRATEGIES: Mapping[str, Callable[[Target], Key]] = {
    "order": lambda target: (),
    "round_robin": lambda target: (),
    "grade": lambda target: (-target.grade, target.priority),
    "bare": lambda target: (not target.free, target.priority, -target.grade, target.order),
}
"""What each strategy sorts by, least first. Sorting is stable, so ties stay in written order, and so do the keys of a
model, which are written side by side. A strategy that is not here sorts by a number of each target."""


def order(
    resolution: Resolution,
    by: Callable[[Target], float] = lambda target: 0.0,
    *,
    turn: int = 0,
    key_turn: Callable[[Target], int] | None = None,
) -> list[Target]:
    """The targets, first choice first: free ones first if that is asked for, then by the strategy.

    `by` is the number that `cheapest`, `score`, `fastest` and `headroom` put first the less it is; ties go by grade,
    then priority. `turn` counts the requests for this name: its models take turns by it where the strategy is
    `round_robin`. `key_turn` says, of one of a model's targets, by which number the keys of that model take turns.
    """
    if resolution.strategy == "listed":
        return list(resolution.targets)
    rank, free_first = _STRATEGIES.get(resolution.strategy), resolution.free_first

    def place(numbered: _Numbered) -> Key:
        number, target = numbered
        return free_first and not target.free, *(rank(target) if rank else (number, -target.grade, target.priority))

    ranked = sorted([(0.0 if rank else by(target), target) for target in resolution.targets], key=place)
    if turn and resolution.strategy == "round_robin":
        ranked = _models_in_turn(ranked, turn, free_first=free_first)
    if key_turn is None:
        return [target for _, target in ranked]
    return [
        target
        for _, keys in groupby(ranked, _same_but_for_the_key)
        for target in _turned([target for _, target in keys], key_turn)
    ]


def merged(resolutions: Sequence[Resolution], ordered: Callable[[Resolution], Sequence[Target]] = order) -> Resolution:
    """One resolution for a request's own `models`: the ordered targets of each in turn, each target once.

    Has the name and kind of the first and the strictest `paid` of all, and keeps no conversation on its target.
    What one of the names leaves out another may still bring. Takes at least one.
    """
    found: dict[str, Target] = {}
    for resolution in resolutions:
        for target in ordered(resolution):
            if (known := found.get(target.rest_id)) and known.idle and not target.idle:
                del found[target.rest_id]
            found.setdefault(target.rest_id, target)
    return replace(
        resolutions[0],
        targets=tuple(found.values()),
        strategy="listed",
        free_first=False,
        paid=paid_rule(*(each.paid for each in resolutions)),
        sticky=False,
        turning=tuple(each.name for each in resolutions if each.strategy == "round_robin"),
    )


def kept_on(targets: Sequence[Target], rest_id: str, *, free_first: bool) -> list[Target]:
    """The targets with one of them in front; under `free_first`, in front of those only that cost money like it."""

    def behind(target: Target) -> tuple[bool, bool]:
        return free_first and not target.free, target.rest_id != rest_id

    return sorted(targets, key=behind)


def preferred(targets: Sequence[Target], preferences: Mapping[str, object]) -> list[Target]:
    """The targets as the request's own `provider` block wants them: some first, those it does not want last and idle.

    A name means a provider of ours or the upstream that one of ours pins at OpenRouter, in any case of letters. Any
    other name may be an upstream of OpenRouter's, to which the block goes on: our OpenRouter without a pin answers to
    it, but for `ignore`. Members of another shape are passed over.
    https://openrouter.ai/docs/guides/routing/provider-selection
    """
    first, only, ignore = (_texts(preferences.get(member)) for member in ("order", "only", "ignore"))
    alone = bool(first) and preferences.get("allow_fallbacks") is False
    ceilings = _ceilings(preferences.get("max_price"))
    foreign = {*first, *only} - {name for target in targets for name in _names(target)}

    def place(target: Target, names: Sequence[str]) -> int:
        its = {*_names(target), *foreign} if target.type == "openrouter" and not target.pin else _names(target)
        return min((names.index(name) for name in its if name in names), default=len(names))

    def unwanted(target: Target) -> str:
        if alone and place(target, first) == len(first):
            return "is not in the request's provider.order, which allows no fallbacks"
        if only and place(target, only) == len(only):
            return "is not in the request's provider.only"
        if any(name in ignore for name in _names(target)):
            return "is in the request's provider.ignore"
        return "" if target.free else _too_dear(target.price, ceilings)

    wanted, others = [], []
    for target in targets:
        if why := unwanted(target):
            others.append(left_out(target, "provider", why))
        else:
            wanted.append(target)
    return sorted(wanted, key=lambda target: place(target, first)) + others


def left_out(target: Target, rule: str, text: str) -> Target:
    """The target as one that is not to be tried for this request, and why. One that cannot be tried stays so."""
    return target if target.idle else replace(target, idle=rule, idle_text=text)


def _models_in_turn(ranked: Sequence[_Numbered], turn: int, *, free_first: bool) -> list[_Numbered]:
    """Begun at the model whose turn it is, with its keys side by side; those that cost nothing among themselves."""
    found: list[_Numbered] = []
    for _, part in groupby(ranked, lambda each: free_first and each[1].free):
        models = [list(keys) for _, keys in groupby(part, lambda each: each[1].id)]
        start = turn % len(models)
        found += [each for keys in (*models[start:], *models[:start]) for each in keys]
    return found


def _same_but_for_the_key(numbered: _Numbered) -> Key:
    """A free key does not fall behind one that is paid, nor one with more room behind one with less."""
    number, target = numbered
    return target.id, target.free, number


def _turned(keys: list[Target], key_turn: Callable[[Target], int]) -> list[Target]:
    """The keys of one model, begun at the one whose turn it is."""
    if len(keys) == 1:
        return keys
    start = key_turn(keys[0]) % len(keys)
    return keys[start:] + keys[:start]


def _names(target: Target) -> Iterable[str]:
    """What a `provider` block may call the target by."""
    return [name.casefold() for name in (target.provider, target.pin) if name]


def _texts(names: object) -> list[str]:
    return [name.casefold() for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _ceilings(prices: object) -> dict[str, int]:
    """`max_price` by its members that are ours too, in the units of a Price."""
    if not isinstance(prices, Mapping):
        return {}
    members = ("prompt", "completion", "request")
    return {member: ceiling for member in members if (ceiling := _nanousd(prices.get(member))) is not None}


def _nanousd(usd: object) -> int | None:
    """Nano-dollars for a number of dollars, which JSON may hold as text too; None for anything else."""
    if isinstance(usd, bool) or not isinstance(usd, int | float | str):
        return None
    try:
        nano = float(usd) * NANO
    except (ValueError, OverflowError):
        return None
    return round(nano) if math.isfinite(nano) and nano >= 0 else None


def _too_dear(price: Price | None, ceilings: Mapping[str, int]) -> str:
    """Which of the ceilings the price is over; empty for none. What is thought is received, and paid, like the rest."""
    if not ceilings:
        return ""
    if price is None:
        return "has no known price, and the request sets a provider.max_price"
    asked = {"prompt": price.input, "completion": max(price.output, price.reasoning), "request": price.request}
    over = [member for member, ceiling in ceilings.items() if asked[member] > ceiling]
    return f"is over the request's provider.max_price for a {over[0]}" if over else ""
