"""The judge of attempts: an answer to pass on, a refusal to give back, or a reason to try the next target.

Contract, section 5, table by table. What the body says decides before the status. No text made here quotes a byte of
the upstream.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.clock import Moment
from gateway.dialects.openings import Opening, is_empty, is_error
from gateway.errors import UpstreamError

from .cooldown import Kind, Schedule
from .quota_hints import Hint, read
from .quota_names import UNKNOWN
from .refusal_bodies import error_of
from .refusal_phrases import BAD_KEY, TOO_LONG, UNSUPPORTED, has_any, phrases_of, says_moderated, says_no_credit

Charge = Literal["answered", "refused", "silent", "unsent"]
"""Rows of "What is charged": relayed or wasted content, an error status, no answer, never left."""
Fault = Literal["limit", "key", "slow", "failed", "client", ""]
"""What kind of failure it counts as when nobody answers."""


class Rest(Struct, frozen=True, kw_only=True):
    """Who cools down, and for how long."""

    kind: Kind
    schedule: Schedule = "backoff"
    wait_s: float | None = None
    certain: bool = False


class Verdict(Struct, frozen=True, kw_only=True):
    """What came of an attempt."""

    kind: Literal["answer", "return", "next", "retry_plain"]
    """Pass it on; it is the client's own answer; try the next target; once more without `stream_options`."""
    cause: str = "ok"
    """One word, for headers and logs."""
    status: int | None = None
    """What the upstream answered; None if it did not."""
    text: str = ""
    """For people."""
    rest: Rest | None = None
    charge: Charge = "answered"
    larger_context: bool = False
    """A target with a larger context may serve it."""
    faulty: Fault = ""
    hint: Hint | None = None
    """What a refusal for a limit says of it. Where one of ours matches, that is corrected in place of `rest`."""


_PER_MINUTE = re.compile(r"tokens per (?:minute|day)|\btpm\b|\btpd\b|rate.?limit", re.IGNORECASE)

_STATUS_BY_TYPE = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "tokens": 429,
    "requests": 429,
    "insufficient_quota": 429,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "invalid_request_error": 400,
    "timeout_error": 504,
}
"""What status an error would have had, had it not come with 200."""


def judge_error(
    status: int, headers: Mapping[str, str], body: bytes, now: Moment, provider_type: str = "openai"
) -> Verdict:
    """An answer that is no success: anything from 300 on."""
    error = error_of(body)
    words = phrases_of(error)
    if verdict := _by_text(status, words, error):
        return verdict
    if status == 429 or (status == 413 and _PER_MINUTE.search(words)):
        return _limited(status, read(provider_type, status, headers, body, now))
    match status:
        case 401 | 402 | 403:
            what = {401: "key refused", 402: "no credit", 403: "not allowed for this key"}[status]
            return _next(status, f"{status}", what, Rest(kind="key", schedule="key"), "key")
        case 404:
            rest = Rest(kind="model", schedule="missing_model")
            return _next(status, "404", "does not know the model", rest, "failed")
        case 408 | 409 | 425:
            return _next(status, f"{status}", f"answered {status}", None, "slow" if status == 408 else "failed")
    if status >= 500:
        hint = read(provider_type, status, headers, body, now)
        return _next(status, f"{status}", f"answered {status}", Rest(kind="model", wait_s=hint.wait_s), "failed")
    if status < 400:
        return _next(status, "redirect", "answered with a redirect", Rest(kind="model"), "failed")
    return Verdict(
        kind="return", cause=f"{status}", status=status, text=f"answered {status}", charge="refused", faulty="client"
    )


def judge_body(
    status: int, headers: Mapping[str, str], body: bytes, now: Moment, provider_type: str = "openai"
) -> Verdict:
    """A whole answer with a status of success."""
    if not body.strip():
        return _useless(status, "empty", "answered with nothing")
    try:
        reply = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        html = body.lstrip()[:1] == b"<"
        text = "answered with a web page" if html else "answered with something that is not JSON"
        return _useless(status, "html" if html else "not_json", text)
    if isinstance(reply, list) and reply:
        reply = reply[0]
    if not isinstance(reply, dict):
        return _useless(status, "not_json", "answered with something that is no chat completion")
    if is_error(reply):
        return _hidden(headers, body, now, provider_type)
    if is_empty(reply):
        return _useless(status, "empty", "answered without content")
    return Verdict(kind="answer", status=status)


def judge_opening(
    opening: Opening, status: int, headers: Mapping[str, str], now: Moment, provider_type: str = "openai"
) -> Verdict:
    """The beginning of a stream. A `foreign` one has no use here: what it holds is judged as a whole body before."""
    match opening.kind:
        case "content":
            return Verdict(kind="answer", status=status)
        case "error":
            return _hidden(headers, opening.data, now, provider_type)
        case "empty":
            return _useless(status, "empty", "streamed nothing")
    return _useless(status, "not_a_stream", "answered without the stream that was asked for")


def judge_failure(error: UpstreamError) -> Verdict:
    """An attempt without an answer, or without a whole one."""
    charge: Charge = "silent" if error.sent else "unsent"
    match error.kind:
        case "dns" | "connect" | "tls":
            text = {"dns": "host name not found", "connect": "no connection", "tls": "no secure connection"}[error.kind]
            return Verdict(
                kind="next", cause=error.kind, text=text, rest=Rest(kind="provider"), charge=charge, faulty="failed"
            )
        case "timeout_connect":
            return Verdict(
                kind="next",
                cause="timeout",
                text="no connection in time",
                rest=Rest(kind="provider"),
                charge=charge,
                faulty="slow",
            )
        case "timeout_idle" | "timeout_first_byte":
            return Verdict(
                kind="next",
                cause="timeout",
                text="no answer in time",
                rest=Rest(kind="model"),
                charge=charge,
                faulty="slow",
            )
    text = {"reset": "connection lost", "too_large": "answer too large"}.get(error.kind, "no valid HTTP")
    return Verdict(kind="next", cause=error.kind, text=text, rest=Rest(kind="model"), charge=charge, faulty="failed")


def _by_text(status: int, words: str, error: Mapping[str, Any]) -> Verdict | None:
    """What the body says, where that is clearer than the status; None where it is not."""
    if status in {400, 422} and "stream_options" in words:
        return Verdict(kind="retry_plain", cause="stream_options", status=status, charge="refused", faulty="failed")
    if status in {400, 413, 422, 500} and has_any(words, TOO_LONG):
        return Verdict(
            kind="next",
            cause="context",
            status=status,
            text="prompt longer than its context",
            charge="refused",
            larger_context=True,
            faulty="client",
        )
    if status in {400, 402, 403, 429} and says_no_credit(words):
        return _next(status, "no_credit", "no credit", Rest(kind="key", schedule="key"), "key")
    if status in {400, 401, 403} and has_any(words, BAD_KEY):
        return _next(status, "bad_key", "key refused", Rest(kind="key", schedule="key"), "key")
    if status in {400, 403} and says_moderated(error, words):
        return Verdict(
            kind="return",
            cause="moderation",
            status=status,
            text="refused the content",
            charge="refused",
            faulty="client",
        )
    if status in {400, 422} and has_any(words, UNSUPPORTED):
        return _next(status, "unsupported", "does not take a parameter of the request", None, "failed")
    return None


def _limited(status: int, hint: Hint) -> Verdict:
    rest: Rest | None = None
    if hint.too_large:
        text = f"{status} from upstream, larger than its whole limit"
    else:
        text = f"{status} from upstream" + ("" if hint.wait_s is None else f", retry in {hint.wait_s:.0f} s")
        kind: Kind = "model_key" if hint.scope == UNKNOWN else hint.scope
        rest = Rest(kind=kind, wait_s=hint.wait_s, certain=hint.certain)
    return replace(_next(status, f"{status}", text, rest, "limit"), hint=hint)


def _next(status: int | None, cause: str, text: str, rest: Rest | None, faulty: Fault) -> Verdict:
    return Verdict(kind="next", cause=cause, status=status, text=text, rest=rest, charge="refused", faulty=faulty)


def _useless(status: int, cause: str, text: str) -> Verdict:
    """A success that is none. What it says it used is charged."""
    return Verdict(
        kind="next", cause=cause, status=status, text=text, rest=Rest(kind="model"), charge="answered", faulty="failed"
    )


def _hidden(headers: Mapping[str, str], body: bytes, now: Moment, provider_type: str) -> Verdict:
    """An error that came with status 200: judged as if it had its own status."""
    verdict = judge_error(_implied_status(error_of(body)), headers, body, now, provider_type)
    if verdict.kind == "next":
        return verdict
    # Nothing of it can be given back under another status than its own: the next target may do better.
    return _useless(200, "error_in_200", "said 200 and sent an error")


def _implied_status(error: Mapping[str, Any]) -> int:
    for member in ("code", "status", "status_code"):
        code = error.get(member)
        if isinstance(code, str) and code.isdigit():
            code = int(code[:9])
        if isinstance(code, int) and not isinstance(code, bool) and 300 <= code <= 599:
            return code
    for member in ("type", "code"):
        name = error.get(member)
        if isinstance(name, str) and name in _STATUS_BY_TYPE:
            return _STATUS_BY_TYPE[name]
    return 502
