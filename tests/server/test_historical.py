"""What was served over time, as JSON and as CSV."""

import csv
import io
from typing import Any

import pytest

from gateway.clock import FakeClock
from gateway.history import WINDOWS
from gateway.server.historical import METRICS, Wanted, wanted
from gateway.server.keys import STATE

from .conftest import Client, Serve
from .test_usage import ended


async def after(serve: Serve, clock: FakeClock, *requests: Any) -> Client:
    """A server that remembers these; the clock stands a minute and a half later."""
    client = await serve()
    for each in requests:
        client.app[STATE].note(each)
    clock.advance(90)
    return client


async def test_points_are_by_time_and_name(serve: Serve, clock: FakeClock) -> None:
    """The last step is the running one; whoever had no traffic is not listed."""
    client = await after(serve, clock, ended("r1"), ended("r2"))
    body = await (await client.get("/usage/historical?window=30m&by=provider&metric=requests")).json()
    assert (body["window"], body["step_s"]) == ("30m", 60)
    groq, openrouter = body["series"]
    assert (groq["id"], openrouter["id"]) == ("groq", "openrouter")
    assert len(groq["points"]) == 30
    assert groq["points"][-3:] == [
        ["2026-01-31T23:59:00.000Z", 2],
        ["2026-02-01T00:00:00.000Z", 0],
        ["2026-02-01T00:01:00.000Z", 0],
    ]
    assert {value for _, value in openrouter["points"]} == {0}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("requests", {"groq": 1, "openrouter": 0}),
        ("attempts", {"groq": 1, "openrouter": 1}),
        ("tokens", {"groq": 15, "openrouter": 0}),
        ("cost", {"groq": 0.0019, "openrouter": 0}),
        ("errors", {"groq": 0, "openrouter": 1}),
        ("latency", {"groq": 0.3, "openrouter": None}),
    ],
)
async def test_every_metric(serve: Serve, clock: FakeClock, metric: str, expected: dict[str, float | None]) -> None:
    """Counts, US dollars, and seconds to the first token: unknown where there was none."""
    client = await after(serve, clock, ended())
    body = await (await client.get(f"/usage/historical?window=30d&metric={metric}")).json()
    assert {each["id"]: each["points"][-2][1] for each in body["series"]} == expected


@pytest.mark.parametrize(("by", "names"), [("model", ["groq/llama", "openrouter/x"]), ("client", ["aider"])])
async def test_every_grouping(serve: Serve, clock: FakeClock, by: str, names: list[str]) -> None:
    client = await after(serve, clock, ended())
    body = await (await client.get(f"/usage/historical?by={by}")).json()
    assert [each["id"] for each in body["series"]] == names


@pytest.mark.parametrize("window", WINDOWS)
async def test_every_window(serve: Serve, clock: FakeClock, window: str) -> None:
    """Of the minute and a half since, the first is too short to show it."""
    client = await after(serve, clock, ended())
    body = await (await client.get(f"/usage/historical?window={window}")).json()
    assert bool(body["series"]) is (window != "1m")
    assert body["step_s"] == WINDOWS[window].step_s


@pytest.mark.parametrize(
    ("query", "param", "said"),
    [
        ("window=2h", "window", "window must be one of 1m, 5m, 10m, 30m, 60m, 24h, 7d, 30d, 1y."),
        ("by=key", "by", "by must be one of provider, model, client."),
        ("metric=money", "metric", "metric must be one of requests, attempts, tokens, cost, errors, latency."),
    ],
)
@pytest.mark.parametrize("path", ["/usage/historical", "/usage/historical.csv", "/usage"])
async def test_a_wrong_parameter_is_named(serve: Serve, path: str, query: str, param: str, said: str) -> None:
    """With what it may be."""
    answer = await (await serve()).get(f"{path}?{query}")
    error = (await answer.json())["error"]
    assert (answer.status, error["param"], error["message"]) == (400, param, said)


def test_an_empty_form_is_the_usual_one() -> None:
    """An hour, by provider, requests."""
    assert wanted({"window": "", "by": "", "metric": ""}) == wanted({}) == Wanted("60m", "provider", "requests")
    assert list(METRICS) == ["requests", "attempts", "tokens", "cost", "errors", "latency"]


async def test_csv_is_a_line_per_step_and_name(serve: Serve, clock: FakeClock) -> None:
    """The same numbers; what is unknown is empty."""
    client = await after(serve, clock, ended(), ended(route='groq/odd, "very"', first_token_s=None))
    answer = await client.get("/usage/historical.csv?window=30d&by=model&metric=latency")
    assert answer.content_type == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="usage-30d-model-latency.csv"'
    head, *rows = csv.reader(io.StringIO(await answer.text()))
    assert head == ["at", "model", "latency"]
    assert len(rows) == 3 * 30
    january = [row[1:] for row in rows if row[0] == "2026-01-31T00:00:00.000Z"]
    assert january == [["groq/llama", "0.3"], ['groq/odd, "very"', ""], ["openrouter/x", ""]]


async def test_no_name_is_a_formula(serve: Serve, clock: FakeClock) -> None:
    """A name comes from outside, and spreadsheets run what begins like one."""
    client = await after(serve, clock, ended(client="=HYPERLINK(1)"))
    answer = await client.get("/usage/historical.csv?by=client")
    assert "'=HYPERLINK(1)" in await answer.text()


@pytest.mark.parametrize("path", ["/usage/historical", "/usage/historical.csv", "/usage"])
async def test_history_is_for_the_admin(serve: Serve, path: str) -> None:
    client = await serve()
    assert (await client.get(path, headers={"Via": "a proxy"}, allow_redirects=False)).status == 403
