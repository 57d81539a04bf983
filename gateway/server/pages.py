"""The pages: the status page, the form to sign in, and the files they load. Complete without JavaScript."""

import hashlib
import mimetypes
from pathlib import Path
from typing import Final, NamedTuple, get_args
from urllib.parse import urlencode

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web

from gateway import __version__
from gateway.errors import NotFoundError
from gateway.history import WINDOWS, By

from . import sessions
from .answering import json_answer
from .historical import METRICS, Wanted, wanted
from .keys import STATE
from .past import past
from .view import Ask, status

REFRESH_S = 5
_A_YEAR = "public, max-age=31536000, immutable"


class StaticFile(NamedTuple):
    """A file that pages load, under a name that changes with its content."""

    body: bytes
    content_type: str
    name: str


_FILES: Final = web.AppKey[dict[str, StaticFile]]("static_files")


def setup(app: web.Application, web_root: Path) -> None:
    """Read templates and static files of the folder `web`, once: requests then touch no disk."""
    templates = {path.name: path.read_text("utf-8") for path in sorted((web_root / "templates").glob("*.html"))}
    static = [_read(path) for path in sorted((web_root / "static").iterdir()) if path.is_file()]
    app[_FILES] = {file.name: file for file in static}
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.DictLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    stems = {file.name.partition(".")[0]: file.name for file in static}
    environment.globals.update(
        static=lambda stem: f"/static/{stems[stem]}", link=link, usage_link=usage_link, version=__version__
    )


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(body, kind, f"{path.stem}.{hashlib.sha256(body).hexdigest()[:12]}{path.suffix}")


def link(ask: Ask, **changed: object) -> str:
    """The status page with some of what its address says changed: `/?next=smart&live=off`."""
    there = msgspec.structs.replace(ask, **changed)
    query = {
        **({"next": there.next} if there.next else {}),
        **({"limits": "all"} if there.all_limits else {}),
        **({"live": "off"} if there.paused else {}),
    }
    return f"/?{urlencode(query)}" if query else "/"


async def status_page(request: web.Request) -> web.StreamResponse:
    """How everything stands. `?next=NAME` picks the ladder, `?limits=all` shows every limit, `?live=off` stands still.

    `?format=json` is the same as JSON.
    """
    state, query = request.app[STATE], request.query
    ask = Ask(next=query.get("next", ""), all_limits=query.get("limits") == "all", paused=query.get("live") == "off")
    shown = status(state, state.clock.now(), ask, f"{request.scheme}://{request.host}/v1")
    if query.get("format") == "json":
        return json_answer(msgspec.to_builtins(shown))
    context = {"page": shown, "ask": ask, "signed_in": _signed_in(request)}
    name = "first-run.html" if shown.kind == "first_run" else "status.html"
    response = aiohttp_jinja2.render_template(name, request, context)
    if not ask.paused:
        # A header and not a meta element: that one is announced by screen readers and found at fault by axe.
        response.headers["Refresh"] = str(REFRESH_S)
    return response


def usage_link(wanted: Wanted, place: str = "/usage", **changed: str) -> str:
    """A place that takes the query of the usage page, with some of what that says changed."""
    return f"{place}?{urlencode({**msgspec.structs.asdict(wanted), **changed})}"


async def usage_page(request: web.Request) -> web.StreamResponse:
    """What was served over time. `?window= &by= &metric=` as for `/usage/historical`; `?format=json` as JSON."""
    state = request.app[STATE]
    shown = past(state, state.clock.now(), wanted(request.query))
    if request.query.get("format") == "json":
        return json_answer(msgspec.to_builtins(shown))
    choices = {"window": tuple(WINDOWS), "by": get_args(By), "metric": tuple(METRICS)}
    context = {"page": shown, "choices": choices, "signed_in": _signed_in(request)}
    return aiohttp_jinja2.render_template("usage.html", request, context)


def _signed_in(request: web.Request) -> bool:
    """Whether there is a session to end."""
    state = request.app[STATE]
    session = request.cookies.get(sessions.COOKIE, "")
    return sessions.is_valid(session, state.catalog.server.admin_token, state.clock.now().wall)


async def login_page(request: web.Request) -> web.StreamResponse:
    """The form to sign in; it comes back to `?next=`. `?format=json` says what to send instead."""
    return login_form(request, next_=request.query.get("next", "/"))


def login_form(request: web.Request, *, next_: str = "/", error: str = "", status: int = 200) -> web.Response:
    """The form, with what was wrong the last time."""
    token_set = bool(request.app[STATE].catalog.server.admin_token)
    if request.query.get("format") == "json":
        return json_answer(
            {"token_set": token_set, "post": {"token": "ADMIN_TOKEN", "next": next_}, "error": error or None}
        )
    context = {"next": next_, "error": error, "token_set": token_set, "signed_in": _signed_in(request)}
    return aiohttp_jinja2.render_template("login.html", request, context, status=status)


async def static_file(request: web.Request) -> web.StreamResponse:
    """A file of `web/static`. Its name holds its hash, so browsers may keep it for ever. Raises NotFoundError."""
    file = request.app[_FILES].get(request.match_info["name"])
    if file is None:
        raise NotFoundError("There is no such file.")
    return web.Response(body=file.body, content_type=file.content_type, headers={"Cache-Control": _A_YEAR})
