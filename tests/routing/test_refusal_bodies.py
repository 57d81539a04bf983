"""Where the error is in a body."""

from typing import Any

import orjson
import pytest

from gateway.routing.refusal_bodies import (
    Details,
    Violation,
    details_of,
    error_of,
    errors_of,
    headers_inside,
    message_of,
    metadata_of,
    words_of,
)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", {}),
        (b"", {}),
        (b"[1]", {}),
        (b"[]", {}),
        (b"[" * 5000, {}),
        (b'{"a": "\xff"}', {}),
        (b'{"error": "no"}', {"message": "no"}),
        (b'{"error": 5, "x": 1}', {"error": 5, "x": 1}),
        (b'{"message": "m"}', {"message": "m"}),
        (b'[{"error": {"code": 1}}]', {"code": 1}),
        (b'{"errors": [{"code": 3036}]}', {"code": 3036}),
        (b'{"errors": [], "x": 1}', {"errors": [], "x": 1}),
        (b'{"errors": [1]}', {"errors": [1]}),
        (b'{"errors": 1}', {"errors": 1}),
        (b'{"message": "m", "errors": [{"code": 1}]}', {"message": "m", "errors": [{"code": 1}]}),
    ],
)
def test_the_error_in_a_body(body: bytes, error: dict[str, Any]) -> None:
    """Wrapped, bare, as a string or in a list; what is no error is an empty one."""
    assert error_of(body) == error


def test_errors_inside_errors() -> None:
    """A message that is JSON, an upstream's own body, or its plain words."""
    inner = {"error": {"code": 429, "message": "slow"}}
    packed = {"error": {"message": orjson.dumps(inner).decode()}}
    assert errors_of(orjson.dumps(packed))[1:] == [inner["error"]]
    raw = {"error": {"message": "Provider returned error", "metadata": {"raw": orjson.dumps(packed).decode()}}}
    assert errors_of(orjson.dumps(raw))[1:] == [packed["error"], inner["error"]]
    words = {"error": {"message": "m", "metadata": {"raw": "wait"}}}
    assert errors_of(orjson.dumps(words))[1:] == [{"message": "wait"}]
    assert errors_of(b"<html>") == [{}]


def test_errors_inside_errors_end() -> None:
    """Four deep is enough."""
    body = b'{"message": "m"}'
    for _ in range(9):
        body = orjson.dumps({"message": body.decode()})
    assert len(errors_of(body)) == 4


def test_what_is_said() -> None:
    """The message and its neighbours, as far as they are text."""
    assert message_of({"detail": "d", "message": 5}) == "d"
    assert message_of({}) == ""
    assert words_of({"message": "m", "type": "t", "code": 5, "param": None}) == "m\nt"
    assert metadata_of({"metadata": 5}) == {}
    assert headers_inside({"metadata": {"headers": {"Retry-After": 9}}}) == {"retry-after": "9"}
    assert headers_inside({"metadata": {"headers": [1]}}) == {}


def test_googles_details() -> None:
    """Delay, violated quotas and reasons; noise is passed over."""
    details = [
        5,
        {"violations": [5, {"quotaId": "A", "quotaValue": "20"}, {"quotaId": "B", "quotaValue": "many"}, {}]},
        {"violations": 5, "reason": "R"},
        {"retryDelay": "26s"},
        {"retryDelay": 26, "reason": 5},
    ]
    violations = (Violation("A", 20), Violation("B", None), Violation("", None))
    assert details_of({"details": details}) == Details("26s", violations, ("R",))
    assert details_of({"details": "none"}) == Details()
    assert details_of({"details": [{"violations": [{"quotaValue": "9" * 5000}]}]}).violations[0].amount is None
