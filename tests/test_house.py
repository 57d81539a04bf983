"""House rules that a program can check: everything has its test, its size, its line in the documentation."""

import re
from pathlib import Path

import pytest

from gateway import __version__, settings
from gateway.catalog.reference import json_schema, key_reference
from gateway.limits import shorthand
from gateway.providers import TYPES
from gateway.server.routes import TABLE

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gateway"
README = (ROOT / "README.md").read_text("utf-8")
DESIGN = (ROOT / "docs/design.md").read_text("utf-8")
ENV_EXAMPLE = (ROOT / ".env.example").read_text("utf-8")

WITHOUT_A_TEST_OF_ITS_NAME = {
    "__main__.py": "three lines; every test that starts a process goes through it",
    "relay/attempt.py": "part of the story that tests/relay/test_relay.py tells",
    "relay/sending.py": "part of the story that tests/relay/test_relay.py tells",
    "server/keys.py": "names only",
    "server/peers.py": "what it decides is the table of tests/server/test_admin.py",
    "server/sessions.py": "what it signs is checked by tests/server/test_admin.py and test_login.py",
}
"""Module -> why. `__init__.py` files need none unless they hold code, and then their package's tests are theirs."""

MAX_LINES = 400


def modules() -> list[Path]:
    """Every module of the package, relative to it."""
    return sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("module", modules(), ids=str)
def test_each_module_has_its_test_file(module: Path) -> None:
    """`gateway/limits/rules.py` is tested by `tests/limits/test_rules.py`."""
    if str(module) not in WITHOUT_A_TEST_OF_ITS_NAME:
        assert (ROOT / "tests" / module.parent / f"test_{module.name}").is_file()


def test_exceptions_are_still_needed() -> None:
    """A module that has gone, or has its test now, leaves the list."""
    assert [
        name
        for name in WITHOUT_A_TEST_OF_ITS_NAME
        if not (PACKAGE / name).is_file() or (ROOT / "tests" / Path(name).parent / f"test_{Path(name).name}").is_file()
    ] == []


def test_every_package_of_tests_is_one() -> None:
    """Without `__init__.py`, two test files of one name would collide."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_no_file_is_too_long_to_read() -> None:
    """400 lines at most, tests, scripts and styles too; a median under 150 is the aim."""
    files = [*ROOT.glob("gateway/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("web/static/*.js")]
    long = {
        str(path.relative_to(ROOT)): count
        for path in files
        if (count := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    """A docstring on top, and every package has its `__init__`."""
    silent = [
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if not re.match(r'(#![^\n]*\n)?"""\S', path.read_text("utf-8"))
    ]
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert silent == []
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_room_is_in_the_picture() -> None:
    """`docs/design.md` names each room."""
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name not in {"__pycache__", "_shipped"}}
    rooms |= {path.name for path in PACKAGE.glob("[a-z]*.py")}
    assert [room for room in sorted(rooms) if f"`{room}" not in DESIGN] == []


def test_every_dependency_has_its_reason() -> None:
    """One sentence each in `docs/design.md`."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed
    names = re.findall(r'"([a-z0-9-]+)', listed[1])
    assert len(names) > 5
    assert [name for name in [*names, "uvloop"] if f"**{name}**" not in DESIGN] == []


@pytest.mark.parametrize("variable", settings.VARIABLES, ids=lambda each: each.name)
def test_every_variable_is_documented(variable: settings.Variable) -> None:
    """In `.env.example` and in the README."""
    assert re.search(rf"^# {variable.name}=", ENV_EXAMPLE, re.MULTILINE)
    assert f"`{variable.name}`" in README


def test_env_example_lists_what_is_read_and_nothing_else() -> None:
    """The server's variables, the keys of the presets, and under their own heading those that come later."""
    now, later = ENV_EXAMPLE.split("# --- Not read yet")
    keys = {
        name
        for path in (ROOT / "config/presets").glob("*.yaml")
        for name in re.findall(r"\$\{([A-Z0-9_]+)", path.read_text("utf-8"))
    }
    server = {variable.name for variable in settings.VARIABLES} | {settings.CONFIG_VARIABLE}
    assert set(re.findall(r"^# ([A-Z0-9_]+)=", now, re.MULTILINE)) == server | keys
    assert set(re.findall(r"^# ([A-Z0-9_]+)=", later, re.MULTILINE)) == set(settings.LATER)


def test_env_example_can_be_copied_as_it_is() -> None:
    """Every line is a comment: nothing is set until somebody sets it."""
    assert [line for line in ENV_EXAMPLE.splitlines() if line and not line.startswith("#")] == []


def test_every_route_is_documented() -> None:
    """In the README's table of routes, or where it shows how to call it."""
    paths = [f"{route.method} {re.sub(r':[^}]*}', '}', route.path)}" for route in TABLE if "static" not in route.path]
    assert [path for path in paths if f"{path}`" not in README] == []


@pytest.mark.parametrize("name", TYPES)
def test_every_provider_type_is_documented(name: str) -> None:
    """By name, in the reference of keys or the text."""
    assert f"`{name}`" in README


@pytest.mark.parametrize("unit", shorthand.UNITS)
def test_every_limit_unit_is_documented(unit: str) -> None:
    """In the README's section on limits."""
    assert f"`{unit}`" in README


def test_every_benchmark_is_listed() -> None:
    """In `docs/benchmarks.md`, with what it shows."""
    listed = re.findall(
        r"^\| `bench/(\w+\.py)` \| \S.* \|$", (ROOT / "docs/benchmarks.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(path.name for path in (ROOT / "bench").glob("*.py"))


def test_the_key_reference_is_fresh() -> None:
    """What stands between the marks is what the structs say now (`make docs`)."""
    between = re.search(r"<!-- keys:begin -->\n(.*?)<!-- keys:end -->", README, re.DOTALL)
    assert between
    assert between[1].strip() == key_reference().strip()


def test_the_schema_is_fresh() -> None:
    """`config/gateway.schema.json` is what the structs say now (`make docs`)."""
    assert (ROOT / "config/gateway.schema.json").read_bytes() == json_schema()


def test_the_changelog_knows_this_version() -> None:
    """There is always a place for what is not released yet."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in text
    assert "keepachangelog.com" in text
    assert __version__ == "0.0.0" or f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_templates_escape_everything() -> None:
    """No `|safe`, no switched off autoescape, no inline script or style: the Content-Security-Policy forbids them."""
    forbidden = re.compile(
        r"\|\s*safe\b|autoescape\s+false|<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", re.IGNORECASE
    )
    wrong = [
        f"{path.name}: {found[0]}"
        for path in sorted((ROOT / "web/templates").rglob("*.html"))
        for found in forbidden.finditer(path.read_text("utf-8"))
    ]
    assert wrong == []


def test_no_page_asks_anybody_else() -> None:
    """The pages work without a network: links may lead away, but nothing is loaded from another origin."""
    loads = re.compile(
        r"""<(link|img|script|iframe)\b[^>]*(src|href)=["']?(https?:)?//|url\(["']?(https?:)?//|@import"""
    )
    wrong = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in sorted((ROOT / "web").rglob("*"))
        if path.suffix in {".html", ".css", ".js", ".svg"}
        for found in loads.finditer(path.read_text("utf-8"))
    ]
    assert wrong == []


def test_the_picture_is_there() -> None:
    """The README shows the status page."""
    assert (ROOT / "docs/status.png").stat().st_size > 10_000
