"""Which names this server answers to, and from which pages a browser may change things.

A page elsewhere can point its own name at 127.0.0.1 (DNS rebinding) and so talk to a local server as if to its own:
hence a list of hosts, checked on what was sent and not on what a URL parser made of it. And a page may post a form to
another site without asking: hence the Origin check on methods that change something.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.errors import ForbiddenError, UnknownHostError

from .keys import STATE
from .peers import local_address

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:@/?#\[\]\\]+)(?::(\d{0,5}))?")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Authority(NamedTuple):
    """A host and its port, as text; no port where none was written."""

    host: str
    port: str


def read_authority(text: str) -> Authority | None:
    """`Localhost.:3000` as (`localhost`, `3000`); None if it is no host at all."""
    if not (found := _AUTHORITY.fullmatch(text)):
        return None
    host = found[1].strip("[]").lower().removesuffix(".")
    return Authority(host, found[2] or "") if host else None


def answers_to(host: str, names: Iterable[str], local: str) -> bool:
    """Whether `host` is localhost, a loopback address, the address the connection came in on, or listed."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    if host in {name.strip("[]").lower().removesuffix(".") for name in names}:
        return True
    address = _address(host)
    return address is not None and (address.is_loopback or address == _address(local))


@lru_cache(maxsize=64)
def _is_ours(text: str, names: tuple[str, ...], local: str) -> bool:
    """Whether `text` is a host that this server answers to. Tools send the same one again and again."""
    authority = read_authority(text)
    return authority is not None and answers_to(authority.host, names, local)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, an IPv4 one wrapped in IPv6 unwrapped; None if `text` is a name."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """421 unless Host, and the host of an absolute-form target, are this server's; 403 for a foreign Origin."""
    server = request.app[STATE].catalog.server
    names = (server.host, *server.hosts)
    local = local_address(request)
    claimed = request.headers.getall("Host", [])
    target = request.raw_path
    if not target.startswith(("/", "*")):  # `GET http://evil/admin`: a parser would believe it over Host
        claimed = [*claimed, target.partition("://")[2].partition("/")[0].partition("?")[0]]
    if not claimed or not all(_is_ours(each, names, local) for each in claimed):
        raise UnknownHostError(
            "This server does not answer to that Host. Use localhost or its address, "
            "or add the name to server.hosts in the configuration."
        )
    if request.method not in _SAFE_METHODS:
        check_origin(request, server.hosts)
    return await handler(request)


def check_origin(request: web.Request, names: Iterable[str]) -> None:
    """Raise ForbiddenError if a page of another origin sent this."""
    origin = request.headers.get("Origin")
    if origin is None:
        # Tools send neither header. A browser that leaves Origin out still says what kind of page asked.
        foreign = request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}
    else:
        foreign = not is_own_origin(origin, request.headers.get("Host", ""), names)
    if foreign:
        raise ForbiddenError(
            "A page of another origin may not do this. Open the gateway's own page, or, behind a proxy that "
            "changes Host, add the public name to server.hosts."
        )


def is_own_origin(origin: str, host: str, names: Iterable[str]) -> bool:
    """Whether `origin` is the page's own server: the same host and port, or a listed name on its usual port.

    The scheme is left out on purpose: behind a proxy that ends TLS the page is https and the gateway is not.
    """
    try:
        scheme, netloc = urlsplit(origin)[:2]
    except ValueError:
        return False
    page, here = read_authority(netloc), read_authority(host)
    usual = _DEFAULT_PORTS.get(scheme)
    if page is None or here is None or usual is None:
        return False
    if (page.host, page.port or usual) == (here.host, here.port or usual):
        return True
    return (page.port or usual) == usual and page.host in {name.lower() for name in names}
