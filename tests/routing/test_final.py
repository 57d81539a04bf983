"""What the client is told when no target answered (contract, section 5)."""

from typing import Any

import pytest

from gateway.clock import Moment
from gateway.errors import ExhaustedError, GatewayError
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import LimitReachedError, Meter, Shortfall
from gateway.routing.final import Full, Resting, final_error, own_limit_error
from gateway.routing.outcome import Verdict

NOW = Moment(1_769_903_970.0, 50.0)


def full(wait_s: float, *, never: bool = False, window: str = "minute", by_holds: bool = False) -> LimitReachedError:
    """A limit of 30 without room."""
    meter = Meter.of("model", "m", "requests", window, make_rule("requests", window, 30, timezone="UTC"))
    return LimitReachedError(
        [
            Shortfall(
                meter=meter,
                used=30,
                held=0,
                need=1,
                amount=30,
                opens_at=None,
                wait_s=wait_s,
                never=never,
                by_holds=by_holds,
            )
        ]
    )


def left_out(who: str, error: LimitReachedError, ago_s: float = 0.0) -> Full:
    """A target that was found to be full so long ago."""
    return Full(who=who, error=error, at=NOW.boot - ago_s)


def resting(left_s: float, cause: str, *, limited: bool = False, guessed: bool = False) -> Resting:
    """A target that is left alone."""
    return Resting(who="a/x", until=NOW.boot + left_s, cause=cause, limited=limited, guessed=guessed)


def tried(faulty: Any, *, larger: bool = False) -> Verdict:
    """A target that failed."""
    return Verdict(kind="next", cause="503", text="answered so", faulty=faulty, larger_context=larger)


@pytest.mark.parametrize(
    ("given", "status", "code", "text"),
    [
        pytest.param(
            {"limits": [left_out("a/x", full(7.5))]},
            429,
            "rate_limit_exceeded",
            "a/x at 23:59:38 UTC, in 7.5 s",
            id="limit",
        ),
        pytest.param(
            {"limits": [left_out("a/x", full(7.5, window="day"))]},
            429,
            "insufficient_quota",
            "30 of 30 today",
            id="quota of a day",
        ),
        pytest.param(
            {"limits": [left_out("a/x", full(200_000.0, window="month"))]},
            429,
            "insufficient_quota",
            "03 Feb 07:32:50 UTC, in 200000.0 s",
            id="days away",
        ),
        pytest.param(
            {"rests": [resting(5.0, "429 from upstream", limited=True)]},
            429,
            "rate_limit_exceeded",
            "cooling down, 429",
            id="rest after 429",
        ),
        pytest.param(
            {"rests": [resting(4000.0, "429 from upstream", limited=True)]},
            429,
            "insufficient_quota",
            "in 4000.0 s",
            id="rest of a quota",
        ),
        pytest.param(
            {"rests": [resting(1.0, "429", limited=True, guessed=True)]},
            429,
            "rate_limit_exceeded",
            "at about 23:59:31 UTC, in about 1.0 s",
            id="a guess",
        ),
        pytest.param(
            {"limits": [left_out("a/x", full(0.31, by_holds=True))]},
            429,
            "rate_limit_exceeded",
            "at about 23:59:31 UTC, in about 0.4 s (30 of 30 this minute, 0 held by running requests, opening estimat",
            id="only held",
        ),
        pytest.param(
            {"limits": [left_out("a/x", full(float("inf")))]},
            429,
            "rate_limit_exceeded",
            "at no time",
            id="never refills",
        ),
        pytest.param(
            {"verdicts": [("a/x", tried("limit"))], "rests": [resting(9.0, "429 from upstream", limited=True)]},
            429,
            "rate_limit_exceeded",
            "in 9.0 s",
            id="429 itself",
        ),
        pytest.param(
            {"verdicts": [("b/y", tried("failed"))], "limits": [left_out("a/x", full(7.5), 2.5)]},
            429,
            "rate_limit_exceeded",
            "a/x at 23:59:35 UTC, in 5.0 s",
            id="nearer since another was tried",
        ),
        pytest.param(
            {"verdicts": [("a/x", tried("failed"))], "rests": [resting(-3.0, "429", limited=True)]},
            429,
            "rate_limit_exceeded",
            "in 0.0 s",
            id="over while another was tried",
        ),
        pytest.param(
            {"verdicts": [("a/x", tried("failed")), ("b/y", tried("slow"))]},
            504,
            "upstream_timeout",
            "b/y",
            id="last one slow",
        ),
        pytest.param({"verdicts": [("a/x", tried("failed"))]}, 502, "upstream_error", "answered so", id="failed"),
        pytest.param(
            {"verdicts": [("a/x", tried("client", larger=True))]},
            400,
            "context_length_exceeded",
            "context",
            id="too long for all",
        ),
        pytest.param(
            {"limits": [left_out("a/x", full(float("inf"), never=True))]},
            413,
            "request_too_large",
            "a/x",
            id="never fits",
        ),
        pytest.param(
            {"verdicts": [("a/x", tried("key"))]}, 503, "no_candidate", "a/x: answered so", id="only bad keys"
        ),
        pytest.param({"rests": [resting(5.0, "503")]}, 503, "no_candidate", "cooling down, 503", id="only other rests"),
        pytest.param({"unfits": [("a/x", "no_key", "K is not set")]}, 503, "no_candidate", "K is not set", id="no key"),
        pytest.param({}, 503, "no_candidate", "no target that fits", id="no target at all"),
        pytest.param(
            {"unfits": [("a/x", "paid", "costs money")]}, 403, "paid_not_allowed", "costs money", id="never free"
        ),
        pytest.param(
            {"unfits": [("a/x", "paid", "costs money"), ("b/y", "no_key", "K")], "could_be_free": True},
            503,
            "no_candidate",
            "costs nothing",
            id="could be free",
        ),
        pytest.param(
            {"unfits": [("a/x", "context", "needs 9, context is 8")]},
            400,
            "context_length_exceeded",
            "needs 9",
            id="context",
        ),
        pytest.param(
            {"unfits": [("a/x", "vision", "does not do vision")]}, 400, "unsupported_parameter", "vision", id="feature"
        ),
    ],
)
def test_when_nobody_answered(given: dict[str, Any], status: int, code: str, text: str) -> None:
    """A limit anywhere is a 429 with the shortest wait; else the last failure; else why nothing could serve."""
    all_: dict[str, Any] = {"limits": [], "rests": [], "verdicts": [], "unfits": [], "could_be_free": False}
    error: GatewayError = final_error("base", **{**all_, **given}, now=NOW)
    assert (error.status, error.code) == (status, code)
    assert text in error.message


def test_the_limit_that_it_is_too_large_for_is_named() -> None:
    """Not another one that is full as well, for which waiting would help."""
    (later,), (never,) = full(7.0).shortfalls, full(float("inf"), never=True, window="day").shortfalls
    nothing: dict[str, Any] = {"rests": [], "verdicts": [], "unfits": [], "could_be_free": False}
    error = final_error("base", limits=[left_out("a/x", LimitReachedError([later, never]))], **nothing, now=NOW)
    assert error.message == "Too large for every target of 'base': a/x needs 1, the whole limit is 30 per day."


def test_the_first_to_open_is_named() -> None:
    """Of several, the shortest wait."""
    error = final_error(
        "base",
        limits=[
            left_out("a/x", full(60.0)),
            left_out("b/y", full(7.0)),
            left_out("c/z", full(float("inf"), never=True)),
        ],
        rests=[resting(3.0, "503")],
        verdicts=[],
        unfits=[],
        could_be_free=True,
        now=NOW,
    )
    assert isinstance(error, ExhaustedError)
    assert (error.retry_after_s, "b/y" in error.message) == (7.0, True)


@pytest.mark.parametrize(
    ("wait_s", "text"),
    [
        pytest.param(7.5, "at 23:59:38 UTC, in 7.5 s", id="up to the second, never before the moment"),
        pytest.param(30.0, "at 00:00:00 UTC, in 30.0 s", id="on the second"),
        pytest.param(30.000_000_2, "at 00:00:00 UTC, in 30.0 s", id="float dust is not another second"),
        pytest.param(29.91, "at 00:00:00 UTC, in 30.0 s", id="up to the tenth"),
    ],
)
def test_a_moment_is_named_to_the_second(wait_s: float, text: str) -> None:
    """Who comes back when told finds room."""
    error = own_limit_error("aider", full(wait_s), NOW)
    assert error.message == f"The client 'aider' is at its own limit: 30 of 30 this minute. It opens {text}."
    assert error.retry_after_s == wait_s


def test_a_limit_that_allows_nothing_never_opens() -> None:
    """There is nothing to wait for, and the message does not pretend so."""
    error = own_limit_error("aider", full(float("inf"), never=True, window="day"), NOW)
    assert (error.code, error.message[-19:]) == ("insufficient_quota", " It allows nothing.")
