"""Which quota the words mean. The whole table of recorded texts is in `test_quota_hints.py`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.routing.quota_names import Quota, named, named_by_id, scope_in


@pytest.mark.parametrize(
    ("text", "unit", "window"),
    [
        ("on tokens per day (TPD)", "tokens", "day"),
        ("on output tokens per min", "output_tokens", "minute"),
        ("20 API calls / minute", "requests", "minute"),
        ("completion_tokens per hour", "output_tokens", "hour"),
        ("prompt tokens per second", "input_tokens", "second"),
        ("TPM exceeded", "tokens", "minute"),
        ("ITPM exceeded", "input_tokens", "minute"),
        ("OTPH exceeded", "output_tokens", "hour"),
        ("rps", "requests", "second"),
        ("your weekly quota", "unknown", "week"),
        ("monthly requests limit", "requests", "month"),
        ("5 requests per minute, or 100 tokens per minute", "unknown", "minute"),
        ("requests per minute, daily at least", "requests", "unknown"),
        ("Rate limit of 9 per 604800s", "requests", "week"),
        ("Requests per Minute (actual/limit): 1/480", "requests", "minute"),
        ("nothing", "unknown", "unknown"),
    ],
)
def test_unit_and_window(text: str, unit: str, window: str) -> None:
    """What is said to be full; without that, what all of the text agrees on."""
    quota = named(text)
    assert (quota.unit, quota.window) == (unit, window)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Limit 100000, Used 99500, Requested 700", (100_000, 99_500, 700)),
        ("Limit: 90,000 / min. Current: 86,499 / min.", (90_000, 86_499, None)),
        ("Limit 30000, Requested ~30601.", (30_000, None, 30_601)),
        ("Tokens per Minute (actual/limit): 65605/16000", (16_000, 65_605, None)),
        ("rate limit of 20,000 input tokens per minute", (20_000, None, None)),
        ("no quota", (None, None, None)),
    ],
)
def test_numbers(text: str, numbers: tuple[int | None, int | None, int | None]) -> None:
    """Limit, used and requested."""
    quota = named(text)
    assert (quota.limit, quota.used, quota.requested) == numbers


@pytest.mark.parametrize(
    ("quota_id", "quota"),
    [
        (
            "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
            Quota(unit="requests", window="day", scope="model_key", limit=20),
        ),
        ("DailyTokensPerProject", Quota(unit="tokens", window="day", scope="key", limit=20)),
        ("OutputTokensPerHour", Quota(unit="output_tokens", window="hour", limit=20)),
        ("", Quota(limit=20)),
    ],
)
def test_googles_ids(quota_id: str, quota: Quota) -> None:
    """Written in capitals inside one word."""
    assert named_by_id(quota_id, 20) == quota


def test_a_quota_is_long_from_a_day_on() -> None:
    """Then a long wait is meant."""
    assert [Quota(window=each).is_long for each in ("hour", "24h", "5h", "month", "unknown")] == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("Rate limit reached for gpt-4o in organization org-x", "model_key"),
        ("You are using a Trial key", "key"),
        ("x is temporarily rate-limited upstream", "model"),
        ("You are being rate limited", "provider"),
        ("slow down", "unknown"),
    ],
)
def test_who_shares_it(text: str, scope: str) -> None:
    """The narrowest that is named."""
    assert scope_in(text) == scope


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_makes_it_fail(text: str) -> None:
    """Not even one between the words that are looked for."""
    assert isinstance(named(f"limit: {text} per {text}s tokens per day (actual/limit): {text}/{text}"), Quota)
