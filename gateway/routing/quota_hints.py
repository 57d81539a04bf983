"""What a refusal says: which quota is used up, for whom, until when, and how sure that is.

A pure reader of every notation seen in the field. Garbage is no hint, and what sounds absurd is capped.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gateway.clock import Moment
from gateway.limits.reported import Sure
from gateway.limits.shorthand import window_s
from gateway.limits.windows import Named, bounds

from .cooldown import HINT_S
from .quota_names import UNKNOWN, Counted, Quota, Scope, named, named_by_id
from .rate_headers import Report, reports
from .refusal_bodies import Details, details_of, errors_of, headers_inside, metadata_of, words_of
from .reset_times import seconds_until, wait_in

_LONG_DELAY_S = 300.0
"""Google's delay beside a daily quota: a shorter one is meant for the quota of a minute (gemini-cli 0.61)."""
_NONE = re.compile(r"\blimit: 0\b")
"""Google to accounts that get nothing of a model: waiting does not help them."""
_SPENT_REASONS = {"QUOTA_EXHAUSTED"}
_LIMITING = {402, 403, 413, 429}
"""Statuses whose words speak of quotas; those of a broken server do not."""
_PACIFIC = "America/Los_Angeles"
_LONG: dict[str, Named] = {"day": "day", "week": "week", "month": "month"}


class Hint(Struct, frozen=True, kw_only=True):
    """What a refusal says of the quota behind it."""

    unit: Counted = UNKNOWN
    window: str = UNKNOWN
    """As limits spell it: `minute`, `day`, `5h`."""
    scope: Scope = UNKNOWN
    wait_s: float | None = None
    """Seconds until it is worth trying again: over 0, at most an hour, or 32 days if `certain`. None: not known."""
    sure: Sure = "guess"
    """`certain`: a quota of a day or longer is named, so a long wait is meant. `likely`: the wait was said.
    `guess`: it follows from the window, or from when all of the quota is there again."""
    stated: bool = False
    """Whether the wait was said, rather than worked out."""
    limit: int | None = None
    """How large the quota is, where that is named."""
    too_large: bool = False
    """The request alone is over the whole quota: waiting does not help it, and others may pass."""
    reports: tuple[Report, ...] = ()
    """What body and headers tell of limits, the one that refused or others."""

    @property
    def certain(self) -> bool:
        """Whether a wait of more than an hour is to be believed."""
        return self.sure == "certain"


def read(provider_type: str, status: int, headers: Mapping[str, str], body: bytes, now: Moment) -> Hint:
    """The hint in a refusal of any status. Header names are lower-case. Never raises.

    Of several waits that are said, the most exact counts; beside a named quota of a day or longer, the longest.
    Sources: RFC 9110 (`Retry-After`), Azure (`retry-after-ms`), Google (`RetryInfo`, `QuotaFailure`), Anthropic's
    resets, OpenRouter's `metadata`, and the words of everybody else.
    """
    errors = errors_of(body)
    details = next((found for found in map(details_of, errors) if found != Details()), Details())
    told = {**{name: value for error in errors for name, value in headers_inside(error).items()}, **headers}
    seen = reports(told, now)
    empty = [report for report in seen if report.remaining == 0]
    quota = _quota(errors, details, body) if status in _LIMITING else Quota()
    own = quota
    window, unified_s = _subscription(told, now)
    if window != UNKNOWN:
        quota = Quota(window=window, scope="key")
    elif quota.window == UNKNOWN:
        quota = _completed(quota, empty)
    waits = [*_waits(told, errors, details, now), *([] if unified_s is None else [unified_s])]
    # 0, or a date that is past: no hint, or the back-off would never begin.
    waits = [wait_s for wait_s in waits if wait_s > 0]
    wait_s, sure, stated = _end(provider_type, quota, waits, empty, details, now)
    if wait_s is not None and sure != "certain":
        wait_s = min(wait_s, HINT_S)
    return Hint(
        unit=quota.unit,
        window=quota.window,
        scope=quota.scope,
        wait_s=wait_s,
        sure=sure,
        stated=stated,
        limit=quota.limit,
        too_large=_too_large(quota),
        reports=(*_own_report(own, wait_s, now), *seen),
    )


def _quota(errors: Sequence[Mapping[str, Any]], details: Details, body: bytes) -> Quota:
    """The quota that is used up, by Google's ids or by the first words that name one."""
    by_id = [named_by_id(each.quota_id, each.amount) for each in details.violations]
    if by_id:
        # Several can be violated at once: the longest keeps it shut.
        longest = max(by_id, key=lambda quota: window_s(quota.window))
        return replace(longest, limit=0) if any(_NONE.search(words_of(error)) for error in errors) else longest
    if _SPENT_REASONS.intersection(details.reasons):
        return Quota(window="day", scope="model_key")
    texts = ["\n".join((words_of(error), *details.reasons)) for error in errors]
    if not any(texts):
        texts = [body[:4000].decode("utf-8", "replace")]  # a web page, or plain text
    quotas = [quota for quota in map(named, texts) if quota != Quota()]
    return next((quota for quota in quotas if quota.window != UNKNOWN), quotas[0] if quotas else Quota())


def _completed(quota: Quota, empty: Sequence[Report]) -> Quota:
    """A quota whose window the words do not name, from the headers: if just one limit has nothing left."""
    fitting = [report for report in empty if quota.unit in {UNKNOWN, report.unit}]
    if len(fitting) != 1:
        return quota
    report = fitting[0]
    limit = report.limit if quota.limit is None else quota.limit
    return replace(quota, unit=report.unit, window=report.window, limit=limit)


def _waits(
    headers: Mapping[str, str], errors: Sequence[Mapping[str, Any]], details: Details, now: Moment
) -> Iterator[float]:
    """The waits that are said, the most exact first."""
    texts = [f"{headers[name].strip()}ms" for name in ("retry-after-ms", "x-ms-retry-after-ms") if name in headers]
    # GitHub Models: `x-ratelimit-timeremaining`.
    texts += [headers[name] for name in ("retry-after", "x-ratelimit-timeremaining") if name in headers]
    texts.append(details.delay)
    for error in errors:
        for place in (error, metadata_of(error)):
            texts += [str(place[name]) for name in ("retry_after_seconds", "retry_after") if name in place]
    for text in texts:
        if (wait_s := seconds_until(text, now)) is not None:
            yield wait_s
    for error in errors:
        if (wait_s := wait_in(words_of(error), now)) is not None:
            yield wait_s


def _end(
    provider_type: str,
    quota: Quota,
    waits: Sequence[float],
    empty: Sequence[Report],
    details: Details,
    now: Moment,
) -> tuple[float | None, Sure, bool]:
    """Seconds until the quota opens, how sure that is, and whether it was said."""
    # A reset says when everything is there again: a wait only where nothing is left.
    resets = [report.resets_at - now.wall for report in empty if report.resets_at and report.resets_at > now.wall]
    google = bool(details.violations)
    if quota.is_long or quota.limit == 0:
        said = [*waits, *resets]
        if google:
            said = [wait_s for wait_s in said if wait_s > _LONG_DELAY_S]
        if said:
            return max(said), "certain", True
        zone = _PACIFIC if google or provider_type == "gemini" else "UTC"
        return _turn_in(quota.window if quota.is_long else "day", zone, now), "certain", False
    if waits:
        return waits[0], "likely", True
    if resets:
        return max(resets), "guess", True
    length_s = window_s(quota.window)
    return length_s or None, "guess", False


def _turn_in(window: str, zone: str, now: Moment) -> float | None:
    """Seconds until the next day, week or month begins; None for a numbered window, which nobody can date."""
    named_window = _LONG.get(window)
    return bounds(named_window, zone, now.wall)[1] - now.wall if named_window else None


def _subscription(headers: Mapping[str, str], now: Moment) -> tuple[str, float | None]:
    """Window and wait of the Anthropic subscription quota that is used up (wire facts, 2.6); the longest of several."""
    for window in ("7d", "5h"):
        if headers.get(f"anthropic-ratelimit-unified-{window}-status") == "rejected":
            return window, seconds_until(headers.get(f"anthropic-ratelimit-unified-{window}-reset", ""), now)
    return UNKNOWN, None


def _too_large(quota: Quota) -> bool:
    """Whether less would pass. Of a limit of 0 nothing does."""
    return bool(quota.requested and quota.limit and quota.requested > quota.limit)


def _own_report(quota: Quota, wait_s: float | None, now: Moment) -> tuple[Report, ...]:
    """The numbers that the words name. They hold as long as the wait: a quota may refill all the time, as Groq's do."""
    if quota.limit is None:
        return ()
    remaining = None if quota.used is None else max(0, quota.limit - quota.used)
    resets_at = None if wait_s is None else now.wall + wait_s
    return (Report(unit=quota.unit, window=quota.window, limit=quota.limit, remaining=remaining, resets_at=resets_at),)
