"""Asking the gateway that runs, over HTTP, where the configuration says that it listens."""

import http.client
from collections.abc import Mapping
from typing import Any

import click
import orjson

from gateway.catalog.schema import Server

_TIMEOUT_S = 10.0
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where others listen, not we
"""Addresses that mean all of a machine's, and the one of them to call."""


def ask(server: Server, path: str, body: object, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Status and JSON that `POST path` is answered with. The headers are beside the body's own.

    Raises ClickException if nothing, or something else, answers there; its message says what to do.
    """
    host = _EVERYWHERE.get(server.host, server.host)
    url = f"http://[{host}]:{server.port}" if ":" in host else f"http://{host}:{server.port}"
    if not server.port:
        raise click.ClickException("The gateway takes any free port (port: 0): say which with --port.")
    connection = http.client.HTTPConnection(host, server.port, timeout=_TIMEOUT_S)
    try:
        sent = {name: value.encode() for name, value in headers.items()}  # a text would have to be Latin-1
        connection.request("POST", path, orjson.dumps(body), {"Content-Type": "application/json", **sent})
        reply = connection.getresponse()
        status, answer = reply.status, orjson.loads(reply.read())
    except ConnectionRefusedError:
        raise click.ClickException(
            f"No gateway runs at {url}. Start it with `llm-gateway serve`, or say where it is with --host and --port."
        ) from None
    except OSError as error:
        raise click.ClickException(f"The gateway at {url} cannot be reached: {error.strerror or error}.") from None
    except (http.client.HTTPException, orjson.JSONDecodeError):
        status, answer = 0, None
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise click.ClickException(f"What answers at {url} is no gateway. Say where it is with --host and --port.")
    return status, answer
