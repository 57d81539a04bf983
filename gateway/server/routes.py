"""Every route of the gateway, and whom it is for."""

import logging
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from . import adjust, config, explain, health, historical, login, models, openai, pages, usage
from .access import GUARDS, Guard, check_access
from .errors import answer_errors
from .headers import add_headers, pack
from .hosts import check_host
from .malformed import WITHOUT_BYTES


class Route(NamedTuple):
    """One line of the table."""

    method: str
    path: str
    handler: Handler
    guard: Guard


TABLE: Final = (
    Route("POST", "/v1/chat/completions", openai.post_chat, "client"),
    Route("POST", "/v1/route", explain.post_route, "sender"),
    Route("GET", "/v1/models", models.get_models, "client"),
    Route("GET", "/v1/models/{id:.+}", models.get_model, "client"),
    Route("GET", "/health", health.get_health, "open"),
    Route("GET", "/healthz", health.get_alive, "open"),
    Route("GET", "/livez", health.get_alive, "open"),
    Route("GET", "/readyz", health.get_ready, "open"),
    Route("GET", "/config", config.get_config, "admin"),
    Route("POST", "/config/reload", config.post_reload, "admin"),
    Route("GET", "/usage/current", usage.get_current, "admin"),
    Route("GET", "/usage/historical", historical.get_historical, "admin"),
    Route("GET", "/usage/historical.csv", historical.get_historical_csv, "admin"),
    Route("GET", "/usage/requests", usage.get_requests, "admin"),
    Route("POST", "/usage/adjust", adjust.post_adjust, "admin"),
    Route("POST", "/usage/cooldowns/reset", adjust.post_reset, "admin"),
    Route("GET", "/explain/{request_id:.+}", explain.get_explain, "sender"),
    Route("GET", "/usage", pages.usage_page, "page"),
    Route("GET", "/", pages.status_page, "page"),
    Route("GET", "/static/{name}", pages.static_file, "open"),
    Route("GET", "/login", pages.login_page, "open"),
    Route("POST", "/login", login.post_login, "open"),
    Route("POST", "/logout", login.post_logout, "open"),
)


def middlewares() -> tuple[Middleware, ...]:
    """What is true of every request, outermost first."""
    return (answer_errors, pack, check_host, check_access)


def add_routes(app: web.Application) -> None:
    """Put the table, and what its guards need, into an application made with `middlewares()`."""
    guards = app[GUARDS] = {}
    app[login.LOGIN_TRIES] = login.Tries()
    for route in TABLE:
        resource = app.router.add_resource(route.path)
        guards[resource.add_route(route.method, route.handler)] = route.guard
        if route.method == "GET":
            guards[resource.add_route("HEAD", route.handler)] = route.guard
    app.on_response_prepare.append(add_headers)
    logging.getLogger("aiohttp.server").addFilter(WITHOUT_BYTES)
