"""Times in every notation seen in the field."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import Moment
from gateway.routing.reset_times import MOST_S, seconds_until, wait_in

NOW = Moment(1_769_903_970.0, 50.0)
"""2026-01-31 23:59:30 UTC."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20", 20.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("6m0s", 360.0),
        ("1m2.5s", 62.5),
        ("20ms", 0.02),
        ("7.66s", 7.66),
        ("26.660853464s", 26.660853464),
        ("1h", 3600.0),
        ("2d", 172_800.0),
        ("1769904000", 30.0),
        ("1769904000000", 30.0),
        ("1769903000", 0.0),
        ("1769903000000", 0.0),
        ("2026-01-31T23:59:40Z", 10.0),
        ("2026-01-31T23:59:40", 10.0),
        ("2025-01-01T00:00:00Z", 0.0),
        ("Sat, 31 Jan 2026 23:59:50 GMT", 20.0),
        ("99d", MOST_S),
        ("99999999999999999999", MOST_S),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("soon", None),
        ("", None),
        ("5 parsecs", None),
    ],
)
def test_each_notation(text: str, seconds: float | None) -> None:
    """Durations, numbers, epochs and dates; what is none of them, negative or without end is unknown."""
    assert seconds_until(text, NOW) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 7m12.5s. Visit us", 432.5),
        ("Please retry in 26.66s.", 26.66),
        ("retry after 2 minutes", 120.0),
        ("retry after 20", 20.0),
        ("Try again in 644ms.", 0.644),
        ("try again in 5 Milliseconds", 0.005),
        ("Please wait 57829 seconds before retrying.", 57_829.0),
        ("wait for 1 hour and 2 minutes", 3720.0),
        ("Quota resets in 3 days, 2 hours", 266_400.0),
        ("resets at 2026-01-31T23:59:40Z", 10.0),
        ("try again on 2026-02-01T00:00:00+00:00", 30.0),
        ("usage limit reached|1769904000", 30.0),
        ("try again at 2026-99-99T99:99:99Z", None),
        ("try again in 20 students", 20.0),
        ("try again later", None),
        ("retry 3 times", None),
        ("no idea", None),
    ],
)
def test_each_sentence(text: str, seconds: float | None) -> None:
    """The first wait that is said in words; without a unit it is seconds."""
    assert wait_in(text, NOW) == (None if seconds is None else pytest.approx(seconds))


@settings(deadline=None)
@given(st.text(alphabet="0123456789.smhduµ:-TZ+ ,adejngptryi|", max_size=40) | st.text(max_size=40))
def test_no_text_makes_it_fail(text: str) -> None:
    """Whatever it is: nothing, or between nothing and 32 days."""
    for seconds in (seconds_until(text, NOW), wait_in(text, NOW), wait_in(f"try again in {text}", NOW)):
        assert seconds is None or 0 <= seconds <= MOST_S
