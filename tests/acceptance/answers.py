"""Answers as providers write them, with every member that the `openai` package reads."""

from collections.abc import Mapping
from typing import Any

import orjson

from tests import fakes

Whole = tuple[int, Mapping[str, str], list[bytes | BaseException]]
"""A step that is an answer."""


def completion(message: dict[str, Any], finish_reason: str = "stop") -> Whole:
    """A whole answer as providers write it."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    }
    return 200, {"content-type": "application/json"}, [orjson.dumps(body)]


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    """One event of a stream as providers write it."""
    return fakes.event(
        id="chatcmpl-1",
        object="chat.completion.chunk",
        created=1767225600,
        model="m",
        choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    )
