"""Limits as a client and a provider see them: never crossed, and used again as soon as they open."""

import asyncio
import time
from collections import Counter

import orjson
import pytest

from gateway.clock import SystemClock
from tests import fakes
from tests.fakes import Step
from tests.processes import Running

from .conftest import Serve
from .helpers_burst import burst
from .provider import Pause, Provider

TWO_MODELS = """\
providers:
  first: {{base_url: {url}, models: {{one: {{limits: {{{limit}}}}}}}}}
  second: {{base_url: {url}, models: {{two: {{}}}}}}
meta_models:
  base: {{targets: [first/one, second/two]}}
"""

TIGHT = {
    "rolling": ("requests_per_3s: 2", 2),
    "bucket": ("requests_per_minute: {amount: 20, burst: 2}", 2),
    "tokens": ("tokens_per_3s: 1k", 1),
}
"""Limits that let so many requests through at once, and the next one 3 s after the first."""


def slowly(seconds: float) -> Step:
    """A plain answer that takes its time."""
    message = {"role": "assistant", "content": "hi"}
    body = orjson.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    return 200, {"content-type": "application/json"}, [Pause(seconds), body]


def route(server: Running) -> str:
    """Who answers a request for `base`."""
    status, headers, body = server.chat()
    assert status == 200, body
    return headers["x-gateway-route"]


@pytest.mark.parametrize(("limit", "count"), TIGHT.values(), ids=TIGHT)
def test_requests_move_on_at_the_limit_and_back_when_it_opens(
    serve: Serve, provider: Provider, limit: str, count: int
) -> None:
    """To the second model while the first has no room, and back as soon as it has: neither early nor late."""
    provider.plays("one", fakes.chat(prompt=400, completion=600))
    server = serve(TWO_MODELS.format(url=provider.url, limit=limit))
    routes = [route(server) for _ in range(count)]
    moved = route(server)
    first_left = provider.asked("one")[0].at
    while (back := route(server)) == "second/two":
        assert time.perf_counter() - first_left < 15
        time.sleep(0.05)
    assert (routes, moved, back) == (["first/one"] * count, "second/two", "first/one")
    opened_after_s = provider.asked("one")[count].at - first_left
    # It was counted up to some ms before the provider saw it.
    assert 2.9 < opened_after_s < 5
    story = orjson.loads(server.request("GET", "/usage/requests?limit=1000")[2])["requests"]
    [left_out] = [each for each in story[-count - 1]["targets"] if each["verdict"] == "left_out"]
    assert left_out["id"] == "first/one"
    assert left_out["rule"] == limit.partition(":")[0]


def test_who_comes_back_when_told_is_served(serve: Serve, provider: Provider) -> None:
    """Where nothing is left, the 429 says when: to the millisecond, and no later than necessary."""
    yaml = f"providers: {{one: {{base_url: {provider.url}, models: {{m: {{}}}}, limits: {{requests_per_2s: 1}}}}}}\n"
    server = serve(yaml)
    assert server.chat("one/m")[0] == 200
    status, headers, body = server.chat("one/m")
    assert status == 429
    wait_s = int(headers["retry-after-ms"]) / 1000
    assert 0 < wait_s <= 2.01
    assert wait_s <= int(headers["retry-after"]) <= wait_s + 1
    error = orjson.loads(body)["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "one/m at " in error["message"]
    time.sleep(wait_s)
    assert server.chat("one/m")[0] == 200
    assert len(provider.asked()) == 2


TEN_A_MINUTE = {
    "bucket": "10",
    "rolling": "{amount: 10, algorithm: rolling}",
    "calendar": "{amount: 10, algorithm: calendar}",
}


@pytest.mark.parametrize("limit", TEN_A_MINUTE.values(), ids=TEN_A_MINUTE)
async def test_ten_a_minute_are_ten_of_three_hundred(serve: Serve, provider: Provider, limit: str) -> None:
    """Whatever the algorithm, however simultaneous, and while none of the ten has its answer."""
    provider.plays("m", slowly(1))
    one = f"{{base_url: {provider.url}, models: {{m: {{}}}}, limits: {{requests_per_minute: {limit}}}}}"
    server = serve(f"providers: {{one: {one}}}\n")
    clock = SystemClock()
    if (second := clock.now().wall % 60) > 50:  # the calendar's next minute has ten of its own
        await asyncio.sleep(60 - second)
    began = clock.now()
    replies = await burst(server.port, 300, "one/m")
    # A bucket of ten a minute gets one back every six seconds, which is long for 300 requests.
    took_s = clock.now().boot - began.boot
    assert took_s < 6, "too slow to tell"
    assert Counter(reply.status for reply in replies) == {200: 10, 429: 290}
    assert len(provider.asked()) == 10
    for reply in replies:
        if reply.status == 429:
            assert 1 <= int(reply.headers["retry-after"]) <= 61
            assert 0 < int(reply.headers["retry-after-ms"]) <= 60_100
            assert orjson.loads(reply.body)["error"]["code"] == "rate_limit_exceeded"
    [gauge] = orjson.loads(server.request("GET", "/usage/current")[2])["limits"]
    assert (gauge["used"], gauge["reserved"], gauge["remaining"], gauge["amount"]) == (10, 0, 0, 10)


async def test_a_burst_fills_one_model_after_the_other(serve: Serve, provider: Provider) -> None:
    """Ten, ten and the rest: nobody is refused while a third one has room, and none of the first two is overrun."""
    server = serve(f"""\
providers:
  one: {{base_url: {provider.url}, limits: {{requests_per_day: 10}}, models: {{a: {{}}}}}}
  two: {{base_url: {provider.url}, models: {{b: {{limits: {{requests_per_12h: 10}}}}}}}}
  three: {{base_url: {provider.url}, models: {{c: {{}}}}}}
meta_models:
  base: {{targets: [one/a, two/b, three/c]}}
""")
    replies = await burst(server.port, 100)
    assert Counter(reply.status for reply in replies) == {200: 100}
    assert Counter(reply.headers["x-gateway-route"] for reply in replies) == {"one/a": 10, "two/b": 10, "three/c": 80}
    assert Counter(each.model for each in provider.asked()) == {"a": 10, "b": 10, "c": 80}


def test_two_keys_are_two_accounts(serve: Serve, provider: Provider) -> None:
    """Three requests a day each: six in all, and each key sent just its three."""
    server = serve(
        f"""\
providers:
  one:
    base_url: {provider.url}
    api_keys: {{home: key-of-home, work: key-of-work}}
    free: true
    limits: {{requests_per_day: 3}}
    models: {{m: {{}}}}
"""
    )
    statuses = [server.chat("one/m")[0] for _ in range(7)]
    assert statuses == [200, 200, 200, 200, 200, 200, 429]
    assert [each.headers["authorization"] for each in provider.asked()] == (
        ["Bearer key-of-home"] * 3 + ["Bearer key-of-work"] * 3
    )
    scopes = {row["scope"]: row["used"] for row in orjson.loads(server.request("GET", "/usage/current")[2])["limits"]}
    assert scopes == {"one#home": 3, "one#work": 3}


def test_two_keys_are_one_budget(serve: Serve, provider: Provider) -> None:
    """A second key never doubles what may be spent: at 0.4 cents a request, two fit into one cent, one on each key."""
    server = serve(
        f"""\
providers:
  one:
    base_url: {provider.url}
    api_keys: {{home: key-of-home, work: key-of-work}}
    rotation: round_robin
    limits: {{requests_per_day: 100, cost_per_day: 0.01}}
    models: {{m: {{price: {{input: 0, output: 0, request: 0.004}}}}}}
"""
    )
    answers = [server.chat("one/m") for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 429, 429]
    assert sorted(each.headers["authorization"] for each in provider.asked()) == [
        "Bearer key-of-home",
        "Bearer key-of-work",
    ]
    error = orjson.loads(answers[2][2])["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
    limits = orjson.loads(server.request("GET", "/usage/current")[2])["limits"]
    assert {(row["scope"], row["unit"]): row["used"] for row in limits} == {
        ("one#home", "requests"): 1,
        ("one#work", "requests"): 1,
        ("one", "cost"): 0.008,
    }


async def test_a_burst_over_two_keys_is_both_accounts_and_one_budget(serve: Serve, provider: Provider) -> None:
    """The budget of seven requests ends it, though the keys together had room for ten."""
    provider.plays("m", slowly(0.5))
    server = serve(
        f"""\
providers:
  one:
    base_url: {provider.url}
    api_keys: {{home: key-of-home, work: key-of-work}}
    limits: {{requests_per_day: 5, cost_per_day: 0.07}}
    models: {{m: {{price: {{input: 0, output: 0, request: 0.01}}}}}}
"""
    )
    replies = await burst(server.port, 100, "one/m")
    assert Counter(reply.status for reply in replies) == {200: 7, 429: 93}
    assert Counter(each.headers["authorization"] for each in provider.asked()) == {
        "Bearer key-of-home": 5,
        "Bearer key-of-work": 2,
    }
