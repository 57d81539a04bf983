"""What the client is told when no target answered (contract, section 5, "When nobody answered")."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from gateway.clock import Moment
from gateway.errors import (
    BadRequestError,
    ExhaustedError,
    GatewayError,
    NoCandidateError,
    PaidNotAllowedError,
    RequestTooLargeError,
    UpstreamFailedError,
    UpstreamTimeoutError,
)
from gateway.limits.terms import LimitReachedError

from .explain import said
from .outcome import Verdict

_MONEY = frozenset({"paid", "price_unknown"})
_IDLE = frozenset({"no_key", "off", "score"})


class _Opening(Struct, frozen=True):
    """A target that will have room again."""

    wait_s: float
    who: str
    why: str
    quota: bool


def final_error(
    name: str,
    *,
    limits: Sequence[tuple[str, LimitReachedError]],
    rests: Sequence[tuple[str, float, str, bool]],
    verdicts: Sequence[tuple[str, Verdict]],
    unfits: Sequence[tuple[str, str, str]],
    could_be_free: bool,
    now: Moment,
) -> GatewayError:
    """The error for `name`, of which no target answered.

    `limits` are the full ones, `rests` those cooling down (id, seconds left, cause, whether after a 429), `verdicts`
    those that were tried, `unfits` (id, rule, text) those that could not serve.
    """
    openings = [
        _Opening(error.wait_s, who, said(max(error.shortfalls, key=lambda each: each.wait_s)), _quota(error))
        for who, error in limits
        if not error.never
    ]
    openings += [
        _Opening(left_s, who, f"cooling down, {cause}", quota=False) for who, left_s, cause, was in rests if was
    ]
    openings += [
        _Opening(verdict.rest.wait_s or 1.0 if verdict.rest else 1.0, who, verdict.text or verdict.cause, quota=False)
        for who, verdict in verdicts
        if verdict.faulty == "limit"
    ]
    if openings:
        return _exhausted(name, min(openings, key=lambda each: each.wait_s), now)
    failed = [(who, verdict) for who, verdict in verdicts if verdict.faulty in {"failed", "slow"}]
    if failed:
        return _failed(name, *failed[-1])
    if contexts := [text for _, verdict in verdicts if verdict.larger_context for text in (verdict.text,)]:
        return _bad(f"No target of {name!r} has a large enough context: {contexts[-1]}.", "context_length_exceeded")
    if limits:
        who, error = limits[0]
        largest = next(each for each in error.shortfalls if each.never)
        return RequestTooLargeError(f"Too large for every target of {name!r}: {who} {said(largest)}.")
    if verdicts or rests:
        states = [f"{who}: {verdict.text or verdict.cause}" for who, verdict in verdicts]
        states += [f"{who}: cooling down, {cause}, {left_s:.0f} s left" for who, left_s, cause, _ in rests]
        return NoCandidateError(f"Nothing can serve {name!r} now: {'; '.join(states)[:600]}.")
    return _unfit(name, unfits, could_be_free=could_be_free)


def _exhausted(name: str, first: _Opening, now: Moment) -> ExhaustedError:
    at = datetime.fromtimestamp(now.wall + first.wait_s, UTC)
    when = f"{at:%H:%M:%S} UTC" if first.wait_s < 86_400 else f"{at:%d %b %H:%M} UTC"
    return ExhaustedError(
        f"Every target of {name!r} is at a limit or cooling down. First to open: {first.who} at {when}, "
        f"in {first.wait_s:.1f} s ({first.why}).",
        retry_after_s=first.wait_s,
        quota=first.quota,
    )


def _quota(error: LimitReachedError) -> bool:
    return max(error.shortfalls, key=lambda each: each.wait_s).meter.is_quota


def _failed(name: str, who: str, verdict: Verdict) -> GatewayError:
    error = UpstreamTimeoutError if verdict.faulty == "slow" else UpstreamFailedError
    return error(f"No target of {name!r} answered. The last one tried, {who}: {verdict.text or verdict.cause}.")


def _unfit(name: str, unfits: Sequence[tuple[str, str, str]], *, could_be_free: bool) -> GatewayError:
    """All were left out before anything was tried."""
    active = [(who, rule, text) for who, rule, text in unfits if rule not in _IDLE]
    reasons = "; ".join(f"{who}: {text}" for who, _, text in active or unfits)[:600]
    if not active:
        return NoCandidateError(f"Nothing can serve {name!r}: {reasons or 'it has no target that fits the request'}.")
    rules = {rule for _, rule, _ in active}
    if rules <= _MONEY:
        if not could_be_free:
            return PaidNotAllowedError(f"{name!r} costs money, and paying is not allowed here. {reasons}.")
        return NoCandidateError(f"Nothing that costs nothing can serve {name!r}: {reasons}.")
    if "context" in rules and rules <= {"context", *_MONEY}:
        return _bad(f"Too long for every target of {name!r}: {reasons}.", "context_length_exceeded")
    return _bad(f"No target of {name!r} can do what the request asks for: {reasons}.", "unsupported_parameter")


def _bad(message: str, code: str) -> GatewayError:
    error: GatewayError = BadRequestError(message)
    error.code = code
    return error
