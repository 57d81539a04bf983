"""`llm-gateway state`: snapshot and journal in words."""

import os
from pathlib import Path

import click
import msgspec

from gateway.clock import SystemClock
from gateway.configuration import Configuration
from gateway.server.format import exact, money
from gateway.storage.survey import Count, Survey, survey


@click.command("state")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(*, directory: Path | None, config: Path | None, as_json: bool) -> int:
    """Show what the snapshots and journals in DIRECTORY say: what the next start would begin with.

    Without DIRECTORY, the one that `serve` would take. Nothing is changed, so a gateway may be running.
    """
    configuration = Configuration.find(config, os.environ, Path.cwd())
    catalog = configuration.load().catalog
    folder = directory or configuration.snapshot_folder(catalog.server.snapshot.directory)
    found = survey(folder, catalog.meters, SystemClock().now())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        click.echo(in_words(folder, found))
    return 0


def in_words(folder: Path, found: Survey) -> str:
    """The files, then a line per limit."""
    if not found.files:
        return f"{folder}: nothing is remembered."
    width = max(len(name) for name, _ in found.files)
    lines = [f"{folder}", *(f"  {name:{width}}  {words}" for name, words in found.files), ""]
    lines.append(f"{found.replayed} changes after the snapshot, {found.skipped} of limits that nobody knows")
    width = max((len(each.id) for each in found.limits), default=0)
    return "\n".join([*lines, *(f"  {each.id:{width}}  {_used(each)}" for each in found.limits)])


def _used(each: Count) -> str:
    show = money if each.unit == "cost" else exact
    held = f", {show(each.held)} held" if each.held else ""
    return f"{show(round(each.used))} of {show(each.amount)} used{held}"
