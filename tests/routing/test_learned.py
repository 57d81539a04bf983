"""What reports and refusals correct in our own counters."""

from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import FakeClock, Moment
from gateway.limits.ledger import Ledger, Need
from gateway.limits.meters import gauge
from gateway.limits.reported import Reported
from gateway.limits.shorthand import Unit, make_rule
from gateway.limits.terms import Meter, ScopeType
from gateway.routing import learned
from gateway.routing.learned import Correction, Standing
from gateway.routing.quota_hints import Hint, read
from gateway.routing.rate_headers import Report

NOW = Moment(1_770_746_400.0, 50.0)
"""2026-02-10 18:00 UTC."""
MIDNIGHT = NOW.wall + 21_600


from_reports = partial(learned.from_reports, by="groq")
from_refusal = partial(learned.from_refusal, by="groq")


def told(remaining: int, over: int, until: float, **more: Any) -> Reported:
    """What groq said now; all that is lacking was somebody else's."""
    return Reported(by="groq", remaining=remaining, over=over, drift=over, at=NOW.wall, until=until, **more)


def word(correction: Correction) -> Reported:
    """What it tells the ledger, which is not that the limit is as we think."""
    assert correction[1] is not None
    return correction[1]


def limit(name: str, amount: int, scope_type: ScopeType = "model", algorithm: str | None = None) -> Meter:
    """`requests_per_day` of a scope."""
    unit: Unit = "requests" if name.startswith("requests") else "tokens"
    window = name.rpartition("_")[2]
    return Meter.of(scope_type, "groq/llama", unit, window, make_rule(unit, window, amount, algorithm=algorithm))


def standings(*meters: Meter, used: int = 0, held: int = 0) -> list[Standing]:
    """How limits stand after `used` requests of one token, with `held` more on their way."""
    ledger = Ledger()
    for number in range(used + held):
        reservation = ledger.reserve(meters, Need(1, 1, 0), NOW)
        if number < used:
            ledger.settle(reservation, Need(1, 1, 0), NOW)
    return [(meter, gauge(meter, ledger, NOW)) for meter in meters]


MINUTE = limit("requests_per_minute", 30)
DAY = limit("requests_per_day", 1000)
TOKENS = limit("tokens_per_minute", 12_000)


def test_somebody_else_used_the_key() -> None:
    """900 of 1,000 left, we counted 20 and have 5 on their way: 75 are not ours."""
    report = Report(unit="requests", window="day", remaining=900)
    assert from_reports([report], standings(DAY, used=20, held=5), NOW) == ((DAY, told(900, 75, MIDNIGHT)),)


def test_a_smaller_limit_is_nobodys_use() -> None:
    """They allow 800 where we thought 1,000; of the 300 that lack, 20 are ours and 80 somebody else's."""
    report = Report(unit="requests", window="day", limit=800, remaining=700)
    (found,) = from_reports([report], standings(DAY, used=20), NOW)
    assert (word(found).over, word(found).drift) == (280, 80)
    hint = Hint(unit="requests", window="day", wait_s=9.0, limit=800)
    (found,) = from_refusal(hint, standings(DAY, used=20), NOW)
    assert (word(found).over, word(found).drift) == (980, 780)


def test_a_reset_that_was_said_is_surer_than_our_own() -> None:
    """Without one the window's own law has to do."""
    said = Report(unit="requests", window="day", remaining=9, resets_at=NOW.wall + 5)
    for report, sure in ((said, "likely"), (Report(unit="requests", window="day", remaining=9), "guess")):
        assert [word(each).sure for each in from_reports([report], standings(DAY), NOW)] == [sure]


def test_a_lowered_limit_is_lifted_when_as_much_is_left_as_we_think() -> None:
    """The other's use is over, or was another's. One that was not lowered needs no word."""
    ledger = Ledger()
    ledger.report(DAY, told(100, 900, MIDNIGHT), NOW)
    report = Report(unit="requests", window="day", remaining=1000)
    assert from_reports([report], [(DAY, gauge(DAY, ledger, NOW))], NOW) == ((DAY, None),)


def test_a_second_report_is_set_against_our_own_count_too() -> None:
    """What the first one lowered is not our use: 950 left of 1,000 are 50 of others, not 850 less."""
    ledger = Ledger()
    ledger.report(DAY, told(100, 900, MIDNIGHT), NOW)
    report = Report(unit="requests", window="day", remaining=950)
    assert from_reports([report], [(DAY, gauge(DAY, ledger, NOW))], NOW) == ((DAY, told(950, 50, MIDNIGHT)),)


@pytest.mark.parametrize("remaining", [1000, 980, 975, None])
def test_never_upwards(remaining: int | None) -> None:
    """What the upstream has not counted yet (here our 5 in flight, or all of ours) is no gift."""
    report = Report(unit="requests", window="day", limit=1000, remaining=remaining)
    assert from_reports([report], standings(DAY, used=20, held=5), NOW) == ()


@pytest.mark.parametrize(
    ("report", "meters", "which"),
    [
        pytest.param(Report(unit="requests", window="day", remaining=1), [MINUTE, DAY], DAY, id="named window"),
        pytest.param(Report(unit="requests", window="hour", remaining=1), [MINUTE, DAY], None, id="no such window"),
        pytest.param(Report(unit="tokens", window="minute", remaining=1), [MINUTE, TOKENS], TOKENS, id="unit"),
        pytest.param(Report(unit="input_tokens", window="minute", remaining=1), [TOKENS], None, id="no such unit"),
        pytest.param(Report(unit="requests", limit=1000, remaining=1), [MINUTE, DAY], DAY, id="equal amount"),
        pytest.param(
            Report(unit="requests", limit=30, remaining=1, resets_at=NOW.wall + 500),
            [MINUTE, limit("requests_per_hour", 30)],
            limit("requests_per_hour", 30),
            id="equal amounts: the window that covers the reset",
        ),
        pytest.param(
            Report(unit="requests", limit=500, remaining=1, resets_at=NOW.wall + 60),
            [DAY, MINUTE],
            MINUTE,
            id="the shortest window that covers the reset",
        ),
        pytest.param(
            Report(unit="requests", limit=500, remaining=1, resets_at=NOW.wall + 61),
            [DAY, MINUTE],
            DAY,
            id="a reset too late for the shortest",
        ),
        pytest.param(Report(unit="requests", limit=500, remaining=1), [DAY, MINUTE], None, id="nothing to go by"),
        pytest.param(
            Report(unit="requests", window="day", remaining=1),
            [limit("requests_per_24h", 1000), limit("requests_per_day", 1000, "provider")],
            limit("requests_per_24h", 1000),
            id="equally long, the narrowest scope",
        ),
        pytest.param(
            Report(unit="requests", window="day", limit=500, remaining=1),
            [limit("requests_per_day", 1000, "provider")],
            None,
            id="a wider limit of all models is another",
        ),
        pytest.param(
            Report(unit="requests", window="day", limit=1000, remaining=1),
            [limit("requests_per_day", 1000, "provider")],
            limit("requests_per_day", 1000, "provider"),
            id="a limit of all models of that size",
        ),
        pytest.param(
            Report(unit="requests", window="day", remaining=1),
            [limit("requests_per_day", 1000, "client")],
            None,
            id="a client's limit is ours alone",
        ),
        pytest.param(
            Report(unit="requests", window="day", remaining=1, resets_at=NOW.wall - 1), [DAY], None, id="over already"
        ),
    ],
)
def test_which_limit_a_report_is_about(report: Report, meters: list[Meter], which: Meter | None) -> None:
    """By window, else by amount, else the shortest window that covers the reset."""
    assert [meter for meter, _ in from_reports([report], standings(*meters), NOW)] == ([which] if which else [])


@pytest.mark.parametrize(
    ("meter", "used", "resets_at", "until"),
    [
        pytest.param(DAY, 0, NOW.wall + 100, NOW.wall + 100, id="the reported reset"),
        pytest.param(DAY, 0, NOW.wall + 1e6, NOW.wall + 86_400, id="no longer than the window"),
        pytest.param(DAY, 0, None, MIDNIGHT, id="our calendar's turn"),
        pytest.param(MINUTE, 15, None, NOW.wall + 58, id="until 29 of 30 are refilled"),
        pytest.param(limit("requests_per_24h", 9), 0, None, NOW.wall + 86_400, id="the length of a rolling window"),
    ],
)
def test_how_long_a_report_holds(meter: Meter, used: int, resets_at: float | None, until: float) -> None:
    """Until its reset; without one as long as our own law says."""
    report = Report(unit="requests", window=meter.window, remaining=1, resets_at=resets_at)
    assert [word(found).until for found in from_reports([report], standings(meter, used=used), NOW)] == [until]


def test_the_lower_of_two_reports_counts() -> None:
    """A project's own limit beside the organisation's."""
    reports = [Report(unit="tokens", window="minute", remaining=left) for left in (9000, 8000, 8500)]
    (found,) = from_reports(reports, standings(TOKENS), NOW)
    assert (word(found).remaining, word(found).over) == (8000, 4000)


@settings(deadline=None)
@given(
    st.integers(1, 50),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(0, 80),
    st.none() | st.floats(-100, 1e7),
    st.sampled_from(["bucket", "calendar", "rolling"]),
)
def test_a_correction_leaves_what_is_reported(
    amount: int, used: int, held: int, remaining: int, reset_s: float | None, algorithm: str
) -> None:
    """Used, held and what is left are the whole amount then; it is more than we counted, and ends in a window."""
    used, held = min(used, amount), min(held, amount - min(used, amount))
    ours = standings(limit("requests_per_minute", amount, algorithm=algorithm), used=used, held=held)
    resets_at = None if reset_s is None else NOW.wall + reset_s
    for found in from_reports(
        [Report(unit="requests", window="minute", remaining=remaining, resets_at=resets_at)], ours, NOW
    ):
        assert used + word(found).over + held + remaining == amount
        assert word(found).drift == word(found).over > 0
        assert NOW.wall < word(found).until <= NOW.wall + 60


def test_a_refusal_fills_the_counter() -> None:
    """Until the wait is over nothing fits, and what we did not count was somebody else."""
    hint = Hint(unit="requests", window="day", scope="model_key", wait_s=100.0, sure="certain", stated=True, limit=1000)
    assert from_refusal(hint, standings(MINUTE, DAY, used=20, held=5), NOW) == (
        (DAY, told(0, 975, NOW.wall + 100, sure="certain", shut=True)),
    )


@pytest.mark.parametrize(
    ("hint", "meters", "which"),
    [
        pytest.param(Hint(unit="requests", window="day", wait_s=9.0), [MINUTE, DAY], DAY, id="unit and window"),
        pytest.param(Hint(unit="requests", window="day"), [DAY], None, id="no wait"),
        pytest.param(
            Hint(unit="requests", window="day", wait_s=0.0, stated=True), [DAY], None, id="no wait to speak of"
        ),
        pytest.param(Hint(window="day", wait_s=9.0), [DAY], None, id="no unit"),
        pytest.param(Hint(unit="requests", wait_s=9.0), [DAY], None, id="no window"),
        pytest.param(Hint(unit="requests", window="hour", wait_s=9.0), [DAY], None, id="another window"),
        pytest.param(
            Hint(unit="tokens", window="minute", wait_s=9.0, too_large=True), [TOKENS], None, id="nothing is used up"
        ),
        pytest.param(
            Hint(unit="input_tokens", window="minute", wait_s=9.0), [TOKENS], TOKENS, id="input tokens are tokens"
        ),
        pytest.param(
            Hint(unit="requests", window="day", scope="model_key", wait_s=9.0),
            [limit("requests_per_day", 1000, "provider")],
            None,
            id="one model's quota is not all models'",
        ),
        pytest.param(
            Hint(unit="requests", window="day", scope="key", wait_s=9.0),
            [DAY, limit("requests_per_day", 1000, "key"), limit("requests_per_day", 1000, "provider")],
            limit("requests_per_day", 1000, "key"),
            id="a key's quota",
        ),
        pytest.param(
            Hint(unit="requests", window="day", wait_s=9.0, limit=50),
            [limit("requests_per_day", 1000, "provider")],
            None,
            id="a wider limit is another",
        ),
        pytest.param(
            Hint(unit="requests", window="day", wait_s=9.0),
            [limit("requests_per_day", 1000, "client")],
            None,
            id="a client's limit is ours alone",
        ),
    ],
)
def test_which_limit_a_refusal_fills(hint: Hint, meters: list[Meter], which: Meter | None) -> None:
    """Only one that is meant for certain; else the target rests."""
    assert [meter for meter, _ in from_refusal(hint, standings(*meters), NOW)] == ([which] if which else [])


@pytest.mark.parametrize(
    ("meter", "stated", "until"),
    [
        (DAY, True, NOW.wall + 40_000),
        (DAY, False, MIDNIGHT),
        (limit("requests_per_24h", 1000), False, NOW.wall + 40_000),
    ],
)
def test_our_calendar_knows_when_a_day_ends(meter: Meter, stated: bool, until: float) -> None:
    """Its zone is configured; only a wait that the upstream said itself is better."""
    hint = Hint(unit="requests", window="day", wait_s=40_000.0, sure="certain", stated=stated)
    assert [word(found).until for found in from_refusal(hint, standings(meter), NOW)] == [until]


def test_a_refusal_tells_of_other_limits_too() -> None:
    """The words say which one is full, the headers how the others stand; a full one is not corrected twice."""
    reports = (
        Report(unit="requests", window="day", limit=1000, remaining=10, resets_at=NOW.wall + 50),
        Report(unit="tokens", window="minute", limit=12_000, remaining=2000, resets_at=NOW.wall + 20),
    )
    hint = Hint(unit="requests", window="day", wait_s=50.0, stated=True, reports=reports)
    assert from_refusal(hint, standings(DAY, TOKENS), NOW) == (
        (DAY, told(0, 1000, NOW.wall + 50, shut=True)),
        (TOKENS, told(2000, 10_000, NOW.wall + 20, sure="likely")),
    )


def test_a_refusal_in_the_words_of_groq() -> None:
    """97,050 of 100,000 tokens of the day are used, though not by us: shut for as long as it says, no longer."""
    body = orjson.dumps(
        {
            "error": {
                "message": "Rate limit reached for model `llama` in organization `org_x` on tokens per day (TPD): Limit"
                " 100000, Used 97050, Requested 3619. Please try again in 9m38.016s."
            }
        }
    )
    tokens = limit("tokens_per_day", 100_000)
    (found,) = from_refusal(read("openai", 429, {}, body, NOW), standings(DAY, tokens, used=5), NOW)
    assert found == (tokens, told(0, 99_995, NOW.wall + 578.016, sure="certain", shut=True))


def test_a_counter_in_debt_is_not_drift() -> None:
    """Streams may have taken more than there was."""
    clock = FakeClock(*NOW)
    ledger = Ledger()
    ledger.settle(ledger.reserve([TOKENS], Need(1, 1, 0), clock.now()), Need(1, 15_000, 0), clock.now())
    hint = Hint(unit="tokens", window="minute", wait_s=20.0)
    (found,) = from_refusal(hint, [(TOKENS, gauge(TOKENS, ledger, clock.now()))], clock.now())
    assert (word(found).drift, word(found).over) == (0, 0)
