"""What the pages, `/usage/current` and the `x-ratelimit-*` headers show of the limits."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from typing import Any, Literal

from msgspec import Struct

from gateway.clock import Moment

from .ledger import Ledger
from .reported import Lowered, Reported, bare, counted
from .rules import Rule
from .shorthand import Unit
from .terms import Meter, ScopeType

_NANO = 1_000_000_000


class Gauge(Struct, frozen=True, kw_only=True):
    """One row of `limits`. Amounts are counts, of `cost` nano-dollars; times are Unix seconds."""

    scope: str
    scope_type: ScopeType
    unit: Unit
    window: str
    """Empty for a limit without one."""
    algorithm: str
    amount: int
    """The capacity: a bucket's burst."""
    used: int
    """What we counted, without what is reserved, rounded up."""
    reserved: int
    """Held by requests in flight."""
    remaining: int
    """By our count, or by the provider's where that is lower."""
    opens_at: float | None
    """When the next unit fits; None where it fits now, never will, or only requests in flight are in the way."""
    resets_at: float | None
    """When a bucket is full, the calendar turns, the oldest use of a rolling window expires or a window that was
    begun ends; None if nothing is."""
    source: Literal["counted", "reported"] = "counted"
    """`reported`: the provider says that less is left than we counted."""
    reported: Reported | None = None
    """What it said, while that holds."""
    empty_at: float | None = None
    """When it runs out at the present rate; None where that is not foretold."""


def gauge(meter: Meter, ledger: Ledger, now: Moment) -> Gauge:
    """How one limit stands."""
    rule, state, held = ledger.standing(meter, now)
    used, capacity = rule.used(state, now), rule.capacity
    opens_in = rule.opens_in(state, min(held + 1, capacity) if capacity else 1, now)
    told = ledger.reported(meter, now)
    return Gauge(
        scope=meter.scope,
        scope_type=meter.scope_type,
        unit=meter.unit,
        window=meter.window,
        algorithm=rule.algorithm,
        amount=capacity,
        used=counted(rule, state, now),
        reserved=held,
        remaining=max(0, capacity - _rounded(used, rule) - held),
        opens_at=now.wall + opens_in if 0 < opens_in < inf else None,
        resets_at=bare(rule).resets_at(state, now),
        source="reported" if told else "counted",
        reported=told,
    )


def gauges(meters: Iterable[Meter], ledger: Ledger, now: Moment) -> tuple[Gauge, ...]:
    """How the limits stand, in their order."""
    return tuple(gauge(meter, ledger, now) for meter in meters)


def as_json(gauge: Gauge) -> dict[str, Any]:
    """A row as `/usage/current` writes it: times in RFC 3339, money in USD."""
    amounts = {name: getattr(gauge, name) for name in ("amount", "used", "reserved", "remaining")}
    if gauge.unit == "cost":
        amounts = {name: n / _NANO for name, n in amounts.items()}
    return {
        "scope": gauge.scope,
        "scope_type": gauge.scope_type,
        "unit": gauge.unit,
        "window": gauge.window or None,
        "algorithm": gauge.algorithm,
        **amounts,
        "opens_at": rfc3339(gauge.opens_at),
        "resets_at": rfc3339(gauge.resets_at),
        "source": gauge.source,
        "reported": _told(gauge.reported),
        "empty_at": rfc3339(gauge.empty_at),
    }


def _told(told: Reported | None) -> dict[str, Any] | None:
    """What a provider reported. `drift` is what somebody else used. Never of money: no provider reports that."""
    if told is None:
        return None
    return {
        "by": told.by,
        "remaining": told.remaining,
        "drift": told.drift,
        "at": rfc3339(told.at),
        "until": rfc3339(told.until),
        "sure": told.sure,
    }


def rfc3339(at: float | None) -> str | None:
    """`2026-01-01T00:00:00.000Z`, rounded up to the millisecond: never before the moment. None stays None."""
    if at is None:
        return None
    # Through whole milliseconds, because a float's own microseconds round either way.
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ceil(round(at * 1000, 3)))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def headers(meters: Sequence[Meter], ledger: Ledger, now: Moment) -> dict[str, str]:
    """`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`: of each unit the limit with the least share left.

    What is held counts as gone. Reset is the time until all of it is there again, as `1m3s`.
    A unit without a limit is left out.
    """
    tightest: dict[str, tuple[float, int, int, float]] = {}
    for meter in meters:
        if meter.unit != "requests" and meter.unit != "tokens":  # noqa: PLR1714 - twice as fast as a set of two
            continue
        rule, state, held = ledger.standing(meter, now)
        capacity = rule.capacity
        remaining = max(0, capacity - _rounded(rule.used(state, now), rule) - held)
        share = remaining / capacity if capacity else 0.0
        if meter.unit not in tightest or share < tightest[meter.unit][0]:
            tightest[meter.unit] = share, capacity, remaining, rule.full_in(state, held, now)
    found = {}
    for unit, (_, capacity, remaining, full_in) in tightest.items():
        found[f"x-ratelimit-limit-{unit}"] = f"{capacity}"
        found[f"x-ratelimit-remaining-{unit}"] = f"{remaining}"
        if full_in < inf:
            found[f"x-ratelimit-reset-{unit}"] = duration(full_in)
    return found


def duration(seconds: float) -> str:
    """`0s`, `20s`, `1m3s`, `1h0m3s`: whole seconds, rounded up."""
    minutes, secs = divmod(ceil(round(seconds, 6)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{secs}s"
    return f"{minutes}m{secs}s" if minutes else f"{secs}s"


def _rounded(used: float, rule: Rule | Lowered) -> int:
    """Used in whole units, upwards, but for float dust."""
    return ceil(used - (rule.ceiling - rule.capacity))
