"""Who asks for inference: one of `clients`, by its key in Bearer, `x-api-key` or `x-goog-api-key`.

Without `clients` any key, or none, is accepted: local tools insist on sending one. With `clients` only theirs are, on
loopback too, and whatever `allow_anonymous` says: that one is about listening beyond loopback without clients or
admin token, and must not open the door to strangers where somebody has listed who may come in.
"""

from aiohttp import web

from gateway.catalog.catalog import Catalog
from gateway.errors import InvalidKeyError
from gateway.records import Secret

from .admin import bearer
from .keys import Caller


def identify(request: web.Request, catalog: Catalog) -> Caller:
    """The caller. Raises InvalidKeyError if the key is not one of ours, and has to be."""
    known = catalog.clients_by_digest
    in_bearer = known.get(Secret(bearer(request)).digest) if known else None
    in_headers = (
        known.get(Secret(request.headers[name]).digest)
        for name in ("x-api-key", "x-goog-api-key")
        if known and name in request.headers
    )
    client = in_bearer or next(filter(None, in_headers), None)
    if client is None and catalog.clients:
        raise InvalidKeyError(
            "No client has this key. Send one of the configured clients' keys as Authorization: Bearer, "
            "x-api-key or x-goog-api-key."
        )
    # Ours stay here, whatever `auth: passthrough` says: they mean nothing to a provider but could be tried by it.
    ours = in_bearer is not None or catalog.server.admin_token.matches(bearer(request))
    return Caller(client, Secret() if ours else Secret(request.headers.get("Authorization", "")))
