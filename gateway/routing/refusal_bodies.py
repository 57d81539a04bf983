"""What a refusal's body holds, whoever wrote it: the error object, errors wrapped in it, Google's details."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

_MOST_TEXT = 4000
"""Characters of one text that are looked at."""


class Violation(Struct, frozen=True):
    """A quota that Google names (`google.rpc.QuotaFailure`)."""

    quota_id: str
    """`GenerateRequestsPerDayPerProjectPerModel-FreeTier`."""
    amount: int | None


class Details(Struct, frozen=True):
    """What Google's `details` say of a quota."""

    delay: str = ""
    """`RetryInfo.retryDelay`: `26.660853464s`."""
    violations: tuple[Violation, ...] = ()
    reasons: tuple[str, ...] = ()
    """`ErrorInfo.reason`."""


def error_of(body: bytes | str) -> dict[str, Any]:
    """The error object in a body, also wrapped in a list or in `errors`; empty if there is none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return {}
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return {}
    inner = found.get("error", found)
    if isinstance(inner, str):
        return {"message": inner}
    if not isinstance(inner, dict):
        return found
    several = inner.get("errors")  # Cloudflare: {"success": false, "errors": [{"code", "message"}]}
    if "message" not in inner and isinstance(several, list) and several and isinstance(several[0], dict):
        return several[0]
    return inner


def errors_of(body: bytes) -> list[dict[str, Any]]:
    """The error, then those that others put inside: OpenRouter's `metadata.raw`, JSON written into a message."""
    found = [error_of(body)]
    while len(found) < 4:
        metadata = found[-1].get("metadata")
        inside = metadata.get("raw") if isinstance(metadata, dict) else None
        text = inside if isinstance(inside, str) else message_of(found[-1])
        inner = error_of(text)
        if not inner and isinstance(inside, str):
            inner = {"message": inside}
        if not inner:
            break
        found.append(inner)
    return found


def message_of(error: Mapping[str, Any]) -> str:
    """Its text for people; empty without one."""
    for member in ("message", "detail"):
        if isinstance(text := error.get(member), str):
            return text[:_MOST_TEXT]
    return ""


def words_of(error: Mapping[str, Any]) -> str:
    """The members that may name a quota, one a line."""
    named = (message_of(error), error.get("type"), error.get("code"), error.get("param"))
    return "\n".join(each[:_MOST_TEXT] for each in named if isinstance(each, str))


def metadata_of(error: Mapping[str, Any]) -> dict[str, Any]:
    """OpenRouter's `metadata`; empty without one."""
    metadata = error.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def headers_inside(error: Mapping[str, Any]) -> dict[str, str]:
    """The headers that OpenRouter repeats in `metadata.headers`, names in lower case."""
    headers = metadata_of(error).get("headers")
    return {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}


def details_of(error: Mapping[str, Any]) -> Details:
    """Google's `details`; empty ones without."""
    delay = ""
    violations: list[Violation] = []
    reasons: list[str] = []
    for detail in _maps(error.get("details")):
        if isinstance(found := detail.get("retryDelay"), str):
            delay = found
        if isinstance(reason := detail.get("reason"), str):
            reasons.append(reason)
        for violation in _maps(detail.get("violations")):
            amount = str(violation.get("quotaValue", ""))
            known = int(amount) if amount.isascii() and amount.isdigit() and len(amount) < 16 else None
            violations.append(Violation(str(violation.get("quotaId", "")), known))
    return Details(delay, tuple(violations), tuple(reasons))


def _maps(value: object) -> Iterator[dict[str, Any]]:
    """The maps in a list; none if it is no list."""
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())
