"""What is shown of the limits."""

import pytest

from gateway.clock import FakeClock
from gateway.limits.ledger import Ledger, Meter, Need
from gateway.limits.meters import Gauge, as_json, duration, gauge, gauges, headers, rfc3339
from gateway.limits.reported import Reported
from gateway.limits.rules import TokenBucket
from gateway.limits.shorthand import Unit, make_rule

WALL = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=WALL)


def meter(unit: Unit, window: str, amount: int, scope: str = "groq", burst: int | None = None) -> Meter:
    return Meter.of("provider", scope, unit, window, make_rule(unit, window, amount, burst=burst))


def used_and_held(meters: list[Meter], used: int, held: int, clock: FakeClock) -> Ledger:
    ledger = Ledger()
    for _ in range(used):
        ledger.charge_request(ledger.reserve(meters, Need(), clock.now()), clock.now())
    for _ in range(held):
        ledger.reserve(meters, Need(), clock.now())
    return ledger


def test_a_calendar_row(clock: FakeClock) -> None:
    """Remaining is what neither is used nor held; there is room, so nothing has to open."""
    limit = meter("requests", "day", 10)
    ledger = used_and_held([limit], 3, 2, clock)
    assert gauges([limit], ledger, clock.now()) == (
        Gauge(
            scope="groq",
            scope_type="provider",
            unit="requests",
            window="day",
            algorithm="calendar",
            amount=10,
            used=3,
            reserved=2,
            remaining=5,
            opens_at=None,
            resets_at=WALL + 43200,
        ),
    )


def test_a_bucket_row_is_its_level_rounded_up(clock: FakeClock) -> None:
    """Amount is the burst; 4 used and 1.5 s of one a second later, 2.5 show as 3, full in 2.5 s."""
    limit = meter("requests", "minute", 60, burst=4)
    ledger = used_and_held([limit], 4, 0, clock)
    row = gauge(limit, ledger, clock.now())
    assert (row.amount, row.used, row.remaining, row.opens_at) == (4, 4, 0, WALL + 1)
    clock.advance(1.5)
    row = gauge(limit, ledger, clock.now())
    assert (row.used, row.remaining, row.opens_at, row.resets_at) == (3, 1, None, WALL + 4)


@pytest.mark.parametrize(
    ("amount", "used", "held", "opens_at"),
    [
        pytest.param(2, 2, 0, WALL + 43200, id="used up: at midnight"),
        pytest.param(2, 1, 1, WALL + 43200, id="the last one is held: at midnight, if it is used"),
        pytest.param(2, 0, 2, None, id="all are in flight: nobody knows"),
        pytest.param(0, 0, 0, None, id="nothing allowed: never"),
    ],
)
def test_when_the_next_unit_fits(clock: FakeClock, amount: int, used: int, held: int, opens_at: float | None) -> None:
    """By the law of what is used and held; never is no moment."""
    limit = meter("requests", "day", amount)
    row = gauge(limit, used_and_held([limit], used, held, clock), clock.now())
    assert (row.remaining, row.opens_at) == (0, opens_at)


def test_debt_leaves_nothing_remaining(clock: FakeClock) -> None:
    """Used may be over the amount, remaining is never below 0."""
    limit, ledger = meter("tokens", "day", 100), Ledger()
    ledger.settle(ledger.reserve([limit], Need(1, 10, 10), clock.now()), Need(1, 10, 140), clock.now())
    row = gauge(limit, ledger, clock.now())
    assert (row.used, row.remaining) == (150, 0)


def test_as_json_writes_utc_and_dollars(clock: FakeClock) -> None:
    """The fields of `/usage/current`, in its notation."""
    limit, ledger = meter("cost", "day", 5_000_000_000), Ledger()
    ledger.settle(ledger.reserve([limit], Need(1, 1, 1, 10**9), clock.now()), Need(1, 1, 1, 5 * 10**9), clock.now())
    assert as_json(gauge(limit, ledger, clock.now())) == {
        "scope": "groq",
        "scope_type": "provider",
        "unit": "cost",
        "window": "day",
        "algorithm": "calendar",
        "amount": 5.0,
        "used": 5.0,
        "reserved": 0.0,
        "remaining": 0.0,
        "opens_at": "2026-01-02T00:00:00.000Z",
        "resets_at": "2026-01-02T00:00:00.000Z",
        "source": "counted",
        "reported": None,
        "empty_at": None,
    }
    limit = meter("requests", "day", 5)
    assert as_json(gauge(limit, ledger, clock.now()))["amount"] == 5


def test_rows_without_a_window(clock: FakeClock) -> None:
    """What runs is reserved, and opens when one ends, whenever that is; of one request nothing is ever taken."""
    at_once, largest = meter("concurrent_requests", "", 2), meter("tokens_per_request", "", 8000)
    ledger = Ledger()
    for _ in range(2):
        ledger.charge_request(ledger.reserve([at_once, largest], Need(1, 10, 10), clock.now()), clock.now())
    rows = [as_json(each) for each in gauges([at_once, largest], ledger, clock.now())]
    assert [(row["unit"], row["window"], row["algorithm"]) for row in rows] == [
        ("concurrent_requests", None, "concurrency"),
        ("tokens_per_request", None, "per_request"),
    ]
    assert [(row["used"], row["reserved"], row["remaining"]) for row in rows] == [(0, 2, 0), (0, 0, 8000)]
    assert [(row["opens_at"], row["resets_at"]) for row in rows] == [(None, None)] * 2
    assert headers([at_once, largest], ledger, clock.now()) == {}


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, None),
        (WALL, "2026-01-01T12:00:00.000Z"),
        (WALL + 0.0001, "2026-01-01T12:00:00.001Z"),
        (WALL + 0.123, "2026-01-01T12:00:00.123Z"),
        (WALL + 0.9999, "2026-01-01T12:00:01.000Z"),
    ],
)
def test_rfc3339_is_never_before_the_moment(at: float | None, text: str | None) -> None:
    """Rounded up to the millisecond, so that who comes back then is not refused."""
    assert rfc3339(at) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.2, "1s"), (20, "20s"), (62.1, "1m3s"), (3600, "1h0m0s"), (129603, "36h0m3s"), (60.0000001, "1m0s")],
)
def test_durations(seconds: float, text: str) -> None:
    """Whole seconds, rounded up but for dust."""
    assert duration(seconds) == text


def test_headers_name_the_tightest_limit_of_each_unit(clock: FakeClock) -> None:
    """The least share left counts, what is held is gone, and other units have no header."""
    loose, tight = meter("requests", "minute", 60), meter("requests", "day", 10)
    tokens = meter("tokens", "15m", 1000)
    meters = [loose, tight, meter("requests", "hour", 10**6), tokens, meter("cost", "day", 10**9)]
    ledger = Ledger()
    ledger.reserve(meters, Need(1, 100, 150, 5), clock.now())
    assert headers(meters, ledger, clock.now()) == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "12h0m0s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "750",
        "x-ratelimit-reset-tokens": "15m1s",
    }


def test_no_limit_no_header(clock: FakeClock) -> None:
    """Only money is limited: nothing to say about requests and tokens."""
    assert headers([meter("cost", "day", 5)], Ledger(), clock.now()) == {}


def test_what_never_fills_has_no_reset(clock: FakeClock) -> None:
    """Nothing allowed is nothing left; a bucket that never refills names no time."""
    shut = meter("requests", "day", 0)
    assert headers([shut], Ledger(), clock.now())["x-ratelimit-remaining-requests"] == "0"
    dry = Meter.of("provider", "groq", "requests", "minute", TokenBucket(0, 60, 1))
    assert headers([dry], used_and_held([dry], 1, 0, clock), clock.now()) == {
        "x-ratelimit-limit-requests": "1",
        "x-ratelimit-remaining-requests": "0",
    }


def test_a_reported_row(clock: FakeClock) -> None:
    """3 are ours and 4 somebody else's, so 3 of 10 are left; it says who said so, and until when."""
    limit = meter("requests", "day", 10)
    ledger = used_and_held([limit], 3, 0, clock)
    told = Reported(by="groq", remaining=3, over=4, drift=4, at=WALL, until=WALL + 60, sure="likely")
    ledger.report(limit, told, clock.now())
    row = gauge(limit, ledger, clock.now())
    assert (row.used, row.remaining, row.source, row.opens_at, row.resets_at) == (3, 3, "reported", None, WALL + 43200)
    assert as_json(row)["reported"] == {
        "by": "groq",
        "remaining": 3,
        "drift": 4,
        "at": "2026-01-01T12:00:00.000Z",
        "until": "2026-01-01T12:01:00.000Z",
        "sure": "likely",
    }
    assert headers([limit], ledger, clock.now())["x-ratelimit-remaining-requests"] == "3"
    clock.advance(60)
    row = gauge(limit, ledger, clock.now())
    assert (row.used, row.remaining, row.source, row.reported) == (3, 7, "counted", None)
