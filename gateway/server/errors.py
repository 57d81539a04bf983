"""Every failure as JSON in the shape that clients of the route understand. Nothing else ever leaves: no traceback."""

import logging
from math import ceil, isfinite

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.dialects import error_bodies
from gateway.errors import (
    DrainingError,
    ExhaustedError,
    GatewayError,
    InternalError,
    InvalidKeyError,
    MethodNotAllowedError,
    NotFoundError,
    OverloadedError,
    RequestTimeoutError,
    RequestTooLargeError,
    UnsupportedMediaTypeError,
    UpstreamFailedError,
    UpstreamTimeoutError,
)

from .answering import HEAD_SENT
from .ids import request_id
from .keys import HANDED_OVER, REQUEST_ID

log = logging.getLogger(__name__)
refused = logging.getLogger("gateway.requests")

_WORTH_WAITING_S = 60.0
"""Beyond this, a client should not wait and repeat (contract, section 5)."""


_CHAT_HINT = """ with a JSON body such as {"model": "base", "messages": [{"role": "user", "content": "hi"}]}"""


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost layer: gives the request its id, and turns whatever is raised into an answer."""
    request[REQUEST_ID] = request_id(request.headers)
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        return _refuse(request, translate(error, request))
    except GatewayError as error:
        if HEAD_SENT in request:
            return _break_off(request)
        return _refuse(request, error)
    except Exception as error:
        if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            raise  # the client is gone: there is nobody to answer, and aiohttp knows
        # The id and nothing more: a traceback shows code, and its locals may be prompts.
        log.exception("%s %s failed: a bug", request[REQUEST_ID], request.method)
        if HEAD_SENT in request:
            return _break_off(request)
        return to_response(InternalError(f"A bug in the gateway. Its log has the details under {request[REQUEST_ID]}."))


def _refuse(request: web.Request, error: GatewayError) -> web.Response:
    if not request.get(HANDED_OVER):  # the relay keeps a record of everything that reached it
        fields = {
            "id": request[REQUEST_ID],
            "status": error.status,
            "outcome": error.code or error.type,
            "method": request.method,
            "path": request.path[:200],
        }
        refused.info("refused", extra={"fields": fields})
    return to_response(error)


def _break_off(request: web.Request) -> web.StreamResponse:
    """End a stream that cannot go on so that nobody takes it for a complete one: without the last chunk."""
    if request.transport is not None:
        request.transport.close()
    return request[HEAD_SENT]


def translate(error: web.HTTPNotFound | web.HTTPMethodNotAllowed, request: web.Request) -> GatewayError:
    """What aiohttp's router raises, as one of ours."""
    if isinstance(error, web.HTTPNotFound):
        return NotFoundError(
            "There is nothing here. Tools want POST /v1/chat/completions and GET /v1/models; people want /."
        )
    allowed = sorted(error.allowed_methods)
    hint = _CHAT_HINT if request.path.endswith("/chat/completions") else ""
    return MethodNotAllowedError(f"{request.method} is not for this path: use {' or '.join(allowed)}{hint}.", allowed)


def to_response(error: GatewayError) -> web.Response:
    """The error as OpenAI's clients read it, with the headers they act on."""
    response = web.Response(
        status=error.status, body=error_bodies.body(error), content_type="application/json", headers=headers(error)
    )
    if isinstance(error, RequestTimeoutError | RequestTooLargeError | UnsupportedMediaTypeError | DrainingError):
        response.force_close()  # the rest of the body is not worth reading, or there will be no next request
    return response


def headers(error: GatewayError) -> dict[str, str]:
    """What goes beside the body: when to come back, whether to, and what the relay has to say about its way."""
    found: dict[str, str] = {}
    match error:
        case ExhaustedError():
            if isfinite(error.retry_after_s):
                # Never early: a client that returns a moment too soon is refused again. But float dust is no moment.
                found["Retry-After"] = str(max(1, ceil(round(error.retry_after_s, 6))))
                found["retry-after-ms"] = str(max(1, ceil(round(error.retry_after_s * 1000, 3))))
            if error.retry_after_s > _WORTH_WAITING_S:
                found["x-should-retry"] = "false"
        case UpstreamFailedError() | UpstreamTimeoutError():
            # Every target was tried: three more rounds of the same would only add load.
            found["x-should-retry"] = "false"
        case DrainingError() | OverloadedError():
            found["Retry-After"] = "1"
        case MethodNotAllowedError():
            found["Allow"] = ", ".join(error.allow)
        case InvalidKeyError():
            found["WWW-Authenticate"] = "Bearer"
    return {**found, **error.headers}
