"""An answer to a connection from which no request will be read."""

from http import HTTPStatus

from gateway.dialects import error_bodies
from gateway.errors import GatewayError

from .errors import headers
from .headers import SERVER


def refusal(error: GatewayError) -> bytes:
    """The error as the bytes of a whole HTTP/1.1 response that closes the connection."""
    body = error_bodies.body(error)
    fields = {
        "Server": SERVER,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Cache-Control": "no-store",
        **headers(error),
    }
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
