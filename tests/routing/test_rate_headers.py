"""What the headers of any answer report."""

import pytest

from gateway.clock import Moment
from gateway.routing.rate_headers import Report, reports

NOW = Moment(1_770_746_400.0, 50.0)
"""2026-02-10 18:00 UTC."""


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        pytest.param(
            {
                "content-type": "application/json",
                "x-ratelimit-limit-requests": "14400",
                "x-ratelimit-limit-tokens": "18000",
                "x-ratelimit-remaining-requests": "14370",
                "x-ratelimit-remaining-tokens": "17997",
                "x-ratelimit-reset-requests": "2m59.56s",
                "x-ratelimit-reset-tokens": "7.66s",
            },
            [
                Report(unit="requests", limit=14_400, remaining=14_370, resets_at=NOW.wall + 179.56),
                Report(unit="tokens", limit=18_000, remaining=17_997, resets_at=NOW.wall + 7.66),
            ],
            id="Groq",
        ),
        pytest.param(
            {
                "anthropic-ratelimit-input-tokens-limit": "25000",
                "anthropic-ratelimit-input-tokens-remaining": "16000",
                "anthropic-ratelimit-input-tokens-reset": "2026-02-10T18:00:20Z",
                "anthropic-ratelimit-output-tokens-limit": "8000",
                "anthropic-ratelimit-unified-5h-reset": "1770759662",
            },
            [
                Report(unit="input_tokens", limit=25_000, remaining=16_000, resets_at=NOW.wall + 20),
                Report(unit="output_tokens", limit=8000),
            ],
            id="Anthropic",
        ),
        pytest.param(
            {
                "x-ratelimit-remaining-requests-day": "14399",
                "x-ratelimit-reset-requests-day": "21600.5",
                "x-ratelimit-remaining-tokens-minute": "59000",
            },
            [
                Report(unit="requests", window="day", remaining=14_399, resets_at=NOW.wall + 21_600.5),
                Report(unit="tokens", window="minute", remaining=59_000),
            ],
            id="Cerebras",
        ),
        pytest.param(
            {
                "x-ratelimitbysize-limit-minute": "500000",
                "x-ratelimitbysize-remaining-minute": "400000",
                "ratelimitbysize-reset": "37",
            },
            [Report(unit="tokens", window="minute", limit=500_000, remaining=400_000, resets_at=NOW.wall + 37)],
            id="Mistral: one reset without a window",
        ),
        pytest.param(
            {"x-ratelimit-limit": "50, 50;w=60", "x-ratelimit-remaining": "7.0", "x-ratelimit-reset": "1770746445000"},
            [Report(unit="requests", limit=50, remaining=7, resets_at=NOW.wall + 45)],
            id="OpenRouter: no unit, milliseconds",
        ),
        pytest.param(
            {
                "x-tokenlimit-remaining": "9",
                "x-trial-endpoint-call-remaining": "3",
                "x-endpoint-monthly-call-limit": "1000",
            },
            [
                Report(unit="tokens", remaining=9),
                Report(unit="requests", window="minute", remaining=3),
                Report(unit="requests", window="month", limit=1000),
            ],
            id="Together and Cohere",
        ),
        pytest.param(
            {"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0"},
            [],
            id="Azure: negative is unknown",
        ),
        pytest.param(
            {
                "x-ratelimit-limit-images": "5",
                "x-limit": "5",
                "x-ratelimit-limit-remaining-tokens": "5",
                "x-ratelimit-tokens": "5",
                "x-ratelimit-limit-tokens": "many",
                "x-ratelimit-remaining-requests": "9" * 30,
                "x-ratelimit-reset-requests": "soon",
            },
            [],
            id="unknown words and garbage",
        ),
    ],
)
def test_each_vendor(headers: dict[str, str], told: list[Report]) -> None:
    """Unit, window, limit, what is left, and when all of it is there again."""
    assert list(reports(headers, NOW)) == told
