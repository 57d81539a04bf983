"""What a recorded refusal is, and the moment at which all of them came."""

from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import Struct

from gateway.clock import Moment

NOW = Moment(1_770_746_400.0, 50.0)
"""2026-02-10 18:00 UTC, 10:00 at the Pacific."""
TO_MIDNIGHT_S = 21_600.0
TO_PACIFIC_MIDNIGHT_S = 50_400.0
TO_NEXT_MONTH_S = 1_576_800.0


class Says(Struct, frozen=True):
    """The hint it must be read as."""

    unit: str
    window: str
    scope: str
    wait_s: float | None
    sure: str
    numbers: tuple[int | None, int | None] | None = None
    """Limit and remaining of the first report."""


class Shape(Struct, frozen=True):
    """One refusal."""

    name: str
    says: Says
    body: bytes = b""
    headers: Mapping[str, str] = {}
    status: int = 429
    type: str = "openai"


def error(message: str = "", **members: Any) -> bytes:
    """An error in OpenAI's envelope."""
    return orjson.dumps({"error": {"message": message, **members}})


def bare(message: str, **members: Any) -> bytes:
    """An error without an envelope."""
    return orjson.dumps({"object": "error", "message": message, **members})


def google(message: str = "", quotas: Mapping[str, str] | None = None, delay: str = "", reason: str = "") -> bytes:
    """Google's, as its OpenAI-compatible endpoint wraps it: in a list. `quotas` are ids and values."""
    details: list[Any] = []
    if quotas:
        violations = [{"quotaId": name, "quotaValue": value} for name, value in quotas.items()]
        details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations})
    if reason:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason})
    if delay:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    inner = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}
    return orjson.dumps([{"error": inner}])
