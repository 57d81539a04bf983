"""What is counted of a request, and for whom."""

import pytest
from msgspec.structs import replace

from gateway.history.tally import By, Tally, added, count
from gateway.records import Settled, Usage

from .requests import ended


def counted(*settled: Settled, **changed: object) -> dict[tuple[By, str], Tally]:
    """The tallies of some requests, by kind and name."""
    found: dict[tuple[By, str], Tally] = {}
    for each in settled:
        count(replace(each, **changed), lambda by, name: found.setdefault((by, name), Tally()))
    return found


def test_a_request_is_its_clients_and_its_targets() -> None:
    """A failed attempt before it is another target's, and never a request."""
    found = counted(ended("503", "ok", client="aider"))
    assert {name: (tally.requests, tally.attempts, tally.errors) for name, tally in found.items()} == {
        ("client", "aider"): (1, 2, 0),
        ("provider", "mistral"): (0, 1, 1),
        ("model", "mistral/small"): (0, 1, 1),
        ("provider", "groq"): (1, 1, 0),
        ("model", "groq/llama"): (1, 1, 0),
    }


def test_a_request_that_nobody_answered_is_its_clients_alone() -> None:
    """As an error; and it took no time to a first token."""
    found = counted(ended("503", status=502, cost=None))
    assert (found["client", ""].requests, found["client", ""].errors, found["client", ""].first_tokens) == (1, 1, 0)
    assert ("provider", "groq") not in found


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        pytest.param(0, (0, 1, 700), id="free"),
        pytest.param(900, (900, 0, 0), id="paid"),
        pytest.param(None, (0, 0, 0), id="unknown is neither free nor a number"),
    ],
)
def test_money(cost: int | None, expected: tuple[int, int, int]) -> None:
    """Cost, free requests, list price avoided."""
    tally = counted(ended("ok", cost=cost))["model", "groq/llama"]
    assert (tally.cost_nanousd, tally.free_requests, tally.list_price_nanousd) == expected


def test_an_unknown_list_price_avoids_nothing() -> None:
    """It is not a guess."""
    tally = counted(ended("ok"), list_price_nanousd=None)["model", "groq/llama"]
    assert (tally.free_requests, tally.list_price_nanousd) == (1, 0)


def test_the_time_to_the_first_token_is_a_mean() -> None:
    """Of the answers that had one; unknown without any."""
    slow, fast, unknown = (replace(ended("ok"), first_token_s=each) for each in (0.5, 0.1, None))
    tally = counted(slow, fast, unknown)["provider", "groq"]
    assert (tally.requests, tally.first_tokens, tally.first_token_s) == (3, 2, 0.3)
    assert Tally().first_token_s is None


def test_adding_up_forgets_nothing() -> None:
    """Every field of every tally."""
    one = counted(ended("503", "ok"), usage=Usage(10, 5, cached=3))["client", ""]
    two = counted(ended("ok", cost=900))["client", ""]
    assert added([one, two]) == Tally(
        requests=2,
        attempts=3,
        errors=0,
        free_requests=1,
        first_tokens=2,
        input=20,
        output=10,
        cached=3,
        cost_nanousd=900,
        list_price_nanousd=700,
        first_token_us=200_000,
    )
    assert (one.tokens, added([])) == (15, Tally())
