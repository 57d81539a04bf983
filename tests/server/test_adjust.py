"""What is set by hand: what a limit has used, and the end of a cooldown."""

import logging
import signal
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.catalog.catalog import Client
from gateway.catalog.schema import Server
from gateway.clock import FakeClock
from gateway.limits.calendars import CalendarWindow
from gateway.limits.reported import Reported
from gateway.limits.rules import TokenBucket
from gateway.limits.terms import Meter, Need
from gateway.records import Secret
from gateway.server.keys import RELAY, STATE
from gateway.state import State
from tests.processes import running

from .conftest import Serve
from .house import ADMIN, catalog, target

ADJUST, RESET = "/usage/adjust", "/usage/cooldowns/reset"
DAY = Meter.of("model", "groq/llama#home", "requests", "day", CalendarWindow(50, "day"))
WORK = Meter.of("model", "groq/llama#work", "requests", "day", CalendarWindow(50, "day"))
MINUTE = Meter.of("model", "groq/llama#home", "tokens", "minute", TokenBucket(1000, 60, 1000))
DIMES = Meter.of("client", "aider", "cost", "day", CalendarWindow(100_000_000, "day"))
SHUT = Meter.of("client", "aider", "requests", "day", CalendarWindow(0, "day"))
TWICE = (
    Meter.of("provider", "groq#home", "requests", "day", CalendarWindow(7, "day")),
    Meter.of("key", "groq#home", "requests", "day", CalendarWindow(9, "day")),
)
HOUSE = catalog(
    [
        target("groq", "llama", key="home", meters=(DAY, MINUTE, *TWICE)),
        target("groq", "llama", key="work", meters=(WORK,)),
    ],
    clients=[Client(name="aider", secret=Secret("k"), meters=(DIMES, SHUT))],
)


def said(used: Any, **other: Any) -> dict[str, Any]:
    """What somebody says about DAY, unless something else is meant."""
    return {"scope": "groq/llama#home", "unit": "requests", "window": "day", "used": used, **other}


async def test_i_used_forty_today_already(serve: Serve, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is the limit's row as it is now; other keys' limits stay, and so does what is held."""
    client = await serve(HOUSE)
    ledger, now = client.app[STATE].ledger, clock.now()
    ledger.reserve([DAY], Need(), now)
    with caplog.at_level(logging.INFO):
        answer = await client.post(ADJUST, json=said(40))
    row = await answer.json()
    assert (answer.status, row) == (
        200,
        {
            "scope": "groq/llama#home",
            "scope_type": "model",
            "unit": "requests",
            "window": "day",
            "algorithm": "calendar",
            "amount": 50,
            "used": 40,
            "reserved": 1,
            "remaining": 9,
            "opens_at": None,
            "resets_at": "2026-02-01T00:00:00.000Z",
            "source": "counted",
            "reported": None,
            "empty_at": None,
        },
    )
    assert row in (await (await client.get("/usage/current")).json())["limits"]
    assert ledger.used(WORK, now) == 0
    assert "set by hand: model:groq/llama#home:requests_per_day used 40, was 0" in caplog.text


@pytest.mark.parametrize(
    ("body", "meter", "used"),
    [
        pytest.param(said(0), DAY, 0, id="nothing"),
        pytest.param(said(40.0), DAY, 40, id="a whole number with a point"),
        pytest.param(said(51), DAY, 51, id="more than the amount"),
        pytest.param(said(700, unit="tokens", window="minute"), MINUTE, 700, id="a bucket"),
        pytest.param(said(0.037, scope="aider", unit="cost"), DIMES, 37_000_000, id="money in USD"),
        pytest.param(said(0, scope="aider"), SHUT, 0, id="a limit that allows nothing"),
        pytest.param(
            said(3, scope="groq#home", scope_type="key"), TWICE[1], 3, id="of two kinds, the one that is meant"
        ),
        pytest.param(said(3, scope_type="model"), DAY, 3, id="the only kind there is"),
    ],
)
async def test_what_is_said_is_counted(
    serve: Serve, clock: FakeClock, body: dict[str, Any], meter: Meter, used: int
) -> None:
    client = await serve(HOUSE)
    answer = await client.post(ADJUST, json=body)
    assert answer.status == 200
    assert client.app[STATE].ledger.used(meter, clock.now()) == used


@pytest.mark.parametrize(
    ("body", "status", "param", "text"),
    [
        pytest.param(said(1, scope="groq/lama#home"), 404, "scope", "Closest: groq/llama#home, ", id="scope"),
        pytest.param(said(1, scope="§"), 404, "scope", "No limit applies to '§'. GET /usage", id="nothing like it"),
        pytest.param(
            said(1, scope_type="provider"),
            404,
            "scope",
            "provider 'groq/llama#home'",
            id="a kind that has no such scope",
        ),
        pytest.param(
            said(1, unit="cost"),
            404,
            "unit",
            "has no limit cost_per_day. It has: requests_per_day, tokens_per_minute.",
            id="unit",
        ),
        pytest.param(said(1, window="hour"), 404, "window", "has no limit requests_per_hour", id="window"),
        pytest.param(
            said(1, scope="groq#home"), 400, "scope_type", "add `scope_type`, provider or key", id="which one"
        ),
        pytest.param(said(-1), 400, "used", "negative", id="negative"),
        pytest.param(said(-0.01, scope="aider", unit="cost"), 400, "used", "negative", id="negative money"),
        pytest.param(said(1.5), 400, "used", "whole number", id="half a request"),
        pytest.param(said(50_001), 400, "used", "1,000 times", id="absurd"),
        pytest.param(said(1e308, scope="aider", unit="cost"), 400, "used", "1,000 times", id="absurd money"),
        pytest.param(said(10**400), 400, "used", "1,000 times", id="absurd beyond words"),
        pytest.param(said(1, scope="aider"), 400, "used", "1,000 times", id="of nothing"),
        pytest.param(said("40"), 400, "used", "whole number", id="a text"),
        pytest.param(said(True), 400, "used", "whole number", id="yes"),
        pytest.param(said(None, scope="aider", unit="cost"), 400, "used", "USD", id="no number"),
        pytest.param(said(1, scope=""), 400, "scope", "`scope` has to be a text", id="no scope"),
        pytest.param(said(1, unit=5), 400, "unit", "`unit` has to be a text", id="no unit"),
        pytest.param(said(1, window=None), 400, "window", "`window` has to be a text", id="no window"),
        pytest.param(said(1, scope_type=1), 400, "scope_type", "`scope_type` has to be", id="no kind"),
        pytest.param([], 400, None, '"used": 40}', id="no object"),
        pytest.param(
            said(1, unit="concurrent_requests", window=None),
            400,
            "unit",
            "Nothing of concurrent_requests is ever used up",
            id="a limit without a window",
        ),
        pytest.param(
            said(1, unit="tokens_per_request", window=""),
            400,
            "unit",
            "Nothing of tokens_per_request is ever used up",
            id="a limit of each request",
        ),
    ],
)
async def test_what_is_not_understood_changes_nothing(
    serve: Serve, clock: FakeClock, body: Any, status: int, param: str | None, text: str
) -> None:
    """It says which field, and what there is."""
    client = await serve(HOUSE)
    state = client.app[STATE]
    answer = await client.post(ADJUST, data=dumped(body), headers={"content-type": "application/json"})
    error = (await answer.json())["error"]
    assert (answer.status, error["param"]) == (status, param)
    assert text in error["message"]
    assert not any(state.ledger.used(meter, clock.now()) for meter in HOUSE.meters)


def dumped(body: Any) -> bytes:
    """JSON, numbers of any size included."""
    return str(body).replace("'", '"').replace("None", "null").replace("True", "true").encode()


def lay_to_rest(state: State, clock: FakeClock, *scopes: tuple[Any, str]) -> None:
    """A minute's cooldown for each."""
    for kind, id_ in scopes:
        state.cooldowns.rest(
            kind, id_, clock.now(), wait_s=60, certain=False, cause="429", jitter=lambda: 1.0, schedule="backoff"
        )


@pytest.mark.parametrize(
    ("id_", "ended", "left"),
    [
        pytest.param("groq/llama", ["groq/llama"], ["groq", "groq", "mistral"], id="one"),
        pytest.param("groq", ["groq", "groq"], ["groq/llama", "mistral"], id="a provider and its only key"),
        pytest.param("*", ["groq", "groq", "groq/llama", "mistral"], [], id="all"),
    ],
)
async def test_a_rest_ends(serve: Serve, clock: FakeClock, id_: str, ended: list[str], left: list[str]) -> None:
    """At once, its failures forgotten; the answer lists what ended, as `/usage/current` did."""
    client = await serve(HOUSE)
    state = client.app[STATE]
    scopes = (("provider", "groq"), ("key", "groq"), ("model", "groq/llama"), ("provider", "mistral"))
    lay_to_rest(state, clock, *scopes)
    listed = (await (await client.get("/usage/current")).json())["cooldowns"]
    answer = await client.post(RESET, json={"id": id_})
    told = (await answer.json())["reset"]
    assert (answer.status, sorted(each["id"] for each in told)) == (200, ended)
    assert all(each in listed for each in told)
    assert sorted(each.id for each in state.cooldowns.active(clock.now())) == left


async def test_nothing_rests(serve: Serve, clock: FakeClock) -> None:
    """All of nothing is fine; one that is not there is not, and the closest are named."""
    client = await serve(HOUSE)
    assert await (await client.post(RESET, json={"id": "*"})).json() == {"reset": [], "lifted": []}
    lay_to_rest(client.app[STATE], clock, ("model", "groq/llama"))
    answer = await client.post(RESET, json={"id": "groq/lama"})
    error = (await answer.json())["error"]
    assert (answer.status, error["param"]) == (404, "id")
    assert error["message"] == (
        "No cooldown, and no limit that was shut, has the id 'groq/lama'. Closest: groq/llama. "
        "GET /usage/current lists them."
    )


def told(clock: FakeClock, *, shut: bool) -> Reported:
    """What a provider said of a limit, which holds for an hour."""
    wall = clock.wall
    return Reported(by="groq", remaining=0, over=45, drift=45, at=wall, until=wall + 3600, sure="certain", shut=shut)


@pytest.mark.parametrize(("id_", "open_"), [("groq/llama#home", [DAY]), ("*", [DAY, WORK])])
async def test_a_limit_that_a_refusal_shut_opens(
    serve: Serve, clock: FakeClock, id_: str, open_: list[Meter], caplog: pytest.LogCaptureFixture
) -> None:
    """By its scope, or with all; what we counted stays, and so does what lowers without a refusal."""
    client = await serve(HOUSE)
    ledger, now = client.app[STATE].ledger, clock.now()
    ledger.adjust(DAY, 7, now)
    for meter, shut in ((DAY, True), (WORK, True), (MINUTE, False)):
        ledger.report(meter, told(clock, shut=shut), now)
    assert ledger.shortfalls([DAY], Need(), now)
    with caplog.at_level(logging.INFO):
        answer = await client.post(RESET, json={"id": id_})
    rows = (await answer.json())["lifted"]
    assert [(each["scope"], each["unit"], each["source"]) for each in rows] == [
        (meter.scope, meter.unit, "counted") for meter in open_
    ]
    assert (rows[0]["used"], rows[0]["remaining"]) == (7, 43)
    assert not ledger.shortfalls(open_, Need(), now)
    assert [bool(ledger.reported(each, now)) for each in (WORK, MINUTE)] == [WORK not in open_, True]
    assert "limit opened by hand: model:groq/llama#home:requests_per_day" in caplog.text


@pytest.mark.parametrize("shut", [False, True])
async def test_what_is_said_by_hand_goes_over_what_was_reported(serve: Serve, clock: FakeClock, *, shut: bool) -> None:
    """A person looked it up; and the next answer reports again."""
    client = await serve(HOUSE)
    ledger = client.app[STATE].ledger
    ledger.report(DAY, told(clock, shut=shut), clock.now())
    row = await (await client.post(ADJUST, json=said(40))).json()
    assert (row["used"], row["remaining"], row["source"], row["reported"]) == (40, 10, "counted", None)
    assert ledger.used(DAY, clock.now()) == 40


@pytest.mark.parametrize(("path", "body"), [(ADJUST, said(3)), (RESET, {"id": "*"})])
async def test_whoever_waits_looks_again(serve: Serve, path: str, body: dict[str, Any]) -> None:
    """It may be the room that they wait for."""
    client = await serve(HOUSE)
    with client.app[RELAY].lines.join("base", 1) as place:
        assert (await client.post(path, json=body)).status == 200
        assert place.woken.is_set()


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": 5}, {"id": None}, [], "no"])
async def test_which_one_has_to_be_said(serve: Serve, clock: FakeClock, body: Any) -> None:
    """An empty body ends nothing: all of them take a `*`."""
    client = await serve(HOUSE)
    lay_to_rest(client.app[STATE], clock, ("model", "groq/llama"))
    assert (await client.post(RESET, json=body)).status == 400
    assert len(client.app[STATE].cooldowns.active(clock.now())) == 1


@pytest.mark.parametrize("path", [ADJUST, RESET])
@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        pytest.param("", {"Via": "a proxy"}, 403, id="from afar without a token"),
        pytest.param("", {"Origin": "http://evil.test"}, 403, id="a page elsewhere"),
        pytest.param("", {"Sec-Fetch-Site": "cross-site"}, 403, id="a form elsewhere"),
        pytest.param(ADMIN, {}, 401, id="without the token"),
        pytest.param(ADMIN, {"Authorization": "Bearer k"}, 401, id="with a client's key"),
        pytest.param(ADMIN, {"x-admin-token": ADMIN}, 400, id="with the token"),
    ],
)
async def test_only_an_admin_may(serve: Serve, path: str, token: str, headers: dict[str, str], status: int) -> None:
    """And no page but our own can make a browser do it."""
    client = await serve(catalog(server=Server(admin_token=Secret(token))))
    assert (await client.post(path, json={}, headers=headers)).status == status


CONFIG = """
providers:
  demo:
    type: echo
    models:
      echo: {price: free, limits: {requests_per_day: 50, requests_per_24h: 100}}
      echo-429: {price: free}
"""


def test_what_was_set_by_hand_outlives_a_restart(tmp_path: Path) -> None:
    """By a clock's window and a rolling one; and a rest that was ended is not back."""
    (tmp_path / "gateway.yaml").write_text(CONFIG, "utf-8")
    with running(tmp_path, "--config", "gateway.yaml") as server:
        for window, used in (("day", 50), ("24h", 7)):
            body = said(used, scope="demo/echo", window=window)
            assert server.request("POST", ADJUST, body)[0] == 200
        assert server.chat("echo-429")[0] == 429
        told = orjson.loads(server.request("POST", RESET, {"id": "demo/echo-429"})[2])
        assert [each["scope_type"] for each in told["reset"]] == ["model_key"]
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0
    with running(tmp_path, "--config", "gateway.yaml") as again:
        told = orjson.loads(again.request("GET", "/usage/current")[2])
        assert {row["window"]: row["used"] for row in told["limits"]} == {"day": 50, "24h": 7}
        assert told["cooldowns"] == []
        assert again.chat("echo")[0] == 429
