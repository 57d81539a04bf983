"""Today's numbers: by provider, model and client, and never a request in a number of attempts."""

import pytest
from msgspec.structs import replace

from gateway.clock import FakeClock
from gateway.history import Tally, Today
from gateway.history.tally import OTHER

from .requests import NOON, ended


def test_a_fallback_is_one_request_and_two_attempts() -> None:
    """The provider that failed has an attempt and an error, the other one the request."""
    today, now = Today("UTC"), FakeClock(NOON).now()
    today.add(ended("503", "ok", client="aider"))
    one = Tally(
        requests=1,
        attempts=1,
        free_requests=1,
        first_tokens=1,
        input=10,
        output=5,
        list_price_nanousd=700,
        first_token_us=100_000,
    )
    assert today.total(now) == replace(one, attempts=2)
    assert today.providers(now)["mistral"] == Tally(attempts=1, errors=1)
    assert today.providers(now)["groq"] == today.models(now)["groq/llama"] == one
    assert today.clients(now)["aider"].attempts == 2


def test_a_failed_request_is_an_error_of_the_total_and_of_nobody_else() -> None:
    """No target answered: the attempts' errors stand with their providers."""
    today, now = Today("UTC"), FakeClock(NOON).now()
    today.add(ended("503", status=502, cost=None))
    assert (today.total(now).requests, today.total(now).errors, today.total(now).free_requests) == (1, 1, 0)
    assert list(today.providers(now)) == ["mistral"]


def test_money_spent_is_not_money_avoided() -> None:
    """Only answers that cost nothing avoid their list price."""
    today, now = Today("UTC"), FakeClock(NOON).now()
    today.add(ended("ok", cost=900))
    assert (today.total(now).cost_nanousd, today.total(now).list_price_nanousd) == (900, 0)


def test_the_day_ends_at_midnight_of_the_zone() -> None:
    """11 p.m. UTC is tomorrow in Berlin; a clock that steps back goes on in the day it left."""
    today = Today("UTC")
    today.add(ended("ok"))
    assert today.total(FakeClock(NOON + 11.5 * 3600).now()).requests == 1
    today.use("Europe/Berlin")
    assert today.total(FakeClock(NOON + 11.5 * 3600).now()).requests == 0
    assert today.total(FakeClock(NOON).now()).requests == 0


def test_names_without_end_are_counted_under_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wildcard takes names from clients: memory stays bounded."""
    monkeypatch.setattr("gateway.history.today.MOST_SERIES", 2)
    today, now = Today("UTC"), FakeClock(NOON).now()
    for name in "abcd":
        today.add(ended("ok", route=f"groq/{name}"))
    assert {name: tally.requests for name, tally in today.models(now).items()} == {"groq/a": 1, "groq/b": 1, OTHER: 2}


def test_it_survives_a_restart() -> None:
    """What `dump` gave is taken over whole; anything else is refused."""
    today, other, now = Today("UTC"), Today("UTC"), FakeClock(NOON).now()
    today.add(ended("ok"))
    other.restore(today.dump())
    assert other.total(now) == today.total(now)
    with pytest.raises(ValueError, match="no tallies"):
        other.restore({"date": 1})


def test_the_month_is_all_of_its_days() -> None:
    """It begins anew on the first, in the zone."""
    today = Today("UTC")
    for day in (0, 1, 10):
        today.add(ended("503", "ok", at=NOON + day * 86400))
    last = FakeClock(NOON + 10 * 86400).now()
    assert (today.month(last).requests, today.month(last).attempts, today.total(last).requests) == (3, 6, 1)
    december = FakeClock(NOON + 11 * 86400).now()
    assert (today.month(december).requests, today.total(december).requests) == (0, 0)


def test_a_dump_without_a_month_is_taken_over() -> None:
    """An older version wrote none: today is at least a part of it."""
    today, other, now = Today("UTC"), Today("UTC"), FakeClock(NOON).now()
    today.add(ended("ok"))
    dump = today.dump()
    del dump["month"]
    other.restore(dump)
    other.add(ended("ok"))
    assert (other.month(now).requests, other.total(now).requests) == (2, 2)
