"""Why, in few words."""

from typing import Any

import pytest
from msgspec.structs import replace

from gateway.clock import Moment
from gateway.limits.ledger import Ledger
from gateway.limits.meters import gauge
from gateway.limits.shorthand import make_rule
from gateway.limits.terms import Meter, Shortfall
from gateway.routing.explain import numbers, room, said, why_header


def short(
    unit: Any,
    window: str,
    used: int,
    held: int,
    need: int,
    amount: int,
    *,
    scope_type: Any = "model",
    never: bool = False,
    by_holds: bool = False,
) -> Shortfall:
    """A limit without room."""
    meter = Meter.of(scope_type, "m", unit, window, make_rule(unit, window, amount, timezone="UTC"))
    return Shortfall(
        meter=meter,
        used=used,
        held=held,
        need=need,
        amount=amount,
        opens_at=None,
        wait_s=1,
        never=never,
        by_holds=by_holds,
    )


@pytest.mark.parametrize(
    ("shortfall", "text"),
    [
        (short("requests", "minute", 30, 0, 1, 30), "30 of 30 this minute"),
        (
            short("requests", "minute", 28, 2, 1, 30),
            "30 of 30 this minute, 2 held by running requests, opening estimated",
        ),
        (short("requests", "day", 30, 2, 1, 30), "32 of 30 today"),
        (
            short("cost", "day", 10_000_000, 5_000_000, 1, 15_000_000, by_holds=True),
            "$0.01 of $0.01 today, $0.005 held by running requests, opening estimated",
        ),
        (short("requests", "day", 30, 0, 1, 30, scope_type="client"), "30 of 30 today (client m)"),
        (short("requests", "5h", 30, 0, 1, 30), "30 of 30 in 5h"),
        (short("tokens", "minute", 4100, 0, 10_600, 12_000), "needs 10,600, 7,900 of 12,000 tokens left this minute"),
        (short("tokens", "day", 12_000, 0, 10, 12_000), "12,000 of 12,000 tokens today"),
        (
            short("input_tokens", "day", 0, 0, 99, 12, never=True),
            "needs 99 input tokens, the whole limit is 12 per day",
        ),
        (short("concurrent_requests", "", 0, 4, 1, 4), "4 of 4 running, opening estimated"),
        (
            short("tokens_per_request", "", 0, 0, 10_600, 8000, never=True),
            "needs 10,600 tokens, a request may be 8,000",
        ),
        (short("cost", "month", 2_000_000_000, 0, 5, 2_000_000_000), "$2.00 of $2.00 this month"),
        (short("cost", "day", 0, 0, 3_000_000_000, 2_000_000), "needs $3.00, $0.002 of $0.002 left today"),
    ],
)
def test_what_a_limit_lacks(shortfall: Shortfall, text: str) -> None:
    """Every number with its base beside it; whose limit, if it is not the target's; whether the time is a guess."""
    assert said(shortfall) == text


@pytest.mark.parametrize(
    ("unit", "amount", "used", "text"),
    [
        ("requests", 30, 22, "8 of 30 left this minute"),
        ("tokens", 12_000, 4_100, "7,900 of 12,000 tokens left this minute"),
        ("cost", 2_000_000_000, 370_000_000, "$1.63 of $2.00 left this minute"),
    ],
)
def test_what_a_limit_has_left(unit: Any, amount: int, used: int, text: str) -> None:
    """What is held counts as gone."""
    meter = Meter.of("model", "m", unit, "minute", make_rule(unit, "minute", amount))
    ledger, now = Ledger(), Moment(0.0, 0.0)
    ledger.adjust(meter, used, now)
    assert room(gauge(meter, ledger, now)) == text


def test_money_is_counted_in_dollars() -> None:
    """Everything else in whole numbers."""
    assert numbers("cost", 370_000_000, 2_000_000_000) == {"used": 0.37, "amount": 2.0}
    assert repr(numbers("tokens", 4_100, 12_000)) == "{'used': 4100, 'amount': 12000}"


def test_header_names_all_that_fit_and_counts_the_rest() -> None:
    """At most 200 bytes, cut at a whole entry; the last one, who answered, stays."""
    assert why_header([("openrouter/x", "429"), ("groq/y", "ok")]) == "openrouter/x:429;groq/y:ok"
    many = why_header([(f"provider/{i:030}", "429") for i in range(20)] + [("groq/y", "ok")])
    assert many.endswith(";groq/y:ok;+16")
    assert many.count("provider/") == 4
    assert len(many) <= 200
    assert why_header([("x" * 300, "ok")]) == "+1"


def test_names_cannot_end_the_header() -> None:
    """A wildcard takes names from clients: control characters, separators and other letters become `?`."""
    assert why_header([("groq/a;b\r\nc ü", "")]) == "groq/a?b??c??"


def test_a_limit_that_cannot_be_written_down_says_why_it_is_closed() -> None:
    """The time is a guess: nobody knows when the disk will be well."""
    closed = replace(short("cost", "day", 0, 0, 1, 5), closed="No space left on device")
    assert said(closed) == "closed, since nothing can be written down (No space left on device), opening estimated"
