"""The command itself: picks the verb, suggests the one that was meant, turns failures into exit codes."""

import difflib
import importlib
import sys
from collections.abc import Sequence

import click

from gateway import __version__
from gateway.errors import ConfigError, StartError

VERBS = {
    "serve": "Run the gateway (what you get without a command).",
    "check": "Check a configuration file: every mistake at once, with line and column.",
    "route": "Show where a request would go now, and why.",
    "state": "Show what snapshot and journal say, in words.",
    "schema": "Print the JSON schema of gateway.yaml, for editors.",
    "version": "Print the version.",
}
"""Name and one line of help, so that `--help` and misspelt verbs load no verb."""

HELP = ("-h", "--help")


class Verbs(click.Group):
    """The verbs by name. `version` should not pay for what `serve` imports, so each is loaded when it is chosen."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, in the order of VERBS."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, or None if there is none of this name."""
        if cmd_name not in VERBS:
            return None
        verb: click.Command = importlib.import_module(f"gateway.cli.{cmd_name}").command
        return verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb and its arguments. Raises UsageError that names the closest verb."""
        if args[0] in VERBS:
            return super().resolve_command(ctx, args)
        close = difflib.get_close_matches(args[0], VERBS, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(VERBS)}."
        raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options without a verb are those of `serve`."""
        if not args or (args[0].startswith("-") and args[0] not in {*HELP, "--version"}):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, from VERBS."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=Verbs, context_settings={"help_option_names": HELP})
@click.version_option(__version__, message="llm-gateway %(version)s")
def gateway() -> None:
    """One OpenAI endpoint over many limited LLM providers."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command and end the process: 0 fine, 1 failed, 2 wrong usage, 78 wrong configuration, 130 Ctrl-C."""
    sys.exit(run(args))


def run(args: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    try:
        return int(gateway.main(args, prog_name="llm-gateway", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except ConfigError as error:
        from .problems import as_text  # noqa: PLC0415 - only needed when something is wrong

        click.echo(as_text(error.problems), err=True)
        return 78
    except StartError as error:
        click.echo(f"llm-gateway: {error}", err=True)
        return error.exit_code
