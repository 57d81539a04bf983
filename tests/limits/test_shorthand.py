"""How limits are spelled, and the rules they stand for."""

import pytest

from gateway.limits.rules import (
    CalendarWindow,
    Concurrency,
    FirstUseWindow,
    PerRequest,
    RollingWindow,
    Rule,
    TokenBucket,
)
from gateway.limits.shorthand import Unit, checked_strict, key_of, make_rule, names, parse_key, window_s


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        ("requests_per_minute", ("requests", "minute")),
        ("tokens_per_day", ("tokens", "day")),
        ("input_tokens_per_month", ("input_tokens", "month")),
        ("output_tokens_per_5h", ("output_tokens", "5h")),
        ("cost_per_week", ("cost", "week")),
        ("requests_per_15m", ("requests", "15m")),
        ("requests_per_0m", None),
        ("requests_per_015m", None),
        ("requests_per_fortnight", None),
        ("requests_per_", None),
        ("requests", None),
        ("words_per_minute", None),
        ("concurrent_requests", ("concurrent_requests", "")),
        ("tokens_per_request", ("tokens_per_request", "")),
        ("concurrent_requests_per_day", None),
        ("tokens_per_request_per_day", None),
        ("cost_per_request", None),
    ],
)
def test_parse_key(key: str, parsed: tuple[str, str] | None) -> None:
    """Unit and window, or None for what is no limit."""
    assert parse_key(key) == parsed


def test_names_are_all_limits() -> None:
    """Each suggested spelling can be written."""
    assert len(names()) == 32
    parsed = [parse_key(name) for name in names()]
    assert [key_of(*each) for each in parsed if each] == list(names())
    assert "requests_per_minute" in names()


@pytest.mark.parametrize(
    ("window", "length_s"),
    [("second", 1), ("day", 86400), ("month", 2678400), ("15m", 900), ("24h", 86400), ("7d", 604800), ("x", 0)],
)
def test_lengths(window: str, length_s: float) -> None:
    """Seconds; a month is its longest."""
    assert window_s(window) == length_s


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(make_rule("requests", "second", 3), TokenBucket(3, 1, 3), id="second: bucket"),
        pytest.param(make_rule("requests", "minute", 60, burst=5), TokenBucket(60, 60, 5), id="minute: bucket, burst"),
        pytest.param(make_rule("tokens", "hour", 9), CalendarWindow(9, "hour", "UTC"), id="hour: calendar"),
        pytest.param(
            make_rule("cost", "month", 10**9, timezone="Asia/Tokyo"),
            CalendarWindow(10**9, "month", "Asia/Tokyo"),
            id="month: calendar in its zone",
        ),
        pytest.param(make_rule("tokens", "5h", 9), RollingWindow(9, 18000), id="numbered: rolling"),
        pytest.param(make_rule("tokens", "60s", 9), RollingWindow(9, 60), id="numbered, however short: rolling"),
        pytest.param(make_rule("tokens", "5h", 9, algorithm="bucket"), TokenBucket(9, 18000, 9), id="numbered bucket"),
        pytest.param(make_rule("tokens", "day", 9, algorithm="rolling"), RollingWindow(9, 86400), id="rolling day"),
        pytest.param(
            make_rule("requests", "minute", 9, algorithm="calendar"), CalendarWindow(9, "minute"), id="calendar minute"
        ),
        pytest.param(
            make_rule("requests", "day", 9, reset="7:30"), CalendarWindow(9, "day", reset="07:30"), id="day with a time"
        ),
        pytest.param(
            make_rule("requests", "week", 9, algorithm="calendar", reset="MON 9:00", timezone="Asia/Tokyo"),
            CalendarWindow(9, "week", "Asia/Tokyo", "mon 09:00"),
            id="week with a day",
        ),
        pytest.param(make_rule("requests", "month", 9, reset="1"), CalendarWindow(9, "month"), id="month as ever"),
        pytest.param(
            make_rule("tokens", "5h", 9, algorithm="first_use"), FirstUseWindow(9, 18000), id="numbered first_use"
        ),
        pytest.param(
            make_rule("tokens", "month", 9, algorithm="first_use"),
            FirstUseWindow(9, 31 * 86400),
            id="first_use: a month is its longest",
        ),
        pytest.param(make_rule("concurrent_requests", "", 4), Concurrency(4), id="running at once"),
        pytest.param(make_rule("tokens_per_request", "", 8000), PerRequest(8000), id="in one request"),
        pytest.param(make_rule("requests", "day", 0), CalendarWindow(0, "day"), id="0 allows nothing"),
    ],
)
def test_rules(rule: Rule, expected: Rule) -> None:
    """Each window has its default algorithm; any other that makes sense can be asked for."""
    assert rule == expected


@pytest.mark.parametrize(
    ("window", "amount", "more", "message"),
    [
        ("fortnight", 1, {}, "'fortnight' is no window: use second, minute, hour, day, week, month, or a number"),
        ("day", -1, {}, "requests_per_day cannot be negative; 0 allows nothing"),
        ("day", 1, {"algorithm": "leaky"}, "'leaky' is no algorithm: use bucket, calendar, rolling, first_use"),
        ("5h", 1, {"algorithm": "calendar"}, "algorithm: calendar needs a named window"),
        ("15m", 1, {"reset": "10:30"}, "reset belongs to algorithm: calendar; requests_per_15m is rolling"),
        ("minute", 1, {"reset": "10:30"}, "reset belongs to algorithm: calendar; requests_per_minute is bucket"),
        ("day", 1, {"reset": "10:30", "algorithm": "first_use"}, "reset belongs to algorithm: calendar"),
        ("day", 1, {"reset": "mon"}, 'the reset of a day is a time, "10:30"; mon is not'),
        ("day", 1, {"burst": 5}, "burst belongs to algorithm: bucket; requests_per_day is calendar"),
        ("minute", 1, {"burst": 0}, "burst must be 1 or more"),
        ("minute", 0, {"burst": 5}, "a bucket of amount 0 never refills"),
        ("day", 1, {"timezone": "Mars/Olympus"}, "no time zone is called 'Mars/Olympus': use an IANA name"),
        ("day", 1, {"timezone": "Europe"}, "no time zone is called 'Europe'"),
        ("day", 1, {"timezone": ""}, "no time zone is called ''"),
        ("day", 1, {"timezone": "../etc/passwd"}, "no time zone is called '../etc/passwd'"),
    ],
)
def test_what_cannot_be_a_rule_says_what_would_be(window: str, amount: int, more: dict[str, str], message: str) -> None:
    """The validator shows these words under the line of the YAML."""
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(")):
        make_rule("requests", window, amount, **more)  # type: ignore[arg-type]  # a table's column holds mixed types


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"algorithm": "rolling"}, "concurrent_requests has no window: its amount is all there is to say"),
        ({"reset": "10:30"}, "concurrent_requests has no window"),
        ({"burst": 5}, "concurrent_requests has no window"),
    ],
)
def test_what_has_no_window_has_no_law_of_one(more: dict[str, str], message: str) -> None:
    """Nothing that would be ignored is taken."""
    with pytest.raises(ValueError, match=f"^{message}"):
        make_rule("concurrent_requests", "", 5, **more)  # type: ignore[arg-type]  # a table's column holds mixed types


@pytest.mark.parametrize("unit", ["tokens", "input_tokens", "output_tokens", "cost"])
def test_strict_belongs_to_what_is_estimated(unit: Unit) -> None:
    """Requests are counted, and never crossed as it is."""
    assert [checked_strict(unit, strict) for strict in (None, True, False)] == [None, True, False]
    assert checked_strict("requests", None) is None
    with pytest.raises(ValueError, match="strict belongs to tokens and cost; requests are never crossed as it is"):
        checked_strict("requests", True)
