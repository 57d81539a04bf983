"""What vendors say, in which words."""

from typing import Any

import pytest

from gateway.routing.refusal_phrases import (
    BAD_KEY,
    TOO_LONG,
    UNSUPPORTED,
    has_any,
    phrases_of,
    says_moderated,
    says_no_credit,
)


def test_everything_that_names_the_reason() -> None:
    """Texts and Google's reasons, in lower case; the rest is left out."""
    error = {"message": "Bad", "code": 5, "status": "RESOURCE_EXHAUSTED", "details": [{"reason": "API_KEY_INVALID"}]}
    assert phrases_of(error) == "bad resource_exhausted api_key_invalid"


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("prompt is too long: 250000 tokens", TOO_LONG),
        ("incorrect api key provided: sk-x", BAD_KEY),
        ("code unsupported_value", UNSUPPORTED),
    ],
)
def test_phrases_are_found_anywhere(text: str, phrases: tuple[str, ...]) -> None:
    """In the middle of a sentence too."""
    assert has_any(text, phrases)
    assert not has_any("something else", phrases)


@pytest.mark.parametrize(
    ("text", "money"),
    [
        ("you exceeded your current quota, please check your plan and billing details. insufficient_quota", True),
        ("you exceeded your current quota, please check your plan and billing details.", True),
        ("you exceeded your current quota, please check your plan and billing details. resource_exhausted", False),
        ("you exceeded your current quota, please check your plan and billing. please retry in 36s.", False),
        ("your team has either used all available credits or reached its monthly spending limit", True),
        ("rate limit reached", False),
    ],
)
def test_a_quota_is_not_a_bill(text: str, money: bool) -> None:
    """Google sends OpenAI's sentence about plan and billing with every quota, which waiting does help."""
    assert says_no_credit(text) == money


@pytest.mark.parametrize(
    ("metadata", "text", "moderated"),
    [
        ({"reasons": ["violence"]}, "", True),
        ({"flagged_input": "x"}, "", True),
        ({}, "blocked by content policy", True),
        ({}, "no", False),
        (5, "no", False),
    ],
)
def test_moderation(metadata: Any, text: str, moderated: bool) -> None:
    """By OpenRouter's metadata or by words."""
    assert says_moderated({"metadata": metadata}, text) == moderated
