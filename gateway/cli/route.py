"""`llm-gateway route`: where a request would go now, and why."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson

from gateway.catalog.catalog import Catalog
from gateway.clock import SystemClock
from gateway.configuration import Configuration
from gateway.server.format import wait
from gateway.settings import Overrides

from .asking import ask

_COLOURS = {"chosen": "green", "not_needed": "", "left_out": "yellow"}
_HEAD = ("#", "target", "verdict", "used", "opens in", "why")


@click.command("route")
@click.argument("name")
@click.option("--tokens", type=click.IntRange(0), default=None, help="Length of the prompt; without it a short one.")
@click.option("--client", help="Ask as this client of the configuration, under its rules.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, like `POST /v1/route`.")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--host", help="Where the gateway listens; goes over the file and HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Its port; goes over the file and PORT.")
def command(
    *,
    name: str,
    tokens: int | None,
    client: str | None,
    as_json: bool,
    config: Path | None,
    host: str | None,
    port: int | None,
) -> int:
    """Show where a request for NAME would go now: every target, in order, with the rule that put it where it is.

    Asks the gateway that runs; nothing is sent to a provider, and no limit is touched.
    """
    options: Overrides = {}
    if host is not None:
        options["host"] = (host, "--host")
    if port is not None:
        options["port"] = (str(port), "--port")
    catalog = Configuration.find(config, os.environ, Path.cwd(), options).load().catalog
    body = {"model": name} if tokens is None else {"model": name, "tokens": tokens}
    status, answer = ask(catalog.server, "/v1/route", body, _credentials(catalog, client))
    if as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2))
        return 0 if status == 200 else 1
    if status != 200:
        raise click.ClickException(_message(answer))
    click.echo(table(answer["targets"], SystemClock().now().wall))
    click.echo(summary(answer))
    return 0


def _credentials(catalog: Catalog, client: str | None) -> Mapping[str, str]:
    """The client's key, else the admin token where there is one. Raises BadParameter for an unknown client."""
    if client is not None:
        if client not in catalog.clients:
            known = ", ".join(catalog.clients) or "none"
            raise click.BadParameter(f"no client is called {client!r}; the configuration has: {known}.")
        return {"Authorization": f"Bearer {catalog.clients[client].secret.reveal()}"}
    token = catalog.server.admin_token.reveal()
    return {"x-admin-token": token} if token else {}


def _message(answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else "The gateway refused, and did not say why."


def table(targets: Sequence[Mapping[str, Any]], wall: float) -> str:
    """The targets as lines of columns, under a head; times are counted from `wall`, Unix seconds."""
    rows = [_HEAD, *(_row(each, wall) for each in targets)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    colours = ["", *(_COLOURS.get(each["verdict"], "") for each in targets)]
    return "\n".join(_line(row, widths, colour) for row, colour in zip(rows, colours, strict=True))


def _row(each: Mapping[str, Any], wall: float) -> tuple[str, ...]:
    opens_at = each["opens_at"]
    opens = wait(max(0.0, datetime.fromisoformat(opens_at).timestamp() - wall)) if opens_at else ""
    used = "" if each["used"] is None else f"{_number(each['used'])} of {_number(each['amount'])}"
    why = f"{each['rule']}: {each['text']}"
    return (str(each["place"]), each["id"], each["verdict"].replace("_", " "), used, opens, why)


def _line(row: Sequence[str], widths: Sequence[int], colour: str) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
    if colour:
        cells[2] = click.style(cells[2], fg=colour)
    return "  ".join(cells).rstrip()


def _number(n: float) -> str:
    return f"{n:,.0f}" if n == int(n) else f"{n:,.4g}"


def summary(answer: Mapping[str, Any]) -> str:
    """Who would answer, and for how large a prompt that holds."""
    chosen = next((each for each in answer["targets"] if each["verdict"] == "chosen"), None)
    tokens = answer["tokens"]
    size = f"a prompt of {tokens['estimated']:,} tokens"
    if chosen is None:
        return f"Nobody can answer {size} now."
    cost = "an unknown amount" if answer["cost_usd"] is None else f"${answer['cost_usd']:.4g}"
    later = ", after waiting in line" if chosen["opens_at"] else ""
    return f"{chosen['id']} would answer {size}{later}: {tokens['reserved']:,} tokens held, {cost} expected."
