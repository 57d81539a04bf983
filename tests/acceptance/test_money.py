"""No cent is spent by surprise: what is not allowed to cost is not called, not even for a try."""

import select
import socket
from collections.abc import Iterator

import orjson
import pytest

from tests import fakes

from .conftest import Serve
from .provider import Provider

TILL = """\
server: {{paid: {server}}}
clients:
  thrifty: {{key: of-the-thrifty, paid: {client}}}
providers:
  priced: {{base_url: {till}, api_key: made-up, models: {{m: {{price: {{input: 1, output: 2}}}}}}}}
  unpriced: {{base_url: {till}, api_key: made-up, models: {{u: {{}}, "*": {{}}}}}}
  budgeted: {{base_url: {till}, api_key: made-up, limits: {{cost_per_day: 100}}, models: {{b: {{}}}}}}
  free: {{base_url: {url}, api_key: made-up, free: true, models: {{f: {{price: {{input: 1, output: 2}}}}}}}}
meta_models:
  base: {{targets: [priced/m, unpriced/u], paid: {meta}}}
  mixed: {{targets: [priced/m, unpriced/u, free/f], free_first: false, paid: {meta}}}
"""
KEY = {"Authorization": "Bearer of-the-thrifty"}
CHAT = {"messages": [{"role": "user", "content": "hi"}]}


class Till:
    """A provider that costs. It answers nobody: a connection to it is already one too many."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

    @property
    def untouched(self) -> bool:
        """Whether nobody has connected, ever."""
        return select.select([self._listening], [], [], 0)[0] == []


@pytest.fixture
def till() -> Iterator[Till]:
    """Never accepts, so that whoever connected is still in the queue at the end."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        yield Till(listening)


def test_the_till_notices_a_connection(till: Till) -> None:
    """The ground of what the other tests claim."""
    assert till.untouched
    port = int(till.url.rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        assert not till.untouched


@pytest.mark.parametrize("where", ["server", "client", "meta"])
def test_under_never_nothing_priced_or_unpriced_is_called(
    serve: Serve, provider: Provider, till: Till, where: str
) -> None:
    """Whoever says never: the server, the client or the meta-model. The header that would pay changes nothing."""
    rules = {"server": "allow", "client": "allow", "meta": "allow", where: "never"}
    server = serve(TILL.format(till=till.url, url=provider.url, **rules))
    names = ["base"] if where == "meta" else ["base", "priced/m", "m", "unpriced/u", "u", "unpriced/any"]
    for name in names:
        for stream in (False, True):
            for paying in ({}, {"x-gateway-paid": "yes"}):
                body = {"model": name, "stream": stream, **CHAT}
                status, _, answer = server.request("POST", "/v1/chat/completions", body, {**KEY, **paying})
                error = orjson.loads(answer)["error"]
                assert (status, error["type"], error["code"]) == (403, "permission_error", "paid_not_allowed")
    assert till.untouched
    assert provider.asked() == []


def test_under_never_a_failing_free_target_is_the_last_one(serve: Serve, provider: Provider, till: Till) -> None:
    """The free one answers; when it fails, and while it rests, nobody pays for it."""
    server = serve(TILL.format(till=till.url, url=provider.url, server="never", client="allow", meta="allow"))
    body = {"model": "mixed", **CHAT}
    status, headers, _ = server.request("POST", "/v1/chat/completions", body, KEY)
    assert (status, headers["x-gateway-route"]) == (200, "free/f")
    assert headers["x-gateway-why"] == "priced/m:paid;unpriced/u:price_unknown;free/f:ok"
    provider.plays("f", fakes.refusal(429, headers={"retry-after": "60"}))
    for _ in range(3):
        assert server.request("POST", "/v1/chat/completions", body, KEY)[0] == 429
    assert len(provider.asked("f")) == 2
    assert till.untouched


def test_where_a_cost_limit_applies_an_unknown_price_is_not_called(
    serve: Serve, provider: Provider, till: Till
) -> None:
    """Paying is allowed, but what has no price cannot be held against a budget."""
    server = serve(TILL.format(till=till.url, url=provider.url, server="allow", client="allow", meta="allow"))
    status, _, body = server.request("POST", "/v1/chat/completions", {"model": "budgeted/b", **CHAT}, KEY)
    assert status == 403
    assert "price is unknown, and a cost limit applies" in orjson.loads(body)["error"]["message"]
    assert till.untouched


@pytest.mark.parametrize("where", ["server", "client", "meta"])
def test_under_opt_in_the_header_decides(serve: Serve, provider: Provider, where: str) -> None:
    """Per request: without it 403 and silence, with it the answer and what it cost."""
    rules = {"server": "allow", "client": "allow", "meta": "allow", where: "opt_in"}
    server = serve(TILL.format(till=provider.url, url=provider.url, **rules))
    body = {"model": "base", **CHAT}
    for refused in ({}, {"x-gateway-paid": "no"}):
        status, _, answer = server.request("POST", "/v1/chat/completions", body, {**KEY, **refused})
        assert (status, orjson.loads(answer)["error"]["code"]) == (403, "paid_not_allowed")
    assert provider.asked() == []
    paying = {**KEY, "x-gateway-paid": "yes"}
    status, headers, _ = server.request("POST", "/v1/chat/completions", body, paying)
    assert (status, headers["x-gateway-route"]) == (200, "priced/m")
    # 7 tokens in at a dollar and 5 out at two dollars per million.
    assert headers["x-gateway-cost"] == "0.000017"
    [asked] = provider.asked()
    assert "x-gateway-paid" not in asked.headers
    assert asked.headers["authorization"] == "Bearer made-up"


def test_openrouter_anthropic_pins(serve: Serve, provider: Provider) -> None:
    """The suffix of the id is the only upstream, whatever the client prefers; the rest of its wishes stays."""
    server = serve(f"""\
providers:
  openrouter-anthropic:
    base_url: {provider.url}
    api_key: made-up
    models: {{claude: {{upstream_model: anthropic/claude-sonnet-4, price: {{input: 3, output: 15}}}}}}
""")
    wishes = {"order": ["azure"], "allow_fallbacks": True, "data_collection": "deny"}
    assert server.chat("openrouter-anthropic/claude")[0] == 200
    assert server.chat("openrouter-anthropic/claude", stream=True)[0] == 200
    assert server.chat("openrouter-anthropic/claude", provider=wishes)[0] == 200
    plain, streamed, wishing = provider.asked()
    pin = {"order": ["anthropic"], "allow_fallbacks": False}
    assert (plain.json["provider"], streamed.json["provider"]) == (pin, pin)
    assert wishing.json["provider"] == {**pin, "data_collection": "deny"}
    for asked in (plain, streamed, wishing):
        assert asked.model == "anthropic/claude-sonnet-4"
        assert asked.headers["x-title"] == "llm-gateway"
        assert asked.headers["authorization"] == "Bearer made-up"
