"""The phrases by which vendors say why, where that is clearer than the status. All are looked for in lower case."""

from collections.abc import Mapping
from typing import Any

from .refusal_bodies import details_of, metadata_of

TOO_LONG = (
    "context_length_exceeded",
    "maximum context length",
    "exceeds the maximum number of tokens allowed",
    "prompt is too long",
    "longer than the model's maximum",
    "input is too long",
    "context window",
    "reduce the length of the messages",
)
"""How vendors say that a prompt does not fit (litellm's list, and Anthropic's and Google's own words)."""
BAD_KEY = ("api_key_invalid", "invalid_api_key", "invalid api key", "api key not valid", "incorrect api key")
UNSUPPORTED = ("unsupported_parameter", "unsupported_value", "unknown_parameter")
_NO_CREDIT = (
    "insufficient_quota",
    "credit balance is too low",
    "insufficient credits",
    "insufficient balance",
    "payment_required",
    "billing_hard_limit",
    "billing_not_active",
    "insufficient_g1_credits",
    "used all available credits",
)
_NO_CREDIT_OR_QUOTA = "exceeded your current quota, please check your plan and billing"
"""OpenAI means money. Google says the same of every quota, even of a minute's, and adds one of `_A_QUOTA`."""
_A_QUOTA = ("resource_exhausted", "quota exceeded for metric", "retry in")
_MODERATED = ("moderation", "content_policy", "content policy", "content_filter", "flagged_input", "guardrail")


def phrases_of(error: Mapping[str, Any]) -> str:
    """Everything in an error that names the reason, in lower case."""
    named = [error.get(member) for member in ("message", "code", "type", "param", "status", "reason", "detail")]
    texts = [each[:4000] for each in named if isinstance(each, str)]
    return " ".join((*texts, *details_of(error).reasons)).lower()


def has_any(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether one of the phrases is in the text."""
    return any(phrase in text for phrase in phrases)


def says_no_credit(text: str) -> bool:
    """Whether it is about money, which does not come back by waiting."""
    return has_any(text, _NO_CREDIT) or (_NO_CREDIT_OR_QUOTA in text and not has_any(text, _A_QUOTA))


def says_moderated(error: Mapping[str, Any], text: str) -> bool:
    """Whether the content was refused, by its words or by OpenRouter's `metadata` (wire facts, 5.3)."""
    metadata = metadata_of(error)
    return bool(metadata.get("reasons") or metadata.get("flagged_input")) or has_any(text, _MODERATED)
