"""Alive, ready, well."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from gateway import __version__
from gateway.catalog.schema import PriceFeed, Server
from gateway.clock import FakeClock
from gateway.errors import Problem
from gateway.leaderboard import Leaderboard, Row
from gateway.price_list import PriceList, PriceLists, Rates
from gateway.server.keys import STATE
from gateway.server.loads import load_status
from gateway.state import FeedStatus, SnapshotStatus

from .conftest import Serve
from .house import catalog, target


async def test_health_says_what_the_contract_lists(serve: Serve, clock: FakeClock) -> None:
    client = await serve()
    clock.advance(90.5)
    answer = await client.get("/health")
    assert answer.status == 200
    assert await answer.json() == {
        "status": "healthy",
        "timestamp": "2026-02-01T00:01:00.500Z",
        "uptime": 90.5,
        "version": __version__,
        "environment": "production",
        "config": {
            "path": "config/gateway.yaml",
            "env_file": None,
            "loaded_at": "2026-01-31T23:59:30.000Z",
            "hash": "abc123",
            "error": None,
            "changed_at": None,
            "changes": 0,
        },
        "snapshot": {"at": None, "error": None},
        "prices": {"lists": [], "fetched_at": None, "checked_at": None, "error": None},
        "load": load_status(client.app[STATE]),
        "leaderboard": {"name": "", "models": 0, "fetched_at": None, "checked_at": None, "error": None},
    }


async def test_health_says_which_price_lists_are_in_force(serve: Serve, clock: FakeClock) -> None:
    """And how fetching goes, while it is switched on. An old list is no reason to call anybody."""
    rates = Rates(input=Decimal(1), output=Decimal(2))
    lists = PriceLists((PriceList(date="2026-01-30", providers={"groq": {"llama": rates}}, fetched=True),))
    client = await serve(replace(catalog(), price_lists=lists, price_feed=PriceFeed(fetch=True)))
    state = client.app[STATE]
    state.feeds["prices"] = FeedStatus(fetched_at=clock.wall - 90, checked_at=clock.wall - 30, error="it answered 503")
    answer = await (await client.get("/health")).json()
    assert answer["status"] == "healthy"
    assert answer["prices"] == {
        "lists": [{"name": "fetched 2026-01-30", "models": 1}],
        "fetched_at": "2026-01-31T23:58:00.000Z",
        "checked_at": "2026-01-31T23:59:00.000Z",
        "error": "it answered 503",
    }
    state.catalog = replace(state.catalog, price_feed=PriceFeed())
    answer = await (await client.get("/health")).json()
    assert (answer["prices"]["fetched_at"], answer["prices"]["error"]) == (None, None)


async def test_health_says_which_leaderboard_is_in_force(serve: Serve, clock: FakeClock) -> None:
    """In the same words as of prices."""
    board = Leaderboard({"m": Row(instruct=50.0)}, "list 2026-01-30")
    client = await serve(replace(catalog(), leaderboard=board, fetch_leaderboard=True))
    state = client.app[STATE]
    state.feeds["leaderboard"] = FeedStatus(checked_at=clock.wall - 30, error="it answered 503")
    own = {"name": "list 2026-01-30", "models": 1}
    fetching = {"fetched_at": None, "checked_at": "2026-01-31T23:59:00.000Z", "error": "it answered 503"}
    answer = await (await client.get("/health")).json()
    assert (answer["status"], answer["leaderboard"]) == ("healthy", {**own, **fetching})
    state.catalog = replace(state.catalog, fetch_leaderboard=False)
    answer = await (await client.get("/health")).json()
    assert answer["leaderboard"] == {**own, **dict.fromkeys(fetching)}


async def test_refused_file_is_degraded_and_named(serve: Serve) -> None:
    """The old configuration goes on serving, so it is still 200, and ready. A warning alone is none of this."""
    client = await serve()
    state = client.app[STATE]
    warning = Problem("gateway.yaml", 3, 1, "no clients", warning=True)
    state.config = state.config.refused((warning,))
    assert (await (await client.get("/health")).json())["status"] == "healthy"
    wrong = Problem("gateway.yaml", 12, 7, "unknown key 'tipe', did you mean 'type'?")
    state.config = state.config.refused((warning, wrong))
    answer = await client.get("/health")
    body = await answer.json()
    assert (answer.status, body["status"]) == (200, "degraded")
    assert body["config"]["error"] == ["gateway.yaml:12:7: unknown key 'tipe', did you mean 'type'?"]
    assert (await client.get("/readyz")).status == 200


async def test_memory_that_cannot_be_written_is_degraded(serve: Serve) -> None:
    client = await serve()
    client.app[STATE].snapshot = SnapshotStatus(at=1769903970.0, error="disk full")
    body = await (await client.get("/health")).json()
    assert body["status"] == "degraded"
    assert body["snapshot"] == {"at": "2026-01-31T23:59:30.000Z", "error": "disk full"}


async def test_overload_is_degraded_and_not_ready(serve: Serve) -> None:
    """It answers, so it is 200; a balancer that asks whether it is ready sends the next ones elsewhere."""
    client = await serve(catalog(server=Server(max_memory=1000)))
    client.app[STATE].load.memory_bytes = 800
    answer = await client.get("/health")
    body = await answer.json()
    assert (answer.status, body["status"], body["load"]["state"]) == (200, "degraded", "shedding")
    ready = await client.get("/readyz?verbose")
    assert (ready.status, (await ready.text()).splitlines()[0]) == (
        503,
        "[-]accepting failed: memory at 80 % of server.max_memory",
    )


async def test_draining_is_503_but_alive(serve: Serve) -> None:
    client = await serve()
    client.app[STATE].draining = True
    answer = await client.get("/health")
    assert (answer.status, (await answer.json())["status"]) == (503, "draining")
    assert (await client.get("/livez")).status == 200
    ready = await client.get("/readyz?verbose")
    assert (ready.status, await ready.text()) == (
        503,
        "[-]accepting failed: draining\n[+]targets ok\nreadyz check failed\n",
    )


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_alive_is_200(serve: Serve, path: str) -> None:
    client = await serve()
    answer = await client.get(path)
    assert (answer.status, await answer.text()) == (200, "ok\n")
    assert (await client.head(path)).status == 200


async def test_ready_says_so_in_a_word_or_in_lines(serve: Serve) -> None:
    client = await serve()
    assert await (await client.get("/readyz")).text() == "ok\n"
    verbose = await client.get("/readyz?verbose")
    assert await verbose.text() == "[+]accepting ok\n[+]targets ok\nreadyz check passed\n"


async def test_without_a_single_target_it_is_not_ready(serve: Serve) -> None:
    """No key anywhere."""
    client = await serve(catalog([target(idle="no_key")]))
    answer = await client.get("/readyz")
    assert (answer.status, await answer.text()) == (503, "not ready\n")


async def test_wildcard_counts_as_a_target(serve: Serve) -> None:
    client = await serve(catalog([], wildcards={"local": target("local", "*")}))
    assert (await client.get("/readyz")).status == 200
