"""Why a request went where it went, and where one would go: who may ask, and what is told."""

import math
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from gateway.catalog.catalog import Client, MetaModel
from gateway.catalog.schema import Server
from gateway.clock import FakeClock
from gateway.limits.rules import TokenBucket
from gateway.limits.terms import Meter, Need
from gateway.records import Secret, Usage
from gateway.server.keys import STATE
from gateway.state import MOST_REQUESTS
from tests.processes import running

from .conftest import Serve
from .house import ADMIN, ScriptedRelay, catalog, target
from .test_usage import ended

AIDER = Client(name="aider", secret=Secret("aiders"), models=("base",), paid="never")
OTHER = Client(name="other", secret=Secret("others"))
TEN = Meter.of("model", "groq/llama", "requests", "minute", TokenBucket(10, 60, 10))
TARGETS = (
    target("groq", "llama", meters=(TEN,)),
    target("openai", "big", free=False),
    target("mistral", "large", idle="no_key", idle_text="MISTRAL_API_KEY is not set"),
)
HOUSE = catalog(TARGETS, meta_models=[MetaModel(id="base", targets=TARGETS)])
LOCKED = catalog(
    TARGETS,
    clients=[AIDER, OTHER],
    meta_models=HOUSE.meta_models.values(),
    server=Server(admin_token=Secret(ADMIN)),
)
BY_AIDER, BY_OTHER = {"Authorization": "Bearer aiders"}, {"x-api-key": "others"}
BY_ADMIN = {"x-admin-token": ADMIN}
FROM_AFAR = {"Via": "a proxy"}


async def test_a_request_tells_its_way(serve: Serve) -> None:
    """The shape of the contract, and nothing else."""
    client = await serve()
    client.app[STATE].recent.append(ended(estimated_tokens=9, reserved_tokens=521))
    answer = await client.get("/explain/r1")
    assert await answer.json() == {
        "request_id": "r1",
        "asked": "base",
        "client": "aider",
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
        "tokens": {"estimated": 9, "reserved": 521, "reported": 15},
        "cost_usd": 0.0019,
    }


@pytest.mark.parametrize(
    ("usage", "reported"),
    [
        pytest.param(Usage(input=10, output=5), 15, id="said by the upstream"),
        pytest.param(Usage(input=10, output=5, estimated=True), None, id="an estimate is no report"),
        pytest.param(Usage(), None, id="nothing was said"),
    ],
)
async def test_reported_is_what_the_upstream_said(serve: Serve, usage: Usage, reported: int | None) -> None:
    client = await serve()
    client.app[STATE].recent.append(ended(usage=usage))
    tokens = (await (await client.get("/explain/r1")).json())["tokens"]
    assert tokens == {"estimated": 0, "reserved": None, "reported": reported}


async def test_the_edits_of_a_body_are_told(serve: Serve) -> None:
    """With the target that got it, and only there."""
    client = await serve()
    client.app[STATE].recent.append(ended(edited=("model", "stream_options")))
    tried, chosen = (await (await client.get("/explain/r1")).json())["targets"]
    assert tried["text"] == "429 after 100 ms"
    assert chosen["text"] == "free, ready; changed in its body: model, stream_options"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(BY_ADMIN, 200, id="admin"),
        pytest.param(BY_AIDER, 200, id="the client that sent it"),
        pytest.param(BY_OTHER, 404, id="another client"),
        pytest.param({}, 401, id="nobody"),
        pytest.param({"Authorization": "Bearer wrong"}, 401, id="a wrong key"),
    ],
)
async def test_a_story_is_for_its_client_and_the_admin(serve: Serve, headers: dict[str, str], status: int) -> None:
    """To others it does not exist."""
    client = await serve(LOCKED)
    client.app[STATE].recent.append(ended())
    answer = await client.get("/explain/r1", headers={**headers, **FROM_AFAR})
    assert answer.status == status
    if status == 404:
        there, gone = await answer.json(), await client.get("/explain/r2", headers=headers)
        assert there["error"]["message"].replace("r1", "r2") == (await gone.json())["error"]["message"]


@pytest.mark.parametrize(
    ("server", "headers", "status"),
    [
        pytest.param(Server(), {}, 200, id="from here"),
        pytest.param(Server(), FROM_AFAR, 403, id="from afar"),
        pytest.param(Server(admin_token=Secret(ADMIN)), {}, 401, id="without the token"),
        pytest.param(Server(admin_token=Secret(ADMIN)), {"Authorization": "Bearer any"}, 401, id="with any key"),
        pytest.param(Server(admin_token=Secret(ADMIN)), BY_ADMIN, 200, id="with the token"),
    ],
)
async def test_without_clients_it_is_for_the_admin(
    serve: Serve, server: Server, headers: dict[str, str], status: int
) -> None:
    """Any key is accepted then, so none proves whose a request was."""
    client = await serve(catalog(server=server))
    client.app[STATE].recent.append(ended(client=""))
    assert (await client.get("/explain/r1", headers=headers)).status == status


async def test_of_two_with_one_id_the_newest_of_the_callers_own_is_told(serve: Serve) -> None:
    """Clients may choose their ids, and so hit upon another's."""
    client = await serve(LOCKED)
    client.app[STATE].recent.extend([ended(asked="first"), ended(asked="second"), ended(asked="third", client="other")])
    mine = await (await client.get("/explain/r1", headers=BY_AIDER)).json()
    newest = await (await client.get("/explain/r1", headers=BY_ADMIN)).json()
    assert (mine["asked"], newest["asked"]) == ("second", "third")


@pytest.mark.parametrize("name", ["a/b", "a?b#c", "100%", "a%2Fb", "x" * 128])
async def test_ids_are_what_clients_made_them(serve: Serve, name: str) -> None:
    """Any short ASCII, encoded where a path needs it."""
    client = await serve()
    client.app[STATE].recent.append(ended(name))
    answer = await client.get(f"/explain/{quote(name, safe='')}")
    assert (answer.status, (await answer.json())["request_id"]) == (200, name)


async def test_the_last_thousand_are_kept(serve: Serve) -> None:
    """And whoever asks for an older one is told so."""
    client = await serve()
    client.app[STATE].recent.extend(ended(f"r{i}") for i in range(MOST_REQUESTS + 1))
    assert (await client.get("/explain/r1")).status == 200
    answer = await client.get("/explain/r0")
    error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (404, "not_found")
    assert error["message"] == "No request 'r0' here. The last 1,000 since the start are kept."


async def dry_run(serve: Serve, body: Any, headers: dict[str, str] | None = None, found: Any = HOUSE) -> Any:
    """Status and answer of `POST /v1/route`."""
    client = await serve(found)
    answer = await client.post("/v1/route", json=body, headers=headers)
    return answer.status, await answer.json()


async def test_a_request_that_is_not_sent_is_explained_the_same(
    serve: Serve, relay: ScriptedRelay, clock: FakeClock
) -> None:
    """Nothing reaches the relay, and nothing is counted or remembered."""
    client = await serve(HOUSE)
    state, now = client.app[STATE], clock.now()
    state.ledger.settle(state.ledger.reserve([TEN], Need(), now), Need(), now)
    answer = await client.post("/v1/route", json={"model": "base", "tokens": 900}, headers={"x-request-id": "dry"})
    told = await answer.json()
    assert [(each["id"], each["verdict"], each["rule"], each["text"]) for each in told["targets"]] == [
        ("groq/llama", "chosen", "free_first", "free, 9 of 10 left this minute"),
        ("mistral/large", "left_out", "no_key", "MISTRAL_API_KEY is not set"),
        ("openai/big", "not_needed", "order", "paid, as allowed"),
    ]
    assert (told["targets"][0]["used"], told["targets"][0]["amount"]) == (1, 10)
    assert told["tokens"] == {"estimated": 900, "reserved": 1608, "reported": None}
    del told["targets"]
    assert told == {
        "request_id": "dry",
        "asked": "base",
        "client": "",
        "attempts": [],
        "tokens": {"estimated": 900, "reserved": 1608, "reported": None},
        "cost_usd": 0.0,
    }
    assert (relay.calls, list(state.recent), state.ledger.held(TEN)) == ([], [], 0)
    assert state.ledger.used(TEN, now) == 1


async def test_a_limit_without_room_names_its_moment(serve: Serve, clock: FakeClock) -> None:
    client = await serve(HOUSE)
    client.app[STATE].ledger.adjust(TEN, 10, clock.now())
    told = await (await client.post("/v1/route", json={"model": "groq/llama"})).json()
    assert told["targets"] == [
        {
            "id": "groq/llama",
            "place": 1,
            "verdict": "left_out",
            "rule": "requests_per_minute",
            "text": "10 of 10 this minute",
            "used": 10,
            "amount": 10,
            "opens_at": "2026-01-31T23:59:36.000Z",
        }
    ]


@pytest.mark.parametrize(
    ("headers", "name", "verdict"),
    [
        pytest.param(BY_AIDER, "aider", "left_out", id="a client under its own rules"),
        pytest.param(BY_OTHER, "other", "not_needed", id="another one"),
        pytest.param(BY_ADMIN, "", "not_needed", id="an admin under none"),
        pytest.param({**BY_ADMIN, **BY_AIDER}, "aider", "left_out", id="an admin with a client's key"),
    ],
)
async def test_the_callers_rules_apply(serve: Serve, headers: dict[str, str], name: str, verdict: str) -> None:
    """`aider` may not pay."""
    status, told = await dry_run(serve, {"model": "base"}, {**headers, **FROM_AFAR}, LOCKED)
    assert (status, told["client"], told["targets"][-1]["verdict"]) == (200, name, verdict)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        pytest.param({"model": "base"}, {}, 401, "invalid_api_key", id="nobody"),
        pytest.param({"model": "groq/llama"}, BY_AIDER, 403, "model_not_allowed", id="not a name for this client"),
        pytest.param({"model": "grok/llama"}, BY_OTHER, 404, "model_not_found", id="no such name"),
        pytest.param({"tokens": 5}, BY_OTHER, 400, None, id="no model"),
        pytest.param({"model": "base", "tokens": "5"}, BY_OTHER, 400, None, id="no count"),
    ],
)
async def test_what_a_request_would_be_refused_for(
    serve: Serve, body: Any, headers: dict[str, str], status: int, code: str | None
) -> None:
    """The dry run is refused for too."""
    found, told = await dry_run(serve, body, {**headers, **FROM_AFAR}, LOCKED)
    assert (found, told["error"]["code"]) == (status, code)


async def test_to_pay_takes_the_same_header(serve: Serve) -> None:
    """Under `opt_in`."""
    house = catalog([target("openai", "big", free=False)], server=Server(paid="opt_in"))
    _, refused = await dry_run(serve, {"model": "big"}, None, house)
    _, agreed = await dry_run(serve, {"model": "big"}, {"x-gateway-paid": "yes"}, house)
    assert [each["targets"][0]["verdict"] for each in (refused, agreed)] == ["left_out", "chosen"]


async def test_a_page_elsewhere_may_not_look(serve: Serve) -> None:
    client = await serve(HOUSE)
    answer = await client.post("/v1/route", json={"model": "base"}, headers={"Origin": "http://evil.test"})
    assert answer.status == 403


CONFIG = """
server: {admin_token: let me in}
clients:
  aider: {key: aiders}
  other: {key: others}
providers:
  demo: {type: echo, models: {echo: {price: free, limits: {requests_per_24h: 1}}}}
  gone: {base_url: "https://gone.test/v1", api_key: "${NOT_SET:-}", models: {m: {price: free}}}
meta_models:
  base: {targets: [gone/m, demo/echo]}
"""


def test_a_refusal_on_the_wire_says_when_and_why(tmp_path: Path) -> None:
    """Headers, body and story agree on the moment, and the story has every candidate."""
    (tmp_path / "gateway.yaml").write_text(CONFIG, "utf-8")
    with running(tmp_path, "--config", "gateway.yaml") as server:
        body = {"model": "base", "messages": [{"role": "user", "content": "hi"}]}
        assert server.request("POST", "/v1/chat/completions", body, BY_AIDER)[0] == 200
        status, headers, answer = server.request("POST", "/v1/chat/completions", body, BY_AIDER)
        error = orjson.loads(answer)["error"]
        path = f"/explain/{headers['x-request-id']}"
        told = orjson.loads(server.request("GET", path, headers=BY_AIDER)[2])
        hidden = server.request("GET", path, headers=BY_OTHER)[0]
        dry = orjson.loads(server.request("POST", "/v1/route", body, BY_AIDER)[2])
    assert (status, error["code"], headers["x-should-retry"]) == (429, "insufficient_quota", "false")
    wait_s = error["retry_after_seconds"]
    assert 86_400 < wait_s < 86_400 + 90
    assert headers["retry-after-ms"] == f"{round(wait_s * 1000)}"
    assert headers["retry-after"] == f"{math.ceil(wait_s)}"
    gone, echo = told["targets"]
    assert (gone["id"], gone["rule"], gone["text"]) == ("gone/m", "no_key", "NOT_SET is not set")
    assert (echo["id"], echo["rule"], echo["used"], echo["amount"]) == ("demo/echo", "requests_per_24h", 1, 1)
    named = re.search(r"First to open: demo/echo at (.*) UTC, in ", error["message"])
    assert named
    moments = [datetime.fromisoformat(each["targets"][1]["opens_at"]) for each in (told, dry)]
    moments.append(datetime.strptime(f"{moments[0].year} {named[1]} +0000", "%Y %d %b %H:%M:%S %z"))
    assert max(moments) - min(moments) < timedelta(seconds=1.01)
    assert hidden == 404
