"""How the pages write numbers, money and times."""

import pytest

from gateway.server import format as words

NOON = 1_795_262_400.0
"""2026-11-21 12:00:00 UTC."""


@pytest.mark.parametrize(
    ("n", "written"),
    [
        (0, "0"),
        (1284, "1,284"),
        (99_999, "99,999"),
        (100_000, "100 k"),
        (142_380, "142 k"),
        (999_499, "999 k"),
        (999_950, "1 M"),
        (2_140_000, "2.14 M"),
        (1_500_000, "1.5 M"),
        (1_000_000_000, "1 G"),
        (2_340_000_000_000, "2.34 T"),
    ],
)
def test_counts_are_in_full_up_to_five_digits_then_have_three(n: int, written: str) -> None:
    """A space before the unit, no plural, no trailing zeros."""
    assert words.count(n) == written


@pytest.mark.parametrize(("n", "written"), [(142_380, "142,380"), (999_999, "999,999"), (4_030_112, "4.03 M")])
def test_number_that_decides_stays_exact(n: int, written: str) -> None:
    """`142,380 / 200 k`: what is left can be worked out. A million and more would not fit beside its bar."""
    assert words.exact(n) == written


@pytest.mark.parametrize(
    ("nanousd", "written"),
    [
        (None, "–"),  # noqa: RUF001
        (0, "$0"),
        (1, "$0.0000000010"),
        (1_874_000, "$0.0019"),
        (9_990_000, "$0.01"),
        (10_000_000, "$0.01"),
        (370_000_000, "$0.37"),
        (2_000_000_000, "$2.00"),
        (1_204_500_000_000, "$1,204.50"),
    ],
)
def test_money_has_cents_and_under_a_cent_two_digits(nanousd: int | None, written: str) -> None:
    """What costs something never reads as nothing; what is unknown is not zero."""
    assert words.money(nanousd) == written


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        (1204, 1276, "94.4 %"),
        (1276, 1276, "100 %"),
        (9_999, 10_000, "99.9 %"),
        (1, 10_000, "0.1 %"),
        (0, 7, "0 %"),
        (0, 0, "–"),  # noqa: RUF001
    ],
)
def test_share_says_all_or_none_only_if_it_is(part: int, whole: int, written: str) -> None:
    """Rounding never hides the one failure in ten thousand."""
    assert words.share(part, whole) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "–"),  # noqa: RUF001
        (0.0006, "0.6 ms"),
        (0.143, "143 ms"),
        (0.9996, "1.00 s"),
        (1.12, "1.12 s"),
        (12.34, "12.3 s"),
        (125.0, "2 m 5 s"),
    ],
)
def test_lapse(seconds: float | None, written: str) -> None:
    """Three digits at most, in the unit that suits."""
    assert words.lapse(seconds) == written


@pytest.mark.parametrize(
    ("seconds", "passed", "to_come"),
    [
        (0.2, "0 s", "1 s"),
        (40.0, "40 s", "40 s"),
        (60.5, "1 m", "2 m"),
        (303.0, "5 m 3 s", "6 m"),
        (3600.0, "1 h", "1 h"),
        (34050.0, "9 h 27 m", "9 h 28 m"),
        (273_700.0, "3 d 4 h", "3 d 5 h"),
        (863_000.0, "9 d", "10 d"),
        (-5.0, "0 s", "0 s"),
    ],
)
def test_spans_round_down_behind_us_and_up_before_us(seconds: float, passed: str, to_come: str) -> None:
    """Two units at most. A wait is never shorter than it says... which it would be if it were rounded down."""
    assert (words.span(seconds), words.wait(seconds)) == (passed, to_come)


@pytest.mark.parametrize(
    ("seconds", "written"), [(41.2, "0:42"), (725.0, "12:05"), (3605.0, "1:00:05"), (-1.0, "0:00")]
)
def test_countdown(seconds: float, written: str) -> None:
    """Rounded up: 0:00 is over."""
    assert words.countdown(seconds) == written


def test_clock_is_local() -> None:
    """To the second, in the zone asked for."""
    assert words.clock(NOON + 5.9, "UTC") == "12:00:05"
    assert words.clock(NOON, "Europe/Berlin") == "13:00:00"


@pytest.mark.parametrize(
    ("hours", "zone", "written"),
    [
        (12, "UTC", "00:00 UTC"),
        (20, "America/Los_Angeles", "00:00 Pacific"),
        (11, "Europe/Berlin", "00:00 Berlin"),
        (24 * 9 + 12, "UTC", "00:00 UTC on 1 Dec"),
    ],
)
def test_resets_name_their_zone(hours: int, zone: str, written: str) -> None:
    """And the day, if it is not within the next twenty-four hours."""
    assert words.reset(NOON + hours * 3600, zone, NOON) == written


@pytest.mark.parametrize(("zone", "written"), [("UTC", "21 Nov"), ("Pacific/Kiritimati", "22 Nov")])
def test_days_are_those_of_the_zone(zone: str, written: str) -> None:
    """Without the year: charts reach back one at most."""
    assert words.day(NOON, zone) == written


def test_reset_a_hair_before_the_minute_is_that_minute() -> None:
    """Times are floats: 23:59:59.9999 is midnight."""
    assert words.reset(NOON + 12 * 3600 - 1e-4, "UTC", NOON) == "00:00 UTC"


def test_tokens_read_in_then_out() -> None:
    """An estimate is marked, the unknown is a dash."""
    assert words.tokens(1902, 244) == "1,902 → 244"
    assert words.tokens(1902, 244, estimated=True) == "~1,902 → 244"
    assert words.tokens(None, 3) == "–"  # noqa: RUF001


def test_plural() -> None:
    """One model, four models."""
    assert (words.plural(1, "model"), words.plural(4, "model"), words.plural(0, "model")) == (
        "1 model",
        "4 models",
        "0 models",
    )
