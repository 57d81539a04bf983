"""The numbers behind the pages."""

from typing import Any

import pytest
from msgspec.structs import replace

from gateway.catalog.catalog import Client
from gateway.clock import FakeClock, Moment
from gateway.limits.ledger import Meter
from gateway.limits.rules import TokenBucket
from gateway.limits.terms import Need
from gateway.pricing import Price
from gateway.records import AttemptRecord, Candidate, Secret, Settled, Usage
from gateway.server.keys import STATE

from .conftest import Serve
from .house import catalog, target

AT = 1769903970.0
"""2026-01-31 23:59:30 UTC."""


def ended(name: str = "r1", asked: str = "base", status: int = 200, outcome: str = "ok", **other: Any) -> Settled:
    """One request that groq answered after openrouter had not."""
    values: dict[str, Any] = {
        "client": "aider",
        "route": "groq/llama",
        "provider": "groq",
        "stream": True,
        "usage": Usage(input=10, output=5, cached=2),
        "cost_nanousd": 1_900_000,
        "list_price_nanousd": None,
        "attempts": (
            AttemptRecord(
                target="openrouter/x", status=429, cause="429", started_at=AT, first_byte_s=None, duration_s=0.1
            ),
            AttemptRecord(
                target="groq/llama", status=200, cause="ok", started_at=AT + 0.1, first_byte_s=0.2, duration_s=0.9
            ),
        ),
        "candidates": (
            Candidate(id="openrouter/x", place=1, verdict="tried", rule="429", text="429 after 100 ms"),
            Candidate(id="groq/llama", place=2, verdict="chosen", rule="first", text="free, ready"),
        ),
        "first_token_s": 0.3,
        "duration_s": 1.0,
        "overhead_s": 0.001,
        "retry": 1,
    }
    return Settled(id=name, at=AT, asked=asked, status=status, outcome=outcome, **{**values, **other})


RECENT = (
    ended("r1"),
    ended("r2", asked="groq/llama", status=429, outcome="rate_limit_exceeded"),
    ended("r3", asked="other", route="", status=503, outcome="no_candidate"),
    ended("r4", asked="code", outcome="client_left", route="mistral/codestral"),
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", ["r4", "r3", "r2", "r1"], id="newest first"),
        pytest.param("limit=2", ["r4", "r3"], id="so many"),
        pytest.param("limit=99999999999999999999", ["r4", "r3", "r2", "r1"], id="more than there are"),
        pytest.param("model=base", ["r1"], id="as asked"),
        pytest.param("model=groq/llama", ["r2", "r1"], id="as asked or served"),
        pytest.param("model=codestral", ["r4"], id="as served, without the provider"),
        pytest.param("status=429", ["r2"], id="a status"),
        pytest.param("status=2XX", ["r4", "r1"], id="a class"),
        pytest.param("status=ok", ["r1"], id="an outcome"),
        pytest.param("status=4xx&model=base", [], id="both"),
        pytest.param("model=&status=&limit=", ["r4", "r3", "r2", "r1"], id="an empty form"),
    ],
)
async def test_requests_are_filtered(serve: Serve, query: str, expected: list[str]) -> None:
    client = await serve()
    client.app[STATE].recent.extend(RECENT)
    answer = await client.get(f"/usage/requests?{query}")
    assert [each["request_id"] for each in (await answer.json())["requests"]] == expected


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", "²"])
async def test_limit_is_a_number(serve: Serve, limit: str) -> None:
    client = await serve()
    answer = await client.get("/usage/requests", params={"limit": limit})
    assert (answer.status, (await answer.json())["error"]["param"]) == (400, "limit")


async def test_request_tells_its_way(serve: Serve) -> None:
    """The names are those of `/explain`; times are RFC 3339, money is USD."""
    client = await serve()
    client.app[STATE].recent.append(ended())
    answer = await client.get("/usage/requests")
    assert (await answer.json())["requests"] == [
        {
            "request_id": "r1",
            "at": "2026-01-31T23:59:30.000Z",
            "client": "aider",
            "asked": "base",
            "route": "groq/llama",
            "status": 200,
            "outcome": "ok",
            "stream": True,
            "tokens": {"input": 10, "output": 5, "cached": 2, "reasoning": 0, "estimated": False},
            "cost_usd": 0.0019,
            "list_price_usd": None,
            "first_token_s": 0.3,
            "duration_s": 1.0,
            "overhead_s": 0.001,
            "client_retry": 1,
            "attempts": [
                {
                    "target": "openrouter/x",
                    "status": 429,
                    "cause": "429",
                    "started_at": "2026-01-31T23:59:30.000Z",
                    "first_byte_s": None,
                    "duration_s": 0.1,
                },
                {
                    "target": "groq/llama",
                    "status": 200,
                    "cause": "ok",
                    "started_at": "2026-01-31T23:59:30.100Z",
                    "first_byte_s": 0.2,
                    "duration_s": 0.9,
                },
            ],
            "targets": [
                {
                    "id": "openrouter/x",
                    "place": 1,
                    "verdict": "tried",
                    "rule": "429",
                    "text": "429 after 100 ms",
                    "used": None,
                    "amount": None,
                    "opens_at": None,
                },
                {
                    "id": "groq/llama",
                    "place": 2,
                    "verdict": "chosen",
                    "rule": "first",
                    "text": "free, ready",
                    "used": None,
                    "amount": None,
                    "opens_at": None,
                },
            ],
        }
    ]


TEN = Meter.of("model", "groq/llama", "requests", "minute", TokenBucket(10, 60, 10))
DIMES = Meter.of("client", "aider", "cost", "minute", TokenBucket(100_000_000, 60, 100_000_000))
HOUSE = catalog(
    [
        target("groq", "llama", meters=(TEN,)),
        target("groq", "other"),
        target("mistral", "large", idle="no_key"),
        target("old", "model", idle="off"),
    ],
    clients=[Client(name="aider", secret=Secret("k"), meters=(DIMES,))],
)


async def test_current_has_a_row_for_every_limit(serve: Serve, clock: FakeClock) -> None:
    """What is held stands beside what is used."""
    client = await serve(HOUSE)
    ledger, now = client.app[STATE].ledger, clock.now()
    ledger.settle(ledger.reserve([TEN], Need(4), now), Need(4), now)
    ledger.reserve([TEN], Need(1), now)
    body = await (await client.get("/usage/current")).json()
    assert body["at"] == "2026-01-31T23:59:30.000Z"
    first, second = body["limits"]
    assert first == {
        "scope": "groq/llama",
        "scope_type": "model",
        "unit": "requests",
        "window": "minute",
        "algorithm": "bucket",
        "amount": 10,
        "used": 4,
        "reserved": 1,
        "remaining": 5,
        "opens_at": None,
        "resets_at": "2026-01-31T23:59:54.000Z",
        "source": "counted",
        "reported": None,
        "empty_at": None,
    }
    assert (second["scope"], second["scope_type"], second["unit"], second["amount"]) == ("aider", "client", "cost", 0.1)


async def test_current_says_what_models_cost_and_who_says_so(serve: Serve) -> None:
    """Dollars per million tokens and the list they are from; what is unknown is null, not zero."""
    known = target(price=Price(25 * 10**8, 10**9, 25 * 10**8, 10**10, 10**10), price_source="list 2026-11-21")
    found = catalog([known, target(model="other")])
    fee = replace(found.providers["groq"], monthly_fee_nanousd=20 * 10**9)
    client = await serve(replace(found, providers={"groq": fee}))
    body = await (await client.get("/usage/current")).json()
    assert body["models"]["groq/llama"]["price"] == {
        "input": 2.5,
        "cached_input": 1.0,
        "cache_write": 2.5,
        "output": 10.0,
        "reasoning": 10.0,
        "request": 0.0,
        "source": "list 2026-11-21",
    }
    assert body["models"]["groq/other"]["price"] is None
    assert body["providers"]["groq"]["monthly_fee_usd"] == 20.0


async def test_current_says_how_providers_and_models_stand(serve: Serve, clock: FakeClock) -> None:
    """One model of groq is used up, the other one still serves: worth a look, no more."""
    client = await serve(HOUSE)
    ledger, now = client.app[STATE].ledger, clock.now()
    ledger.settle(ledger.reserve([TEN], Need(10), now), Need(10), now)
    body = await (await client.get("/usage/current")).json()
    assert {name: each["state"] for name, each in body["providers"].items()} == {
        "groq": "near_limit",
        "mistral": "no_key",
        "old": "off",
    }
    assert {name: each["state"] for name, each in body["models"].items()} == {
        "groq/llama": "used_up",
        "groq/other": "ready",
        "mistral/large": "no_key",
        "old/model": "off",
    }
    assert body["providers"]["groq"] == {
        "state": "near_limit",
        "requests": 0,
        "attempts": 0,
        "errors": 0,
        "tokens": 0,
        "cost_usd": 0.0,
        "monthly_fee_usd": 0.0,
    }
    assert body["cooldowns"] == []


async def test_current_says_what_was_done_today(serve: Serve, clock: FakeClock) -> None:
    """Requests count where they were answered, attempts wherever they were made."""
    client = await serve(HOUSE)
    client.app[STATE].today.add(ended())
    body = await (await client.get("/usage/current")).json()
    assert body["providers"]["groq"] == {
        "state": "ready",
        "requests": 1,
        "attempts": 1,
        "errors": 0,
        "tokens": 15,
        "cost_usd": 0.0019,
        "monthly_fee_usd": 0.0,
    }
    assert body["models"]["groq/llama"]["tokens"] == 15


async def test_current_has_the_totals_of_day_and_month(serve: Serve, clock: FakeClock) -> None:
    """Every request, wherever it went; errors are requests that failed. A minute later another month has begun."""
    client = await serve(HOUSE)
    state = client.app[STATE]
    state.today.add(ended())
    state.today.add(ended(cost_nanousd=0, list_price_nanousd=700_000))
    state.today.add(ended(route="", status=503, outcome="no_candidate", usage=Usage(), cost_nanousd=0))
    body = await (await client.get("/usage/current")).json()
    expected = {
        "requests": 3,
        "attempts": 6,
        "errors": 1,
        "tokens": 30,
        "cost_usd": 0.0019,
        "input_tokens": 20,
        "output_tokens": 10,
        "cached_tokens": 4,
        "free_requests": 1,
        "list_price_avoided_usd": 0.0007,
    }
    assert body["totals"] == {"today": expected, "month": expected}
    clock.advance(60)
    body = await (await client.get("/usage/current")).json()
    assert body["totals"]["month"]["requests"] == body["totals"]["today"]["requests"] == 0


async def test_three_failures_in_a_row_are_failing(serve: Serve) -> None:
    """Of the attempts at a model, or at any of a provider's models, whatever became of the requests."""
    failed = AttemptRecord(
        target="groq/llama", status=500, cause="500", started_at=AT, first_byte_s=None, duration_s=0.1
    )
    client = await serve(HOUSE)
    client.app[STATE].recent.extend([ended("r1"), ended("r2", attempts=(failed,)), ended("r3", attempts=(failed,) * 2)])
    body = await (await client.get("/usage/current")).json()
    assert (body["models"]["groq/llama"]["state"], body["providers"]["groq"]["state"]) == ("failing", "failing")
    client.app[STATE].recent.append(ended("r4"))
    body = await (await client.get("/usage/current")).json()
    assert (body["models"]["groq/llama"]["state"], body["providers"]["groq"]["state"]) == ("ready", "ready")


class Resting:
    """Cooldowns of one target."""

    def __init__(self, cooldown: "Rest") -> None:
        self.cooldown = cooldown

    def active(self, _now: Moment) -> list["Rest"]:
        """That one."""
        return [self.cooldown]

    def blocking(self, found: Any, _now: Moment) -> "Rest | None":
        """Whether it is of this target."""
        return self.cooldown if found.id == self.cooldown.id else None


class Rest:
    """A minute and a half after a 429."""

    kind = "model"
    id = "groq/llama"
    cause = "429, Retry-After 90"

    def left_s(self, _now: Moment) -> float:
        """A minute and a half."""
        return 90.0


async def test_current_lists_cooldowns_with_their_cause(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await serve(HOUSE)
    monkeypatch.setattr(client.app[STATE], "cooldowns", Resting(Rest()))
    body = await (await client.get("/usage/current")).json()
    assert body["cooldowns"] == [
        {"id": "groq/llama", "scope_type": "model", "until": "2026-02-01T00:01:00.000Z", "cause": "429, Retry-After 90"}
    ]
    assert body["models"]["groq/llama"]["state"] == "cooling"
    assert body["providers"]["groq"]["state"] == "ready"


@pytest.mark.parametrize("path", ["/usage/current", "/usage/requests"])
async def test_numbers_are_for_the_admin(serve: Serve, path: str) -> None:
    client = await serve()
    assert (await client.get(path, headers={"Via": "a proxy"})).status == 403
