"""What every answer carries, and what only our own pages and JSON do."""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway import __version__

from .keys import RELAYED, REQUEST_ID, STATE

SERVER: Final = f"llm-gateway/{__version__}"

SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: under that, browsers send `Origin: null` with our own login form.
    "Referrer-Policy": "same-origin",
}

_WORTH_PACKING_BYTES = 1024
_TEXTS = frozenset(
    {"application/json", "text/html", "text/css", "text/javascript", "text/plain", "text/csv", "application/yaml"}
)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: the last word on the head of every answer."""
    response.headers["Server"] = SERVER
    if REQUEST_ID in request:
        response.headers["x-request-id"] = request[REQUEST_ID]
    if request.app[STATE].draining:
        response.headers["Connection"] = "close"  # the head is made already: both have to be said
        response.force_close()
    if not request.get(RELAYED):
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def pack(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gzip our own texts for who asks. What is relayed is never touched: streams must not wait in a compressor."""
    response = await handler(request)
    if request.get(RELAYED) or not isinstance(response, web.Response) or response.content_type not in _TEXTS:
        return response
    response.headers.add("Vary", "Accept-Encoding")
    if (response.content_length or 0) >= _WORTH_PACKING_BYTES and takes_gzip(
        request.headers.get("Accept-Encoding", "")
    ):
        response.enable_compression(web.ContentCoding.gzip)
    return response


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, or everything, with a weight above zero (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for each in accepted.lower().split(","):
        coding, _, parameter = each.partition(";")
        try:
            weights[coding.strip()] = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0
