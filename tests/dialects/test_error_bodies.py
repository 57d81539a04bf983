"""Rules of gateway/dialects/error_bodies.py."""

import math

import orjson
import pytest

from gateway.dialects import error_bodies
from gateway.errors import BadRequestError, ExhaustedError, GatewayError, UnknownModelError, UpstreamFailedError


@pytest.mark.parametrize(
    ("error", "inside"),
    [
        pytest.param(
            UnknownModelError("No such model."),
            {"message": "No such model.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"},
            id="unknown model",
        ),
        pytest.param(
            BadRequestError("Not JSON."),
            {"message": "Not JSON.", "type": "invalid_request_error", "param": None, "code": None},
            id="bad request",
        ),
        pytest.param(
            ExhaustedError("Full.", retry_after_s=12.34561),
            {
                "message": "Full.",
                "type": "rate_limit_error",
                "param": None,
                "code": "rate_limit_exceeded",
                "retry_after_seconds": 12.346,
            },
            id="full for a while, rounded up",
        ),
        pytest.param(
            ExhaustedError("Full.", retry_after_s=30.000_000_24),
            {
                "message": "Full.",
                "type": "rate_limit_error",
                "param": None,
                "code": "rate_limit_exceeded",
                "retry_after_seconds": 30.0,
            },
            id="what a float makes of half a minute",
        ),
        pytest.param(
            ExhaustedError("Full.", retry_after_s=math.inf, quota=True),
            {"message": "Full.", "type": "insufficient_quota", "param": None, "code": "insufficient_quota"},
            id="full for ever",
        ),
    ],
)
def test_envelope(error: GatewayError, inside: object) -> None:
    """OpenAI's: the SDK shows the message and makes the exception's fields of the rest."""
    assert orjson.loads(error_bodies.body(error)) == {"error": inside}


def test_event() -> None:
    """A data line that SDKs raise as an error, with its blank line, and no `[DONE]`."""
    event = error_bodies.event(UpstreamFailedError("It broke."))
    assert event == (
        b'data: {"error":{"message":"It broke.","type":"upstream_error","param":null,"code":"upstream_error"}}\n\n'
    )
