"""Who may use which route. The decision hangs on the route that matched, never on the spelling of a URL."""

from typing import Final, Literal
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.errors import ForbiddenError, InvalidKeyError
from gateway.records import Secret

from .admin import check_admin
from .clients import identify
from .keys import ADMIN, CALLER, STATE, Caller

Guard = Literal["open", "client", "sender", "admin", "page"]
"""`sender` is a client or an admin, who needs no client's key: ADMIN says which.
`page` is `admin` where a browser is sent to /login instead of being told off in JSON."""

GUARDS: Final = web.AppKey[dict[web.AbstractRoute, Guard]]("guards")


@web.middleware
async def check_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through whom the matched route is for."""
    matched = request.match_info
    if matched.http_exception is not None:  # 404 or 405: the handler says so, and there is nothing to guard
        return await handler(request)
    # A route that nobody put into the table is an oversight: better closed than open.
    match request.app[GUARDS].get(matched.route, "admin"):
        case "open":
            pass
        case "client":
            request[CALLER] = identify(request, request.app[STATE].catalog)
        case "sender":
            _check_sender(request)
        case "admin":
            check_admin(request)
        case "page":
            try:
                check_admin(request)
            except InvalidKeyError:
                if "text/html" not in request.headers.get("Accept", ""):
                    raise
                return web.Response(
                    status=303, headers={"Location": f"/login?next={quote(request.rel_url.raw_path_qs)}"}
                )
    return await handler(request)


def _check_sender(request: web.Request) -> None:
    """Note who asks, and whether it is an admin. Raises InvalidKeyError for who is neither that nor a client."""
    try:
        check_admin(request)
        request[ADMIN] = True
    except (InvalidKeyError, ForbiddenError):
        request[ADMIN] = False
    try:
        request[CALLER] = identify(request, request.app[STATE].catalog)
    except InvalidKeyError:
        if not request[ADMIN]:
            raise InvalidKeyError(
                "This needs a client's key as Authorization: Bearer, x-api-key or x-goog-api-key, "
                "or the admin token as x-admin-token."
            ) from None
        request[CALLER] = Caller(None, Secret())
