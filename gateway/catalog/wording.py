"""Values of the configuration in words, as the YAML would spell them, and what became of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import ceil

import msgspec
from msgspec import Struct

from gateway.limits.rules import Rule, TokenBucket
from gateway.limits.terms import Meter
from gateway.pricing import Price
from gateway.records import Secret

Line = Callable[[], str]
"""Words that are only made where somebody will read them."""

MOST = 5
"""Items of a list that are named."""

_CUT = 120
_SUFFIXES = (("G", 10**9), ("M", 10**6), ("k", 10**3))


def value(found: object) -> str:
    """A setting: `true`, `30`, `a, b`, `none`; one line, and not endless."""
    if found is None:
        return "none"
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, Price):
        return price(found)
    if isinstance(found, frozenset):
        return several(sorted(found))
    if isinstance(found, tuple):
        return several(found)
    text = f"{found:g}" if isinstance(found, float) else str(found)
    return text if len(text) <= _CUT else f"{text[:_CUT]}..."


def several(items: Sequence[object]) -> str:
    """`a, b and 3 more`; `none`."""
    named = ", ".join(str(each) for each in items[:MOST])
    more = len(items) - MOST
    return f"{named} and {more:,} more" if more > 0 else named or "none"


def price(found: Price | None) -> str:
    """`$0.59 in, $0.79 out`, `free`, `unknown`: US dollars per million tokens, with what is not as usual."""
    if found is None:
        return "unknown"
    if found.zero:
        return "free"
    parts = [f"{usd(found.input)} in", f"{usd(found.output)} out"]
    for nanousd, usual, what in (
        (found.cached_input, found.input, "cached"),
        (found.cache_write, found.input, "cache write"),
        (found.reasoning, found.output, "reasoning"),
        (found.request, 0, "a request"),
    ):
        if nanousd != usual:
            parts.append(f"{usd(nanousd)} {what}")
    return ", ".join(parts)


def usd(nanousd: int) -> str:
    """`$2`, `$0.0015`: exact."""
    return f"${Decimal(nanousd).scaleb(-9).normalize():f}"


def amount(n: int, meter: Meter) -> str:
    """`100k`, `14,400`, `$2`."""
    if meter.unit == "cost":
        return usd(n)
    suffix, size = next(((suffix, size) for suffix, size in _SUFFIXES if n and n % size == 0), ("", 1))
    return f"{n // size:,}{suffix}" if n >= 10_000 else f"{n:,}"


def used(n: float, meter: Meter) -> str:
    """`63,120`, `$0.0421`: every one of them, upwards."""
    if meter.unit == "cost":
        return usd(ceil(n / 100_000) * 100_000)
    return f"{ceil(round(n, 6)):,}"


def limit(before: Meter, after: Meter) -> str:
    """`100k -> 200k, algorithm calendar -> rolling`: what became of the rule."""
    old, new = before.rule, after.rule
    found = []
    if old.amount != new.amount:
        found.append(f"{amount(old.amount, before)} -> {amount(new.amount, after)}")
    if old.algorithm != new.algorithm:
        found.append(f"algorithm {old.algorithm} -> {new.algorithm}")
    elif not (_is_plain(old) and _is_plain(new)):
        found += [f"{name} {value(a) or 'none'} -> {value(b) or 'none'}" for name, a, b in fields(old, new)]
    return ", ".join(found)


def _is_plain(rule: Rule) -> bool:
    """Whether it is a bucket that holds its amount: its burst says nothing of its own then."""
    return isinstance(rule, TokenBucket) and rule.burst == rule.amount


def fields(before: Struct, after: Struct) -> Iterable[tuple[str, object, object]]:
    """The fields in which two structs of one type differ, but for `amount`."""
    for each in msgspec.structs.fields(before):
        old, new = getattr(before, each.name), getattr(after, each.name)
        if each.name != "amount" and old != new:
            yield each.name, old, new


def said(text: str) -> Line:
    """A line that is ready."""
    return lambda: text


def order(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Line | None]:
    """Whether the same names stand in another order, which decides between equals."""
    if before.keys() == after.keys() and list(before) != list(after):
        yield said(f"{name} in another order")


def field(name: str, old: object, new: object) -> Iterator[Line | None]:
    """`name old -> new`; of what may hold a secret, and of what has no short spelling, that it changed."""
    if old == new:
        yield None
    elif isinstance(old, Secret | Mapping) or (isinstance(old, tuple) and not _words(old) | _words(new)):
        yield said(f"{name} changed")
    else:
        yield lambda: f"{name} {value(old)} -> {value(new)}"


def settings(name: str, old: Struct, new: Struct) -> Iterator[Line | None]:
    """The fields of a struct, and of those in it."""
    for each, a, b in fields(old, new):
        if isinstance(a, Struct) and isinstance(b, Struct):
            yield from settings(f"{name}.{each}", a, b)
        else:
            yield from field(f"{name}.{each}", a, b)


def _words(found: object) -> bool:
    """Whether these are texts, which can be told."""
    return isinstance(found, tuple) and bool(found) and all(isinstance(each, str) for each in found)
