"""The command as a whole: verbs, suggestions, exit codes."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from gateway.cli.group import VERBS, gateway, run
from gateway.errors import ConfigError, Problem, StartError


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        pytest.param(["srve"], 2, "No such command 'srve'. Did you mean 'serve'?", id="misspelt verb"),
        pytest.param(["qqqq"], 2, "There are: serve, check, route, state, schema, version.", id="no verb like it"),
        pytest.param(["version", "--jsn"], 2, "Did you mean '--json'?", id="misspelt option"),
        pytest.param(["--prot", "1"], 2, "'--port'", id="an option alone belongs to serve"),
        pytest.param(["serve", "--port", "99999"], 2, "99999 is not in the range", id="port out of range"),
        pytest.param(
            ["check", "--format", "jso"], 2, "'jso' is not one of 'text', 'json', 'github'", id="misspelt choice"
        ),
        pytest.param(["--config", "/gone.yaml"], 78, "/gone.yaml is not a file", id="missing file"),
    ],
)
def test_what_is_wrong_is_said(args: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, with what was meant, and the exit code of its kind."""
    assert run(args) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["serve", "-h"], ["--version"], ["version"]])
def test_help_and_version_are_fine(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, on stdout."""
    assert run(args) == 0
    assert "llm-gateway" in capsys.readouterr().out


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """With its one line."""
    run(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{verb} {line}" in shown for verb, line in VERBS.items())


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_a_file_of_its_name(verb: str) -> None:
    """The one line in the list is the one its own help begins with."""
    found = gateway.get_command(click.Context(gateway), verb)
    assert found
    assert found.name == verb
    assert (Path(__file__).parent / f"test_{verb}.py").is_file()


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (StartError("port taken: stop it"), 1, "llm-gateway: port taken: stop it\n"),
        (ConfigError([Problem("a.yaml", 1, 2, "no")]), 78, "a.yaml:1:2: error: no\n1 error\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_failures_become_exit_codes(
    error: BaseException, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, no traceback."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(gateway, "main", fail)
    assert run([]) == code
    assert capsys.readouterr().err == says


def test_version_loads_little() -> None:
    """No server, no templates, no YAML for a line of text."""
    script = (
        "import sys; from gateway.cli.group import run; run(['version']);"
        "print([name for name in ('aiohttp', 'jinja2', 'yaml', 'msgspec', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['msgspec']"
