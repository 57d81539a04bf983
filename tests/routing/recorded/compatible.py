"""OpenAI, Azure, Groq, and GitHub Models: one family of texts and headers."""

from .shapes import TO_MIDNIGHT_S, Says, Shape, error

_OPENAI = "Rate limit reached for gpt-4o in organization org-x on"
_GROQ = "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_x` service tier `on_demand` on"
_AZURE = (
    "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-05-01-preview have exceeded"
)
_BY_DAY = "Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 57829 seconds before retrying."

SHAPES = (
    Shape(
        "OpenAI, requests a minute",
        Says("requests", "minute", "model_key", 20, "likely", (3, 0)),
        error(
            f"{_OPENAI} requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.", type="requests"
        ),
    ),
    Shape(
        "OpenAI, requests a day",
        Says("requests", "day", "model_key", 432, "certain", (200, 0)),
        error(f"{_OPENAI} requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s. Visit"),
    ),
    Shape(
        "OpenAI, tokens a minute, a fraction of a second",
        Says("tokens", "minute", "model_key", 0.644, "likely", (30_000, 63)),
        error(f"{_OPENAI} tokens per min (TPM): Limit 30000, Used 29937, Requested 385. Please try again in 644ms."),
    ),
    Shape(
        "OpenAI, larger than the whole limit",
        Says("tokens", "minute", "model_key", 60, "guess", (30_000, None)),
        error(
            "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 30601.",
            type="tokens",
            code="rate_limit_exceeded",
        ),
    ),
    Shape(
        "OpenAI, nothing at all of this model",
        Says("tokens", "minute", "model_key", TO_MIDNIGHT_S, "certain", (0, 0)),
        error(f"{_OPENAI} tokens per min (TPM): Limit 0, Used 0, Requested 700."),
    ),
    Shape(
        "OpenAI, the older text",
        Says("tokens", "minute", "model_key", 60, "guess", (90_000, 3501)),
        error(
            "Rate limit reached for default-gpt-3.5-turbo in organization org-x on tokens per min. Limit: 90000 / min."
            " Current: 86499 / min. Contact us"
        ),
    ),
    Shape(
        "OpenAI, headers only",
        Says("requests", "unknown", "unknown", 63, "guess", (500, 0)),
        headers={
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1m3s",
            "x-ratelimit-limit-tokens": "30000",
            "x-ratelimit-remaining-tokens": "29000",
            "x-ratelimit-reset-tokens": "6ms",
        },
    ),
    Shape(
        "OpenAI, both used up: the later reset",
        Says("unknown", "unknown", "unknown", 360, "guess"),
        headers={
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "6m0s",
        },
    ),
    Shape(
        "OpenAI, a project's own tokens",
        Says("tokens", "unknown", "unknown", 3, "guess", (60_000, 0)),
        headers={
            "x-ratelimit-limit-project-tokens": "60000",
            "x-ratelimit-remaining-project-tokens": "0",
            "x-ratelimit-reset-project-tokens": "3s",
        },
    ),
    Shape(
        "OpenAI, the type alone names the unit",
        Says("requests", "unknown", "unknown", None, "guess"),
        error("Slow down.", type="requests", code="rate_limit_exceeded"),
    ),
    Shape(
        "Azure, milliseconds", Says("unknown", "unknown", "unknown", 1.5, "likely"), headers={"retry-after-ms": "1500"}
    ),
    Shape(
        "Azure, milliseconds before seconds",
        Says("unknown", "unknown", "unknown", 1.5, "likely"),
        headers={"retry-after": "2", "retry-after-ms": " 1500 "},
    ),
    Shape(
        "Azure, tokens, a day that is none",
        Says("tokens", "unknown", "unknown", 3600, "likely"),
        error(f"{_AZURE} token rate limit of your current OpenAI S0 pricing tier. Please retry after 86400 seconds."),
    ),
    Shape(
        "Azure, another text",
        Says("unknown", "unknown", "unknown", 50, "likely"),
        error("Rate limit is exceeded. Try again in 50 seconds.", code="429"),
    ),
    Shape(
        "Azure, its own spelling of the reset",
        Says("tokens", "unknown", "unknown", 55, "guess", (None, 0)),
        headers={"x-rate-limit-reset-tokens": "55", "x-ratelimit-remaining-tokens": "0"},
    ),
    Shape(
        "Azure, negative numbers",
        Says("unknown", "unknown", "unknown", None, "guess"),
        headers={
            "x-ratelimit-limit-tokens": "-1",
            "x-ratelimit-remaining-tokens": "-1",
            "x-ratelimit-reset-tokens": "0",
        },
    ),
    Shape(
        "Groq, tokens a day",
        Says("tokens", "day", "model_key", 579, "certain", (100_000, 2950)),
        error(
            f"{_GROQ} tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s."
            " Need more tokens? Upgrade to Dev Tier today",
            type="tokens",
            code="rate_limit_exceeded",
        ),
        {"retry-after": "579"},
    ),
    Shape(
        "Groq, tokens a minute",
        Says("tokens", "minute", "model_key", 12.5, "likely", (12_000, 500)),
        error(f"{_GROQ} tokens per minute (TPM): Limit 12000, Used 11500, Requested 3000. Please try again in 12.5s."),
        {"x-ratelimit-limit-requests": "1000", "x-ratelimit-remaining-requests": "950"},
    ),
    Shape(
        "Groq, requests a day",
        Says("requests", "day", "model_key", 86, "certain", (1000, 0)),
        error(f"{_GROQ} requests per day (RPD): Limit 1000, Used 1000, Requested 1. Please try again in 1m26s."),
    ),
    Shape(
        "Groq, an hour and more",
        Says("tokens", "day", "model_key", 5025.5, "certain", (500_000, 0)),
        error(
            f"{_GROQ} tokens per day (TPD): Limit 500000, Used 500370, Requested 252. Please try again in 1h23m45.5s."
        ),
    ),
    Shape(
        "Groq, tilde and larger than the limit",
        Says("tokens", "minute", "model_key", 50.597142857, "likely", (7000, 7000)),
        error(
            "Rate limit reached for model `llama3-70b-8192` in organization `org_x` on tokens per minute (TPM):"
            " Limit 7000, Used 0, Requested ~12903. Please try again in 50.597142857s. Visit"
        ),
    ),
    Shape(
        "Groq, no unit in the text",
        Says("unknown", "unknown", "model_key", 107.5854, "likely", (500_000, 0)),
        error(
            "Rate limit reached for model `llama3-70b-8192` in organization `org_x` on : Limit 500000, Used 500370,"
            " Requested 252. Please try again in 1m47.5854s."
        ),
    ),
    Shape(
        "Groq, too large as 413",
        Says("tokens", "minute", "model_key", 60, "guess", (6000, None)),
        error(
            "Request too large for model `llama-3.1-8b-instant` in organization `org_x` service tier `on_demand` on"
            " tokens per minute (TPM): Limit 6000, Requested 7500, please reduce your message size and try again."
        ),
        status=413,
    ),
    Shape(
        "Groq, the headers of every answer",
        Says("tokens", "unknown", "unknown", 2, "likely", (14_400, 14_370)),
        headers={
            "retry-after": "2",
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-limit-tokens": "18000",
            "x-ratelimit-remaining-requests": "14370",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-reset-tokens": "7.66s",
        },
    ),
    Shape(
        "GitHub Models, a day",
        Says("requests", "day", "model_key", 57_829, "certain", (50, None)),
        error(_BY_DAY, code="RateLimitReached", details=_BY_DAY),
        {"x-ratelimit-timeremaining": "57829"},
    ),
    Shape(
        "GitHub Models, a minute",
        Says("requests", "minute", "model_key", 25, "likely", (15, None)),
        error("Rate limit of 15 per 60s exceeded for UserByModelByMinute. Please wait 25 seconds before retrying."),
    ),
    Shape(
        "GitHub Models, plain text and no wait",
        Says("requests", "day", "model_key", 21_600, "certain", (50, None)),
        b"Rate limit of 50 per 86400s exceeded for UserByModelByDay.",
    ),
    Shape(
        "GitHub Models, an odd length",
        Says("requests", "90s", "unknown", 90, "guess", (7, None)),
        error("Rate limit of 7 per 90s exceeded."),
    ),
    Shape(
        "a length that is none",
        Says("requests", "unknown", "unknown", None, "guess", (7, None)),
        error("Rate limit of 7 per 0s exceeded."),
    ),
)
