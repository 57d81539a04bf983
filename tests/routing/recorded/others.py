"""Everyone else who speaks OpenAI's dialect, and what nobody should say."""

import orjson

from .shapes import TO_MIDNIGHT_S, TO_NEXT_MONTH_S, Says, Shape, bare, error

_UNKNOWN = Says("unknown", "unknown", "unknown", None, "guess")
_TRIAL = (
    "You are using a Trial key, which is limited to {} API calls / {}. You can continue to use the Trial key for free"
)
_XAI = "for team e9f-x and model grok-4-0709. Your team's rate limit is — "

SHAPES = (
    Shape(
        "Mistral, requests, and headers that say which",
        Says("requests", "minute", "unknown", 60, "guess", (720, 0)),
        bare("Requests rate limit exceeded", type="rate_limited", code="1300"),
        {
            "x-ratelimit-limit-req-minute": "720",
            "x-ratelimit-remaining-req-minute": "0",
            "x-ratelimit-limit-tokens-minute": "5000000",
            "x-ratelimit-remaining-tokens-minute": "4999911",
            "x-ratelimit-tokens-query-cost": "52",
        },
    ),
    Shape(
        "Mistral, the older headers",
        Says("tokens", "minute", "unknown", 37, "guess", (500_000, 0)),
        bare("Rate limit exceeded", type="rate_limited", code="1300", raw_status_code=429),
        {
            "x-ratelimitbysize-limit-minute": "500000",
            "x-ratelimitbysize-remaining-minute": "0",
            "ratelimitbysize-reset": "37",
        },
    ),
    Shape(
        "Mistral, the model is full",
        Says("unknown", "unknown", "model", None, "guess"),
        bare("Service tier capacity exceeded for this model.", type="invalid_request_error"),
    ),
    Shape(
        "Cerebras, tokens a minute",
        Says("tokens", "minute", "unknown", 60, "guess"),
        bare("Tokens per minute limit exceeded - too many tokens processed.", type="too_many_tokens_error"),
    ),
    Shape(
        "Cerebras, requests a minute",
        Says("requests", "minute", "unknown", 60, "guess"),
        bare("Requests per minute limit exceeded - too many requests sent.", code="request_quota_exceeded"),
    ),
    Shape(
        "Cerebras, the day by its headers",
        Says("requests", "day", "unknown", 33_011.382867, "certain", (14_400, 0)),
        bare("Request quota exceeded.", code="request_quota_exceeded"),
        {
            "x-ratelimit-limit-requests-day": "14400",
            "x-ratelimit-limit-tokens-minute": "60000",
            "x-ratelimit-remaining-requests-day": "0",
            "x-ratelimit-remaining-tokens-minute": "59000",
            "x-ratelimit-reset-requests-day": "33011.382867",
            "x-ratelimit-reset-tokens-minute": "11.38",
        },
    ),
    Shape(
        "Cerebras, tokens by its code",
        Says("tokens", "unknown", "unknown", None, "guess"),
        bare("Wait a moment.", code="token_quota_exceeded"),
    ),
    Shape(
        "Cohere, a minute",
        Says("requests", "minute", "key", 60, "guess", (20, None)),
        bare(_TRIAL.format(20, "minute")),
        {"x-endpoint-monthly-call-limit": "1000", "x-trial-endpoint-call-limit": "20"},
    ),
    Shape(
        "Cohere, a month",
        Says("requests", "month", "key", TO_NEXT_MONTH_S, "certain", (1000, None)),
        bare(_TRIAL.format("1000", "month")),
    ),
    Shape(
        "Together, a model's own limit",
        Says("requests", "minute", "model_key", 60, "guess", (9, None)),
        error(
            "You have reached the rate limit specific to this model org/model. The maximum rate limit for this model is"
            " 9.0 queries per minute. This limit differs from the general rate limits"
        ),
    ),
    Shape(
        "Together, headers without a unit",
        Says("requests", "unknown", "unknown", 12, "guess", (60, 0)),
        headers={
            "x-ratelimit-limit": "60",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": "12",
            "x-tokenlimit-limit": "100000",
            "x-tokenlimit-remaining": "90000",
        },
    ),
    Shape(
        "xAI, tokens a minute",
        Says("tokens", "minute", "model_key", 60, "guess", (16_000, 0)),
        error(f"Too many tokens {_XAI}Tokens per Minute (actual/limit): 65605/16000. You can view your limits"),
    ),
    Shape(
        "xAI, the one of two that is full",
        Says("requests", "second", "model_key", 1, "guess", (1, 0)),
        error(
            f"Too many requests {_XAI}Requests per Minute (actual/limit): 10/480,"
            " Requests per Second (actual/limit): 1/1"
        ),
    ),
    Shape(
        "SambaNova, epoch seconds",
        Says("requests", "day", "unknown", 30_000, "certain", (400, 0)),
        headers={
            "x-ratelimit-limit-requests-day": "400",
            "x-ratelimit-remaining-requests-day": "0",
            "x-ratelimit-reset-requests-day": "1770776400",
            "x-ratelimit-remaining-requests": "18",
        },
    ),
    Shape(
        "Fireworks, prompt tokens",
        Says("input_tokens", "unknown", "unknown", None, "guess", (60_000, 0)),
        headers={
            "x-ratelimit-limit-tokens-prompt": "60000",
            "x-ratelimit-remaining-tokens-prompt": "0",
            "x-ratelimit-limit-tokens-generated": "6000",
            "x-ratelimit-over-limit": "yes",
        },
    ),
    Shape(
        "Cloudflare, neurons of the day",
        Says("unknown", "day", "key", TO_MIDNIGHT_S, "certain"),
        orjson.dumps(
            {
                "success": False,
                "errors": [{"code": 3036, "message": "you have used up your daily free allocation of 10,000 neurons"}],
            }
        ),
    ),
    Shape(
        "Cloudflare, out of capacity",
        Says("unknown", "unknown", "model", None, "guess"),
        orjson.dumps({"errors": [{"code": 3040, "message": "Capacity temporarily exceeded, please try again."}]}),
    ),
    Shape(
        "Cloudflare in front of somebody",
        Says("unknown", "unknown", "provider", 30, "likely"),
        b"<!DOCTYPE html><title>Access denied</title><h1>Error 1015</h1><p>You are being rate limited</p>",
        {"retry-after": "30"},
    ),
    Shape(
        "Moonshot, requests a minute",
        Says("requests", "minute", "unknown", 1, "likely", (3, None)),
        error("Your account reached max RPM: 3, please try again after 1 seconds", type="rate_limit_reached_error"),
    ),
    Shape(
        "Qianfan, a bare abbreviation",
        Says("requests", "minute", "unknown", 60, "guess"),
        error("Rate limit reached for RPM", code="rpm_rate_limit_exceeded", type="rate_limit_exceeded"),
    ),
    Shape(
        "abbreviations of both sides",
        Says("unknown", "minute", "unknown", 60, "guess"),
        error("ITPM or OTPM exceeded"),
    ),
    Shape("an hour", Says("unknown", "hour", "unknown", 3600, "guess"), error("Hourly quota reached.")),
    Shape(
        "two windows, and none of them said to be full",
        Says("requests", "unknown", "unknown", None, "guess"),
        error("The free tier allows 20 requests per minute and 50 requests per day."),
    ),
    Shape("no words at all", _UNKNOWN),
    Shape("seconds", Says("unknown", "unknown", "unknown", 20, "likely"), headers={"retry-after": "20"}),
    Shape("a fraction", Says("unknown", "unknown", "unknown", 0.5, "likely"), headers={"retry-after": "0.5"}),
    Shape(
        "a date",
        Says("unknown", "unknown", "unknown", 20, "likely"),
        headers={"retry-after": "Tue, 10 Feb 2026 18:00:20 GMT"},
    ),
    Shape(
        "a date that is past",
        Says("unknown", "unknown", "unknown", None, "guess"),
        headers={"retry-after": "Tue, 10 Feb 2015 18:00:20 GMT"},
    ),
    Shape("an absurd wait", Says("unknown", "unknown", "unknown", 3600, "likely"), headers={"retry-after": "99999999"}),
    Shape(
        "an absurd wait for a day",
        Says("requests", "day", "unknown", 32 * 86400, "certain"),
        error("requests per day"),
        {"retry-after": "99999999"},
    ),
    Shape("a negative wait", _UNKNOWN, headers={"retry-after": "-5"}),
    Shape("no number", _UNKNOWN, headers={"retry-after": "soon"}),
    Shape("without end", _UNKNOWN, headers={"retry-after": "inf"}),
    Shape(
        "long units",
        Says("unknown", "unknown", "unknown", 150, "likely"),
        error("Please retry after 2 minutes and 30 seconds"),
    ),
    Shape("no unit", Says("unknown", "unknown", "unknown", 20, "likely"), error("retry after 20")),
    Shape(
        "an instant in words",
        Says("unknown", "unknown", "unknown", 30, "likely"),
        error("Try again at 2026-02-10T18:00:30Z."),
    ),
    Shape("a string for an error", Says("unknown", "unknown", "unknown", 5, "likely"), b'{"error": "try again in 5s"}'),
    Shape(
        "FastAPI's detail",
        Says("requests", "minute", "unknown", 60, "guess"),
        b'{"detail": "Limit: 10 requests per minute"}',
    ),
    Shape("wrong types", _UNKNOWN, error(5, details=7, metadata="x", code=[1])),  # type: ignore[arg-type]  # garbage
    Shape(
        "a broken server that names a day",
        Says("unknown", "unknown", "unknown", 10, "likely"),
        error("requests per day"),
        {"retry-after": "10"},
        status=503,
    ),
    Shape(
        "used up, and nothing says until when",
        Says("requests", "unknown", "unknown", None, "guess", (None, 0)),
        headers={"x-ratelimit-remaining-requests": "0"},
    ),
)
