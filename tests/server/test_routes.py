"""The table of routes, held against the application that it makes."""

import pytest
from aiohttp import web

from gateway.server.access import GUARDS
from gateway.server.routes import TABLE, add_routes

from .conftest import Serve

OPEN = {
    ("GET", "/health"),
    ("GET", "/healthz"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("GET", "/static/{name}"),
}


def test_only_health_and_login_are_open() -> None:
    """Whoever adds an open route has to say so here too."""
    assert {(route.method, route.path) for route in TABLE if route.guard == "open"} <= OPEN


SENDERS = {("POST", "/v1/route"), ("GET", "/explain/{request_id:.+}")}
"""A client may see why its own requests go where they go; an admin, why any does."""


def test_inference_is_for_clients_and_the_rest_for_the_admin() -> None:
    assert {(route.method, route.path) for route in TABLE if route.guard == "sender"} == SENDERS
    for route in TABLE:
        if (route.method, route.path) not in OPEN | SENDERS:
            assert (route.guard == "client") is route.path.startswith("/v1/"), route


def test_every_route_has_its_guard() -> None:
    """HEAD too, which goes with GET."""
    app = web.Application()
    add_routes(app)
    guarded = set(app[GUARDS].keys())
    assert guarded == set(app.router.routes())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_route_without_a_guard_is_for_the_admin(serve: Serve, method: str) -> None:
    """Better closed than open."""

    async def forgotten(_: web.Request) -> web.StreamResponse:
        return web.Response(text="secret")

    client = await serve(forgotten=forgotten)
    assert (await client.request(method, "/forgotten", headers={"Via": "a proxy"})).status == 403
    assert (await client.request(method, "/forgotten")).status == 200
