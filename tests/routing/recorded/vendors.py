"""Google, Anthropic and OpenRouter: everyone in their own way."""

import orjson

from .shapes import TO_MIDNIGHT_S, TO_PACIFIC_MIDNIGHT_S, Says, Shape, error, google

_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
_INPUT = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. \n* Quota exceeded for metric:"
    " generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: "
)
_ANTHROPIC = (
    "This request would exceed the rate limit for your organization (0dc-x) of 20,000 input tokens per minute. Please"
    " reduce the prompt length or the maximum tokens requested, or try again later."
)


def _openrouter(message: str, **metadata: object) -> bytes:
    return orjson.dumps({"error": {"message": message, "code": 429, "metadata": metadata}, "user_id": "user_x"})


_RESET = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1770768000000"}

SHAPES = (
    Shape(
        "Gemini, a minute, with its delay",
        Says("requests", "minute", "model_key", 26.660853464, "likely", (5, None)),
        google(f"{_QUOTA}5\nPlease retry in 26.660853464s.", {_MINUTE: "5"}, "26.660853464s"),
    ),
    Shape(
        "Gemini, a minute without a delay",
        Says("requests", "minute", "model_key", 60, "guess", (5, None)),
        google("", {_MINUTE: "5"}),
    ),
    Shape(
        "Gemini, a day: its short delay is not meant",
        Says("requests", "day", "model_key", TO_PACIFIC_MIDNIGHT_S, "certain", (20, None)),
        google(f"{_QUOTA}20, model: gemini-3.6-flash\nPlease retry in 36.429760048s.", {_DAY: "20"}, "36s"),
    ),
    Shape(
        "Gemini, a day with its own end",
        Says("requests", "day", "model_key", 21_600, "certain", (20, None)),
        google("", {_DAY: "20"}, "21600s"),
    ),
    Shape(
        "Gemini, a day beside a minute",
        Says("requests", "day", "model_key", TO_PACIFIC_MIDNIGHT_S, "certain", (20, None)),
        google("", {_MINUTE: "5", _DAY: "20"}, "12s"),
    ),
    Shape(
        "Gemini, input tokens",
        Says("input_tokens", "minute", "model_key", 14, "likely", (250_000, None)),
        google("", {_INPUT: "250000"}, "14s"),
    ),
    Shape(
        "Gemini, all models of a project",
        Says("requests", "minute", "key", 8, "likely", (60, None)),
        google("", {"GenerateRequestsPerMinutePerProject": "60"}, "8s"),
    ),
    Shape(
        "Gemini, nothing at all of this model",
        Says("requests", "minute", "model_key", TO_PACIFIC_MIDNIGHT_S, "certain", (0, None)),
        google(f"{_QUOTA}0\nPlease retry in 12s.", {_MINUTE: ""}, "12s"),
    ),
    Shape(
        "Gemini, an id that names no window",
        Says("tokens", "unknown", "unknown", 3, "likely"),
        google("", {"TokensForEveryone": "many"}, "3s"),
    ),
    Shape(
        "Gemini, only words",
        Says("unknown", "unknown", "unknown", 26.66, "likely"),
        google("You exceeded your current quota. Please retry in 26.66s."),
        type="gemini",
    ),
    Shape(
        "Gemini, a daily quota in words",
        Says("requests", "day", "unknown", TO_PACIFIC_MIDNIGHT_S, "certain"),
        google("Requests quota of the free tier is used up: requests per day."),
        type="gemini",
    ),
    Shape(
        "Vertex, nothing to go by",
        Says("unknown", "unknown", "unknown", None, "guess"),
        google("Resource exhausted. Please try again later."),
    ),
    Shape(
        "Code Assist, the model is full",
        Says("unknown", "unknown", "model", 9, "likely"),
        google("No capacity available", delay="9s", reason="MODEL_CAPACITY_EXHAUSTED"),
    ),
    Shape(
        "Code Assist, the day is spent",
        Says("unknown", "day", "model_key", 40_000, "certain"),
        google("You have exhausted your capacity on this model.", delay="40000s", reason="QUOTA_EXHAUSTED"),
    ),
    Shape(
        "Code Assist, an error written into a message",
        Says("requests", "minute", "model_key", 7, "likely", (10, None)),
        error(google("", {_MINUTE: "10"}, "7s").decode(), code=429, status="Too Many Requests"),
    ),
    Shape(
        "Anthropic, words and Retry-After",
        Says("input_tokens", "minute", "unknown", 41, "likely", (20_000, None)),
        error(_ANTHROPIC, type="rate_limit_error"),
        {"retry-after": "41"},
        type="anthropic",
    ),
    Shape(
        "Anthropic, the newer words name the model",
        Says("input_tokens", "minute", "model_key", 60, "guess", (30_000, None)),
        error(
            "This request would exceed your organization's rate limit of 30,000 input tokens per minute (org: 9d5-x,"
            " model: claude-sonnet-4-6)."
        ),
        type="anthropic",
    ),
    Shape(
        "Anthropic, output tokens",
        Says("output_tokens", "minute", "unknown", 60, "guess", (8000, None)),
        error("This request would exceed the rate limit for your organization of 8,000 output tokens per minute."),
        type="anthropic",
    ),
    Shape(
        "Anthropic, headers with dates",
        Says("requests", "unknown", "unknown", 90, "guess", (5, 0)),
        error("Number of requests has exceeded your rate limit", type="rate_limit_error"),
        {
            "anthropic-ratelimit-requests-limit": "5",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": "2026-02-10T18:01:30Z",
            "anthropic-ratelimit-input-tokens-limit": "25000",
            "anthropic-ratelimit-input-tokens-remaining": "16000",
            "anthropic-ratelimit-input-tokens-reset": "2026-02-10T18:00:20Z",
        },
        type="anthropic",
    ),
    Shape(
        "Anthropic subscription, five hours: an hour is believed",
        Says("unknown", "5h", "key", 3600, "likely"),
        headers={
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-5h-status": "rejected",
            "anthropic-ratelimit-unified-5h-reset": "1770759662",
            "anthropic-ratelimit-unified-5h-utilization": "1.08",
            "anthropic-ratelimit-unified-7d-status": "allowed",
            "retry-after": "13262",
        },
        type="anthropic",
    ),
    Shape(
        "Anthropic subscription, a week",
        Says("unknown", "7d", "key", 200_000, "certain"),
        headers={
            "anthropic-ratelimit-unified-7d-status": "rejected",
            "anthropic-ratelimit-unified-7d-reset": "1770946400",
            "retry-after": "199000",
        },
        type="anthropic",
    ),
    Shape(
        "Anthropic subscription, no reset",
        Says("unknown", "7d", "key", None, "certain"),
        headers={"anthropic-ratelimit-unified-7d-status": "rejected"},
        type="anthropic",
    ),
    Shape(
        "Claude Code's text",
        Says("unknown", "unknown", "key", 600, "likely"),
        error("Claude AI usage limit reached|1770747000"),
        type="anthropic",
    ),
    Shape(
        "Anthropic, overloaded",
        Says("unknown", "unknown", "unknown", None, "guess"),
        error("Overloaded", type="overloaded_error"),
        status=529,
        type="anthropic",
    ),
    Shape(
        "OpenRouter, free models of a day, headers in the body",
        Says("requests", "day", "model_key", TO_MIDNIGHT_S, "certain", (50, 0)),
        _openrouter(
            "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
            headers=_RESET,
            provider_name=None,
        ),
        type="openrouter",
    ),
    Shape(
        "OpenRouter, free models of a day, text only",
        Says("requests", "day", "model_key", TO_MIDNIGHT_S, "certain"),
        error("Rate limit exceeded: free-models-per-day-high-balance. ", type="rate_limit_error", code="429"),
        type="openrouter",
    ),
    Shape(
        "OpenRouter, free models of a minute",
        Says("requests", "minute", "model_key", 45, "guess", (20, 0)),
        _openrouter(
            "Rate limit exceeded: free-models-per-min. Add 10 credits to unlock 1000 free model requests per day",
            headers={**_RESET, "X-RateLimit-Limit": "20", "X-RateLimit-Reset": "1770746445000"},
        ),
        type="openrouter",
    ),
    Shape(
        "OpenRouter, its upstream is at a limit",
        Says("unknown", "unknown", "model", None, "guess"),
        _openrouter(
            "Provider returned error",
            raw="deepseek/deepseek-chat-v3-0324:free is temporarily rate-limited upstream. Please retry shortly",
            provider_name="Chutes",
        ),
        type="openrouter",
    ),
    Shape(
        "OpenRouter, its upstream's own body",
        Says("requests", "minute", "model_key", 17, "likely", (15, None)),
        _openrouter("Provider returned error", raw=google("", {_MINUTE: "15"}, "17s").decode(), provider_name="Google"),
        type="openrouter",
    ),
    Shape(
        "OpenRouter, seconds in the metadata",
        Says("unknown", "unknown", "unknown", 4.5, "likely"),
        _openrouter("Provider returned error", retry_after_seconds=4.5),
        type="openrouter",
    ),
)
