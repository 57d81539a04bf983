"""A client that leaves: the provider is told within a second, nothing stays held, and what was used is charged."""

import asyncio
import http.client
import time
from contextlib import ExitStack, closing
from itertools import islice

import orjson
import pytest

from tests import fakes
from tests.processes import Running

from .asking import HELLO, async_client_of, client_of, current, last_request, limit
from .conftest import Serve
from .provider import HANG, Asked, Held, Provider

YAML = """\
providers:
  one:
    base_url: {url}
    api_key: made-up
    models:
      m:
        price: {{input: 1, output: 2}}
        limits: {{requests_per_day: 1000, tokens_per_day: 1M}}
"""

WORDS = fakes.event(choices=[{"index": 0, "delta": {"content": "eight words that are worth about ten tokens"}}])


@pytest.fixture
def server(provider: Provider, serve: Serve) -> Running:
    """A gateway in front of one model that has limits and a price."""
    return serve(YAML.format(url=provider.url))


def body(*, stream: bool, **more: object) -> bytes:
    """A request for it."""
    return orjson.dumps({"model": "one/m", "messages": HELLO, "stream": stream, **more})


def posted(server: Running, content: bytes) -> http.client.HTTPConnection:
    """A connection on which the request has gone out."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", content, {"content-type": "application/json"})
    return connection


def closed_after_s(asked: Asked, left: float) -> float:
    """Seconds from the client's leaving, at `left`, to that of the gateway."""
    assert asked.ended.wait(20)
    assert asked.left_at is not None
    return asked.left_at - left


def test_leaving_in_mid_stream(server: Running, provider: Provider) -> None:
    """Input and what was relayed are charged, with 5 % on top, because no usage was told."""
    provider.plays("m", fakes.stream(fakes.ROLE, *[WORDS] * 10, fakes.waits()))
    with client_of(server) as client:
        stream = client.chat.completions.create(model="one/m", messages=HELLO, stream=True)
        texts = [chunk.choices[0].delta.content for chunk in islice(stream, 11)]
        assert texts[1:] == ["eight words that are worth about ten tokens"] * 10
        left = time.perf_counter()
        stream.close()
        assert closed_after_s(provider.wait(), left) < 1
    server.wait_for(r"outcome=client_left")
    row = last_request(server)
    assert (row["status"], row["route"], row["attempts"][0]["target"]) == (200, "one/m", "one/m")
    assert row["tokens"]["estimated"]
    assert row["tokens"]["input"] >= 2
    assert 80 <= row["tokens"]["output"] <= 160
    total = row["tokens"]["input"] + row["tokens"]["output"]
    assert limit(server, "tokens_per_day") == (total, 0)
    assert limit(server, "requests_per_day") == (1, 0)
    tally = current(server)["models"]["one/m"]
    assert (tally["requests"], tally["attempts"], tally["tokens"]) == (1, 1, total)
    assert tally["cost_usd"] == pytest.approx((row["tokens"]["input"] + 2 * row["tokens"]["output"]) / 1e6)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_leaving_before_the_head(server: Running, provider: Provider, *, stream: bool) -> None:
    """The request was sent and may cost something: what was held for it is charged, the answer it usually gets too."""
    provider.plays("m", HANG)
    with closing(posted(server, body(stream=stream, max_tokens=100))):
        asked = provider.wait()
        assert limit(server, "requests_per_day") == (0, 1)
        used, held = limit(server, "tokens_per_day")
        assert used == 0
        assert 100 < held < 120
        left = time.perf_counter()
    assert closed_after_s(asked, left) < 1
    server.wait_for(r"outcome=client_left")
    assert limit(server, "requests_per_day") == (1, 0)
    assert limit(server, "tokens_per_day") == (held, 0)
    row = last_request(server)
    tokens = row["tokens"]
    assert (tokens["input"] + tokens["output"], tokens["estimated"]) == (held, True)
    assert 50 < tokens["output"] <= 100
    assert row["cost_usd"] == pytest.approx((tokens["input"] + 2 * tokens["output"]) / 1e6)
    assert current(server)["cooldowns"] == []


def test_leaving_while_nothing_is_read(server: Running, provider: Provider) -> None:
    """The gateway is stuck in writing to a client that does not read, and notices all the same that it has gone."""
    flood = fakes.event(choices=[{"index": 0, "delta": {"content": "x" * 500_000}}])
    provider.plays("m", fakes.stream(*[flood] * 100, fakes.waits()))
    with closing(posted(server, body(stream=True))) as connection:
        assert connection.getresponse().read(600_000)
        left = time.perf_counter()
    assert closed_after_s(provider.wait(), left) < 1
    server.wait_for(r"outcome=client_left")
    assert last_request(server)["tokens"]["output"] > 10_000
    assert limit(server, "tokens_per_day")[1] == 0


async def test_a_task_that_is_cancelled(server: Running, provider: Provider) -> None:
    """How programs in asyncio leave: the package closes its connection, and the gateway the provider's."""
    provider.plays("m", HANG)
    async with async_client_of(server) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.chat.completions.create(model="one/m", messages=HELLO)
        left = time.perf_counter()
        asked = await asyncio.to_thread(provider.wait)
        assert await asyncio.to_thread(closed_after_s, asked, left) < 1


def test_leaving_in_the_middle_of_the_request(server: Running, provider: Provider) -> None:
    """Nothing was asked yet: nobody is, and nothing is charged."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.putrequest("POST", "/v1/chat/completions")
        connection.putheader("content-length", "1000")
        connection.endheaders(body(stream=False))
    assert server.chat("one/m")[0] == 200
    assert len(provider.asked()) == 1
    assert limit(server, "requests_per_day") == (1, 0)
    assert limit(server, "tokens_per_day") == (12, 0)


def test_twenty_leave_at_once(server: Running, provider: Provider) -> None:
    """Every upstream is closed and every request charged; the next one is served as if nothing had been."""
    provider.plays("m", fakes.stream(fakes.ROLE, WORDS, fakes.waits()))
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(closing(posted(server, body(stream=True))))
            assert connection.getresponse().read(10)
        provider.wait(20)
        left = time.perf_counter()
    assert max(closed_after_s(asked, left) for asked in provider.asked()) < 1
    for _ in range(20):
        server.wait_for(r"outcome=client_left")
    assert limit(server, "requests_per_day") == (20, 0)
    provider.plays("m", fakes.chat())
    assert server.chat("one/m")[0] == 200
    assert limit(server, "requests_per_day") == (21, 0)


def test_one_who_stays_is_not_disturbed(server: Running, provider: Provider) -> None:
    """A neighbour's leaving ends nothing but its own stream."""
    gate = Held()
    provider.plays("m", fakes.stream(fakes.HI, fakes.waits()), fakes.stream(fakes.HI, gate, fakes.STOP, fakes.DONE))
    with closing(posted(server, body(stream=True))) as leaving:
        assert leaving.getresponse().read(10)
        with closing(posted(server, body(stream=True))) as staying:
            answer = staying.getresponse()
            assert answer.read(10)
            leaving.close()
            assert provider.asked()[0].ended.wait(20)
            gate.open()
            assert answer.read().endswith(fakes.STOP + fakes.DONE)
    assert provider.asked()[1].left_at is None
