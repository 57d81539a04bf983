"""Failures in the shape that clients of each dialect read: OpenAI's envelope, whole or as an event of a stream."""

from math import ceil, isfinite
from typing import Any

import orjson

from gateway.errors import ExhaustedError, GatewayError


def body(error: GatewayError) -> bytes:
    """`{"error": {"message", "type", "param", "code"}}`; `retry_after_seconds` where it is known."""
    inside: dict[str, Any] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if isinstance(error, ExhaustedError) and isfinite(error.retry_after_s):
        # Up: a client that returns a moment too soon is refused again. But float dust is no moment.
        inside["retry_after_seconds"] = ceil(round(error.retry_after_s * 1000, 3)) / 1000
    return orjson.dumps({"error": inside})


def event(error: GatewayError) -> bytes:
    """The last event of a stream that broke. No `[DONE]` and no finish reason may follow it."""
    return b"data: " + body(error) + b"\n\n"
