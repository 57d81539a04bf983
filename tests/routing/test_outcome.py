"""The judge, table by table (contract, section 5)."""

import orjson
import pytest

from gateway.clock import Moment
from gateway.dialects.openings import Opening
from gateway.errors import UpstreamError
from gateway.routing.outcome import judge_body, judge_error, judge_failure, judge_opening

NOW = Moment(1_769_903_970.0, 50.0)


def error(**members: object) -> bytes:
    """An error in OpenAI's envelope."""
    return orjson.dumps({"error": members})


@pytest.mark.parametrize(
    ("status", "body", "kind", "cause", "rests", "faulty"),
    [
        pytest.param(429, b"", "next", "429", "model_key", "limit", id="rate limit"),
        pytest.param(
            413,
            error(message="Request too large on tokens per minute (TPM)"),
            "next",
            "413",
            "model_key",
            "limit",
            id="413 for tokens per minute",
        ),
        pytest.param(
            429,
            error(message="Limit 6000, Requested 7500 tokens per minute"),
            "next",
            "429",
            None,
            "limit",
            id="larger than a limit: nobody rests",
        ),
        pytest.param(
            429,
            error(
                status="RESOURCE_EXHAUSTED",
                message="You exceeded your current quota, please check your plan and billing details.",
            ),
            "next",
            "429",
            "model_key",
            "limit",
            id="Google's quota, which sounds like money",
        ),
        pytest.param(
            429, error(message="You are using a Trial key"), "next", "429", "key", "limit", id="a quota of the key"
        ),
        pytest.param(413, b"", "return", "413", None, "client", id="413 plain"),
        pytest.param(429, error(code="insufficient_quota"), "next", "no_credit", "key", "key", id="no credit as 429"),
        pytest.param(
            400,
            error(message="Your credit balance is too low"),
            "next",
            "no_credit",
            "key",
            "key",
            id="no credit as 400",
        ),
        pytest.param(402, b"", "next", "402", "key", "key", id="payment required"),
        pytest.param(401, b"", "next", "401", "key", "key", id="unauthorised"),
        pytest.param(
            400,
            error(details=[{"reason": "API_KEY_INVALID"}, 5]),
            "next",
            "bad_key",
            "key",
            "key",
            id="Google's invalid key",
        ),
        pytest.param(403, b"", "next", "403", "key", "key", id="forbidden"),
        pytest.param(
            403, error(metadata={"reasons": ["violence"]}), "return", "moderation", None, "client", id="moderation"
        ),
        pytest.param(404, b"", "next", "404", "model", "failed", id="no such model"),
        pytest.param(408, b"", "next", "408", None, "slow", id="their timeout"),
        pytest.param(409, b"", "next", "409", None, "failed", id="conflict"),
        pytest.param(425, b"", "next", "425", None, "failed", id="too early"),
        pytest.param(
            400, error(message="maximum context length is 8192"), "next", "context", None, "client", id="too long"
        ),
        pytest.param(400, error(code="unsupported_parameter"), "next", "unsupported", None, "failed", id="parameter"),
        pytest.param(
            400, error(param="stream_options"), "retry_plain", "stream_options", None, "failed", id="stream_options"
        ),
        pytest.param(400, b"", "return", "400", None, "client", id="bad request"),
        pytest.param(422, b"<html>", "return", "422", None, "client", id="other 4xx"),
        pytest.param(500, b"", "next", "500", "model", "failed", id="server error"),
        pytest.param(529, b"", "next", "529", "model", "failed", id="overloaded"),
        pytest.param(307, b"", "next", "redirect", "model", "failed", id="redirect"),
    ],
)
def test_error_statuses(status: int, body: bytes, kind: str, cause: str, rests: str | None, faulty: str) -> None:
    """What the body says decides before the status; nothing is charged."""
    verdict = judge_error(status, {}, body, NOW)
    assert (verdict.kind, verdict.cause, verdict.faulty) == (kind, cause, faulty)
    assert (verdict.rest.kind if verdict.rest else None) == rests
    assert verdict.charge == "refused"
    assert verdict.larger_context == (cause == "context")


def test_a_hint_is_the_length_of_the_rest() -> None:
    """And stands in the reason."""
    verdict = judge_error(429, {"retry-after": "60"}, b"", NOW)
    assert verdict.rest is not None
    assert (verdict.rest.wait_s, verdict.text) == (60.0, "429 from upstream, retry in 60 s")
    assert verdict.hint is not None
    assert verdict.hint.wait_s == 60.0


def test_what_sort_of_provider_it_is_dates_a_day() -> None:
    """Google's days end at the Pacific, 8 h after everybody else's; also for an error that came with 200."""
    body = error(message="requests per day", code=429)
    for provider_type, wait_s in (("openai", 30.0), ("gemini", 28_830.0)):
        verdicts = [
            judge_error(429, {}, body, NOW, provider_type),
            judge_body(200, {}, body, NOW, provider_type),
            judge_opening(Opening("error", body), 200, {}, NOW, provider_type),
        ]
        assert [verdict.rest and verdict.rest.wait_s for verdict in verdicts] == [wait_s] * 3


@pytest.mark.parametrize(
    ("body", "kind", "cause"),
    [
        pytest.param(b'{"choices": [{"message": {"content": "hi"}}]}', "answer", "ok", id="answer"),
        pytest.param(b" <html>", "next", "html", id="HTML"),
        pytest.param(b" \n", "next", "empty", id="nothing"),
        pytest.param(b'{"choices"', "next", "not_json", id="truncated"),
        pytest.param(b"[" * 5000, "next", "not_json", id="nested without end"),
        pytest.param(b'"text"', "next", "not_json", id="no object"),
        pytest.param(b'{"choices": []}', "next", "empty", id="empty"),
        pytest.param(error(message="m"), "next", "502", id="error without a status"),
        pytest.param(error(code=True), "next", "502", id="error with a code that is none"),
        pytest.param(error(code="429"), "next", "429", id="error with a code as text"),
        pytest.param(error(type="overloaded_error"), "next", "529", id="error by its type"),
        pytest.param(b"[" + error(code=503) + b"]", "next", "503", id="error in a list"),
        pytest.param(error(code=400), "next", "error_in_200", id="the client's fault under 200"),
    ],
)
def test_whole_answers_with_a_status_of_success(body: bytes, kind: str, cause: str) -> None:
    """A success that is none sends the request on."""
    verdict = judge_body(200, {}, body, NOW)
    assert (verdict.kind, verdict.cause) == (kind, cause)


@pytest.mark.parametrize(
    ("opening", "kind", "cause"),
    [
        (Opening("content"), "answer", "ok"),
        (Opening("error", error(code=503)), "next", "503"),
        (Opening("empty"), "next", "empty"),
        (Opening("foreign", b"{}"), "next", "not_a_stream"),
    ],
)
def test_beginnings_of_streams(opening: Opening, kind: str, cause: str) -> None:
    """Until the first content, another target can still answer."""
    verdict = judge_opening(opening, 200, {}, NOW)
    assert (verdict.kind, verdict.cause) == (kind, cause)


@pytest.mark.parametrize(
    ("kind", "sent", "cause", "rests", "faulty"),
    [
        ("dns", False, "dns", "provider", "failed"),
        ("connect", False, "connect", "provider", "failed"),
        ("tls", False, "tls", "provider", "failed"),
        ("timeout_connect", False, "timeout", "provider", "slow"),
        ("timeout_idle", True, "timeout", "model", "slow"),
        ("timeout_first_byte", True, "timeout", "model", "slow"),
        ("reset", True, "reset", "model", "failed"),
        ("protocol", True, "protocol", "model", "failed"),
        ("too_large", True, "too_large", "model", "failed"),
    ],
)
def test_failures_on_the_wire(kind: str, sent: bool, cause: str, rests: str, faulty: str) -> None:
    """What never left is not charged; what was sent and not answered is."""
    verdict = judge_failure(UpstreamError(kind, "text", sent=sent))
    assert verdict.rest is not None
    assert (verdict.cause, verdict.rest.kind, verdict.faulty) == (cause, rests, faulty)
    assert verdict.charge == ("silent" if sent else "unsent")
