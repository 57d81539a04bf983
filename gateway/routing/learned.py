"""Learned limits: what an answer reports of its limits, set against our own counters.

Only ever downwards: a report that leaves more than we do changes nothing, for we may know of requests that the
upstream has not counted yet.
"""

from collections.abc import Iterable, Sequence

from gateway.clock import Moment
from gateway.limits.meters import Gauge
from gateway.limits.reported import Reported
from gateway.limits.rules import CalendarWindow
from gateway.limits.shorthand import window_s
from gateway.limits.terms import Meter

from .quota_hints import Hint
from .quota_names import UNKNOWN, Counted
from .rate_headers import Report

Standing = tuple[Meter, Gauge]
"""A limit of ours and how it stands now."""

Correction = tuple[Meter, Reported | None]
"""A limit, and what the ledger is to be told of it; None: it is not lower than ours any more."""

_BREADTH: dict[str, int] = {"model": 0, "pool": 1, "key": 2, "provider": 3}
"""Scopes that an upstream can know of, the narrowest first. A client's limits are ours alone."""
_SHARED_BY: dict[str, frozenset[str]] = {
    "model_key": frozenset({"model", "pool"}),
    "model": frozenset({"model", "pool"}),
    "key": frozenset({"pool", "key", "provider"}),
    "provider": frozenset({"pool", "key", "provider"}),
    UNKNOWN: frozenset(_BREADTH),
}
"""Of whose quota a refusal speaks, the scopes of limits that may stand for it."""


def from_reports(
    reports: Iterable[Report], standings: Sequence[Standing], now: Moment, *, by: str
) -> tuple[Correction, ...]:
    """The counters that reports correct, each once: where `remaining` is lower than what we have left.

    Which limit a report is about: the unit is the same, and

    1. where the report names its window, the windows are equally long;
    2. else, where amounts are equal to the reported limit, one of those;
    3. else the shortest window that is long enough for the reported reset.

    Among several the one with the shortest window that covers the reset, then the narrowest scope. A limit that many
    models share is passed over where the reported one is smaller than it: that one is about a single model.
    `reset` is when everything is there again, so a report holds that long, at most one window; without one, as long
    as our own law says. What our requests in flight hold is taken as counted by the upstream already: what it has not
    seen yet shows in the next report, and nothing is counted twice.
    """
    told: dict[str, tuple[Meter, Gauge, Reported]] = {}
    for report in reports:
        if report.remaining is None or not (standing := _reported(report, standings, now)):
            continue
        meter, gauge = standing
        until = _until(report, meter, gauge, now)
        over = gauge.amount - report.remaining - gauge.reserved - gauge.used
        if (over <= 0 or until > now.wall) and (meter.id not in told or over > told[meter.id][2].over):
            # A limit that is smaller than ours is nobody's use.
            smaller = 0 if report.limit is None else max(0, gauge.amount - report.limit)
            word = Reported(
                by=by,
                remaining=report.remaining,
                over=over,
                drift=max(0, over - smaller),
                at=now.wall,
                until=until,
                sure="guess" if report.resets_at is None else "likely",
            )
            told[meter.id] = meter, gauge, word
    lower = ((meter, gauge, word if word.over > 0 else None) for meter, gauge, word in told.values())
    return tuple((meter, word) for meter, gauge, word in lower if word or gauge.reported)


def from_refusal(hint: Hint, standings: Sequence[Standing], now: Moment, *, by: str) -> tuple[Correction, ...]:
    """The counters that a refusal corrects, each once. One that it fills up, `shut`, stands in for the cooldown.

    Filled up is a limit whose unit and window the refusal names and whose scope it may mean, the narrowest first;
    without such a one the target has to rest. It is full until the wait is over; where none was said, a calendar keeps
    to its own turn. The others are corrected as `from_reports` does.
    To be asked after the refused attempt was given back, or its own hold would lessen the drift.
    """
    told = from_reports(hint.reports, standings, now, by=by)
    full = _filled_up(hint, standings, now, by)
    return (full, *(each for each in told if each[0].id != full[0].id)) if full else told


def _filled_up(hint: Hint, standings: Sequence[Standing], now: Moment, by: str) -> tuple[Meter, Reported] | None:
    """The limit that refused; None where none of ours is meant for certain."""
    if hint.too_large or hint.unit == UNKNOWN or hint.wait_s is None:
        return None
    length_s = window_s(hint.window)
    fitting = [
        standing
        for standing in standings
        if standing[0].scope_type in _SHARED_BY[hint.scope]
        and standing[0].unit in _shown_in(hint.unit)
        and length_s
        and window_s(standing[0].window) == length_s
        and not _is_wider(standing, hint.limit)
    ]
    if not fitting:
        return None
    meter, gauge = min(fitting, key=lambda each: (each[0].unit != hint.unit, _BREADTH[each[0].scope_type]))
    until = now.wall + hint.wait_s
    if not hint.stated and isinstance(meter.rule, CalendarWindow) and gauge.resets_at is not None:
        until = gauge.resets_at
    if until <= now.wall:
        return None
    over = max(0, gauge.amount - gauge.reserved - gauge.used)
    # As if the whole of a smaller limit had been used.
    smaller = 0 if hint.limit is None else max(0, gauge.amount - hint.limit)
    drift = max(0, over - smaller)
    told = Reported(by=by, remaining=0, over=over, drift=drift, at=now.wall, until=until, sure=hint.sure, shut=True)
    return meter, told


def _reported(report: Report, standings: Sequence[Standing], now: Moment) -> Standing | None:
    """The limit that a report is about."""
    fitting = [
        standing
        for standing in standings
        if standing[0].scope_type in _BREADTH
        and standing[0].unit == report.unit
        and window_s(standing[0].window)
        and not _is_wider(standing, report.limit)
    ]
    reset_s = 0.0 if report.resets_at is None else report.resets_at - now.wall
    if report.window != UNKNOWN:
        length_s = window_s(report.window)
        fitting = [standing for standing in fitting if window_s(standing[0].window) == length_s]
    elif same := [standing for standing in fitting if standing[1].amount == report.limit]:
        fitting = same
    else:
        fitting = [standing for standing in fitting if 0 < reset_s <= window_s(standing[0].window)]
    return min(fitting, key=lambda each: _closeness(each[0], reset_s), default=None)


def _closeness(meter: Meter, reset_s: float) -> tuple[bool, float, int]:
    length_s = window_s(meter.window)
    return length_s < reset_s, length_s, _BREADTH[meter.scope_type]


def _is_wider(standing: Standing, limit: int | None) -> bool:
    """Whether a limit of several models is larger than the reported one, which then is another's."""
    meter, gauge = standing
    return limit is not None and meter.scope_type != "model" and gauge.amount > limit


def _shown_in(unit: Counted) -> tuple[str, ...]:
    """The units in which a used-up quota of `unit` shows: without input tokens no request fits into tokens either."""
    return (unit, "tokens") if unit in {"input_tokens", "output_tokens"} else (unit,)


def _until(report: Report, meter: Meter, gauge: Gauge, now: Moment) -> float:
    """Until when a report holds."""
    longest = now.wall + window_s(meter.window)
    if report.resets_at is not None:
        return min(longest, report.resets_at)
    rule = meter.rule
    return min(longest, now.wall + rule.full_in(rule.fresh(now), gauge.amount - (report.remaining or 0), now))
