"""What the client is told when no target answered (contract, section 5, "When nobody answered")."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil, isfinite

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

from .cooldown import HINT_S
from .explain import guessed, said
from .outcome import Verdict

_MONEY = frozenset({"paid", "price_unknown"})
_IDLE = frozenset({"no_key", "off", "score"})


class Full(Struct, frozen=True, kw_only=True):
    """A target that was left out by limits without room."""

    who: str
    error: LimitReachedError
    at: float
    """Boot time at which they were looked at."""


class Resting(Struct, frozen=True, kw_only=True):
    """A target that was left out by a cooldown, or was laid to rest by this request."""

    who: str
    until: float
    """Boot time at which it may be tried, and its limits have room too."""
    cause: str
    limited: bool
    """Whether it said that a limit is reached."""
    guessed: bool = False

    def left_s(self, now: Moment) -> float:
        """Seconds until then; 0 if it has come."""
        return max(0.0, self.until - now.boot)


class Opening(Struct, frozen=True):
    """A target that will have room again; after infinitely many seconds, that nobody knows when."""

    wait_s: float
    who: str
    why: str
    quota: bool
    guessed: bool


def final_error(
    name: str,
    *,
    limits: Sequence[Full],
    rests: Sequence[Resting],
    verdicts: Sequence[tuple[str, Verdict]],
    unfits: Sequence[tuple[str, str, str]],
    could_be_free: bool,
    now: Moment,
) -> GatewayError:
    """The error for `name`, of which no target answered.

    `limits` are the full ones, `rests` those cooling down, `verdicts` those that were tried, `unfits` (id, rule, text)
    those that could not serve. A target that has just said 429 is among `verdicts` and `rests`.
    """
    if opening := first_opening(limits, rests, now):
        return _exhausted(name, opening, now)
    failed = [(who, verdict) for who, verdict in verdicts if verdict.faulty in {"failed", "slow"}]
    if failed:
        return _failed(name, *failed[-1])
    if contexts := [text for _, verdict in verdicts if verdict.larger_context for text in (verdict.text,)]:
        return _bad(f"No target of {name!r} has a large enough context: {contexts[-1]}.", "context_length_exceeded")
    if limits:
        first = limits[0]
        largest = next(each for each in first.error.shortfalls if each.never)
        return RequestTooLargeError(f"Too large for every target of {name!r}: {first.who} {said(largest)}.")
    if verdicts or rests:
        states = [f"{who}: {verdict.text or verdict.cause}" for who, verdict in verdicts]
        states += [f"{each.who}: cooling down, {each.cause}, {each.left_s(now):.0f} s left" for each in rests]
        return NoCandidateError(f"Nothing can serve {name!r} now: {'; '.join(states)[:600]}.")
    return _unfit(name, unfits, could_be_free=could_be_free)


def first_opening(limits: Sequence[Full], rests: Sequence[Resting], now: Moment) -> Opening | None:
    """The target that has room first, of those that a limit keeps out; None if there is none of them."""
    openings = [_of_limits(each, now) for each in limits if not each.error.never]
    openings += [_of_rest(each, now) for each in rests if each.limited]
    return min(openings, key=lambda each: each.wait_s, default=None)


def own_limit_error(client: str, error: LimitReachedError, now: Moment) -> ExhaustedError:
    """The error for a client that is at its own limit: 429 at once, no other target would help."""
    opening = _of_limits(Full(who=client, error=error, at=now.boot), now)
    what = "allows nothing" if error.never else f"opens {when(opening, now)}"
    return ExhaustedError(
        f"The client {client!r} is at its own limit: {opening.why}. It {what}.",
        retry_after_s=opening.wait_s,
        quota=opening.quota,
    )


def _of_limits(full: Full, now: Moment) -> Opening:
    """When the last of the limits in the way has room; since they were looked at, others may have been tried."""
    last = full.error.longest
    wait_s = max(0.0, last.wait_s - (now.boot - full.at))
    return Opening(wait_s, full.who, said(last), last.meter.is_quota, guessed(last))


def _of_rest(rest: Resting, now: Moment) -> Opening:
    """When a target that refused will be tried again. Beyond what a mere hint may say, it is a quota."""
    left_s = rest.left_s(now)
    return Opening(left_s, rest.who, f"cooling down, {rest.cause}", left_s > HINT_S, rest.guessed)


def _exhausted(name: str, first: Opening, now: Moment) -> ExhaustedError:
    return ExhaustedError(
        f"Every target of {name!r} is at a limit or cooling down. First to open: {first.who} {when(first, now)} "
        f"({first.why}).",
        retry_after_s=first.wait_s,
        quota=first.quota,
    )


def when(opening: Opening, now: Moment) -> str:
    """`at 23:59:38 UTC, in 7.5 s`: never before the moment. What is a guess says so."""
    if not isfinite(opening.wait_s):
        return "at no time that is known"
    # From whole milliseconds, like `retry_after_seconds`: float dust must not name the next second.
    at = datetime.fromtimestamp(ceil(round(now.wall + opening.wait_s, 3)), UTC)
    when = f"{at:%H:%M:%S} UTC" if opening.wait_s < 86_400 else f"{at:%d %b %H:%M:%S} UTC"
    about = "about " if opening.guessed else ""
    return f"at {about}{when}, in {about}{ceil(round(opening.wait_s * 10, 3)) / 10:.1f} s"


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
