"""The pages over HTTP, without a browser."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace

from gateway.limits.reported import Reported
from gateway.records import Secret, Usage
from gateway.server import pages, routes, sessions
from gateway.server.keys import STATE
from gateway.server.view import Ask
from gateway.state import State
from tests.pages.days import busy, calm, empty, first
from tests.pages.sample import remember, settled, state_of

from .house import ADMIN

WEB = Path(__file__).parents[2] / "web"
Client = TestClient[web.Request, web.Application]
Open = Callable[[State], Awaitable[Client]]


@pytest.fixture
def house(aiohttp_client: Any) -> Open:
    """A gateway with this state, on a real socket."""

    async def start(state: State) -> Client:
        app = web.Application(middlewares=routes.middlewares())
        app[STATE] = state
        pages.setup(app, WEB)
        routes.add_routes(app)
        client: Client = await aiohttp_client(TestServer(app, access_log=None))
        return client

    return start


async def text(client: Client, path: str = "/") -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return await answer.text()


async def test_page_is_html_that_browsers_renew(house: Open) -> None:
    """By a header, so that it works without scripts; and nothing of it may be kept or framed."""
    answer = await (await house(busy())).get("/?next=code")
    assert answer.content_type == "text/html"
    assert answer.headers["Refresh"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_paused_page_stands_still(house: Open) -> None:
    """And offers to go on."""
    answer = await (await house(busy())).get("/?live=off")
    assert "Refresh" not in answer.headers
    assert 'href="/">Go live</a>' in await answer.text()


async def test_json_twin_says_the_same(house: Open) -> None:
    """For scripts: the words of the page, and the numbers behind them."""
    client = await house(busy())
    found = await (await client.get("/?next=code&format=json")).json()
    assert found["ladder"]["name"] == "code"
    assert found["banner"]["excerpts"][0]["place"] == "config/gateway.yaml:31:7"
    google = next(card for card in found["cards"] if card["id"] == "google")
    [lite] = [bar for group in google["groups"] for bar in group["bars"] if bar["used"] == 471]
    assert (lite["amount"], lite["level"], lite["label"]) == (500, "hot", "requests/day")
    assert (google["standing"], google["state"]) == ("near_limit", "near limit")


async def test_page_links_to_its_twin_with_what_was_chosen(house: Open) -> None:
    """Ampersands escaped, as HTML wants them."""
    assert 'href="/?next=code&amp;format=json"' in await text(await house(busy()), "/?next=code")
    assert 'href="/?format=json"' in await text(await house(busy()))


async def test_every_link_within_the_gateway_leads_somewhere(house: Open) -> None:
    """No dead ends; `/config` and the like are routes of their own, with their own tests."""
    client = await house(busy())
    known = {route.path for route in routes.TABLE}
    for path in ("/", "/?limits=all", "/login"):
        for href in re.findall(r'(?:href|action)="(/[^"]*)"', await text(client, path)):
            assert href.partition("?")[0] in known or href.startswith("/static/"), href


@pytest.mark.parametrize(("day", "path"), [(calm, "/"), (calm, "/?limits=all"), (busy, "/")])
async def test_what_a_subscription_costs_is_on_its_card(house: Open, day: Callable[[], State], path: str) -> None:
    """Beside what its requests cost, on calm days too."""
    state = day()
    assert " a month" not in await text(await house(state), path)
    providers = dict(state.catalog.providers)
    name = next(each.id for each in providers.values() if not each.idle)
    providers[name] = replace(providers[name], monthly_fee_nanousd=20 * 10**9)
    state.catalog = replace(state.catalog, providers=providers)
    shown = await text(await house(state), path)
    assert re.search(r"\$20\.00 a month|a month <b>\$20\.00", shown)


async def test_names_are_escaped(house: Open) -> None:
    """A client may ask for any name."""
    state = empty()
    remember(state, settled("<script>alert(1)</script>", (), Usage(), None, status=404, outcome="model_not_found"))
    page = await text(await house(state))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


async def test_address_is_escaped(house: Open) -> None:
    """Whatever stands behind `?next=`."""
    assert "<evil>" not in await text(await house(busy()), "/?next=<evil>")
    assert 'value="/&#34;&gt;"' in await text(await house(busy()), '/login?next=/">')


@pytest.mark.parametrize("day", [busy, calm, empty, first])
async def test_no_key_is_on_any_page(house: Open, day: Callable[[], State]) -> None:
    """Not the providers', not the admin's."""
    state = day()
    state.catalog = replace(state.catalog, server=replace(state.catalog.server, admin_token=Secret(ADMIN)))
    client = await house(state)
    session = sessions.issue(Secret(ADMIN), state.clock.now().wall)
    for path in ("/", "/?limits=all", "/?format=json", "/login"):
        answer = await client.get(path, headers={"Cookie": f"{sessions.COOKIE}={session}"})
        assert answer.status == 200
        assert ADMIN not in await answer.text()


async def test_whoever_signed_in_can_sign_out(house: Open) -> None:
    """A button that works without scripts; without a session there is nothing to end."""
    state = empty()
    assert "Sign out" not in await text(await house(state))
    state.catalog = replace(state.catalog, server=replace(state.catalog.server, admin_token=Secret(ADMIN)))
    client = await house(state)
    session = sessions.issue(Secret(ADMIN), state.clock.now().wall)
    answer = await client.get("/", headers={"Cookie": f"{sessions.COOKIE}={session}"})
    assert '<form action="/logout" method="post">' in await answer.text()


async def test_login_form_comes_back_to_where_one_was(house: Open) -> None:
    """The address travels along."""
    page = await text(await house(busy()), "/login?next=/?next=code")
    assert '<input type="hidden" name="next" value="/?next=code">' in page
    assert "No admin token is set" in page


async def test_login_says_as_json_what_to_post(house: Open) -> None:
    """Each page has its twin."""
    found = await (await (await house(busy())).get("/login?format=json")).json()
    assert found == {"token_set": False, "post": {"token": "ADMIN_TOKEN", "next": "/"}, "error": None}


async def test_stylesheet_may_be_kept_for_ever(house: Open) -> None:
    """Its name is that of its content."""
    client = await house(empty())
    href = re.findall(r'href="(/static/app\.[0-9a-f]{12}\.css)"', await text(client))
    assert len(href) == 1
    answer = await client.get(href[0])
    assert (answer.status, answer.content_type) == (200, "text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (await answer.read()) == (WEB / "static/app.css").read_bytes()


@pytest.mark.parametrize("name", ["app.css", "app.000000000000.css", "..%2Ftemplates%2Fbase.html", "nothing"])
async def test_other_files_are_not_there(house: Open, name: str) -> None:
    """Only what was read at the start can be had."""
    assert (await (await house(empty())).get(f"/static/{name}")).status == 404


@pytest.mark.parametrize(
    ("ask", "changed", "address"),
    [
        (Ask(), {}, "/"),
        (Ask(next="a b&c"), {}, "/?next=a+b%26c"),
        (Ask(next="code", paused=True), {"next": "fast"}, "/?next=fast&live=off"),
        (Ask(all_limits=True, paused=True), {"paused": False}, "/?limits=all"),
    ],
)
def test_links_change_one_thing_and_keep_the_rest(ask: Ask, changed: dict[str, Any], address: str) -> None:
    """The state of the page is its address."""
    assert pages.link(ask, **changed) == address


async def test_usage_page_shows_what_was_served(house: Open) -> None:
    """An hour unless told; the choices are links that keep the rest."""
    page = await text(await house(busy()), "/usage?by=model&metric=tokens")
    assert "Tokens per minute" in page
    assert 'href="/usage?window=30d&amp;by=model&amp;metric=tokens">30d</a>' in page
    assert 'href="/usage/historical.csv?window=60m&amp;by=model&amp;metric=tokens">CSV</a>' in page
    assert '<a href="/usage" aria-current="page">Usage</a>' in page
    assert "groq/llama-3.3-70b-versatile" in page
    assert "was not reloaded" in page


async def test_usage_page_without_traffic_says_so(house: Open) -> None:
    """And shows no empty chart."""
    page = await text(await house(empty()), "/usage?window=30d")
    assert "No traffic: 22 Oct to 20 Nov, days in UTC." in page
    assert "<table" not in page
    assert "was not reloaded" not in page


async def test_usage_page_has_its_json_twin(house: Open) -> None:
    """The words of the page."""
    found = await (await (await house(busy())).get("/usage?window=24h&format=json")).json()
    assert found["wanted"] == {"window": "24h", "by": "provider", "metric": "requests"}
    assert found["lines"][0]["name"] == "groq"


async def test_every_state_of_a_card_can_be_written(house: Open) -> None:
    """Switched off, without models, one key of two, no limits, any model, a key left out."""
    page = await text(
        await house(
            state_of(
                """
providers:
  away: {type: echo, active: false, models: {m: {}}}
  hollow: {type: echo, models: {}}
  pool: {api_keys: {a: k, b: "${B_KEY}"}, models: {"*": {}}}
  demo: {type: echo, models: {echo: {}}}
"""
            )
        ),
        "/?limits=all",
    )
    for words in ("Switched off", "It serves nothing", "B_KEY</code> is not set", "any model", "it answers by itself"):
        assert words in page


async def test_what_a_provider_reports_is_said_on_its_card(house: Open) -> None:
    """Beside the bar that it fills, so that nobody looks for who used it."""
    state = busy()
    now = state.clock.now()
    limit = next(meter for meter in state.catalog.meters if meter.unit == "requests" and meter.scope_type == "model")
    left = state.ledger.standing(limit, now)[0].capacity - 312
    told = Reported(by="groq", remaining=left, over=312, drift=312, at=now.wall, until=now.wall + 60)
    state.ledger.report(limit, told, now)
    assert "reported by groq: 312 used elsewhere" in await text(await house(state))
