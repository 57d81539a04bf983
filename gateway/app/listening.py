"""Where the gateway can be reached: its sockets, and how many of them the system grants."""

import asyncio
import errno
import logging
import os
import resource
import socket

from gateway.errors import StartError

log = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that wait to be accepted. The system's own bound (net.core.somaxconn) may be lower."""


async def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen, one for each address of `host`; a free port where `port` is 0.

    Clients can connect from now on, and wait until they are accepted. Raises StartError in one line.
    """
    loop = asyncio.get_running_loop()
    found: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)):
            found.append(socket.create_server(address, family=family, backlog=BACKLOG))
    except socket.gaierror as error:
        raise StartError(f"The host {host!r} cannot be resolved: correct server.host, HOST or --host.") from error
    except OSError as error:
        for each in found:
            each.close()
        raise StartError(_why(error, host, port)) from error
    return found


def _why(error: OSError, host: str, port: int) -> str:
    where = f"{host}:{port}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{where} is taken by another program: stop that one, or choose another port with --port or PORT."
        case errno.EADDRNOTAVAIL:
            return f"{where}: this machine has no such address. Correct server.host, HOST or --host."
        case errno.EACCES:
            return f"{where} needs privileges: choose a port from 1024 on with --port or PORT."
    return f"{where} cannot be listened on: {os.strerror(error.errno or 0)}."


def url(address: object) -> str:
    """`http://127.0.0.1:3000`, `http://[::1]:3000`, `unix:/run/llm-gateway.sock`."""
    if not isinstance(address, tuple):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"


def raise_file_limit() -> int:
    """Allow as many open files, and so connections, as the system lets this process have: how many; -1 is any."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:  # macOS names a hard limit that it does not grant
        log.debug("the limit of open files stays at %s: %s", soft, error)
        return soft
    return hard
