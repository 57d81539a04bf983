"""The house has floors (docs/design.md). Nothing imports from a floor above, or from a neighbour on its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

import gateway

ROOT = Path(gateway.__file__).parent
FLOORS: list[set[str]] = [
    {"errors", "clock", "records", "tasks"},
    {"dialects", "limits", "pricing", "price_list", "leaderboard", "history", "overload"},
    {"catalog"},
    {"routing", "providers"},
    {"state"},
    {"relay"},
    {"upstream", "storage", "feeds"},
    {"server"},
    {"settings", "configuration", "logs", "app"},
    {"cli", "__main__"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
FIRST_WITH_IO = FLOOR["upstream"]

NEIGHBOURS = {
    ("records", "clock"),  # a Call carries the Moment it was received
    ("price_list", "pricing"),  # rows of a list become prices
    ("feeds", "storage"),  # a fetched list is kept as everything else is
    ("configuration", "settings"),  # where the files are, then what they say
    ("app", "configuration"),
    ("app", "settings"),
    ("app", "logs"),
    ("__main__", "cli"),
}
"""(who, whom): the imports along a floor that are meant."""

OUTSIDE_WORLD = {
    *("aiohttp", "aiohttp_jinja2", "jinja2", "socket", "ssl", "http", "urllib3", "requests"),
    *("os", "pathlib", "shutil", "tempfile", "subprocess", "multiprocessing", "signal", "fcntl", "io"),
    *("time", "random", "secrets", "dotenv", "click"),
}
READS_THE_CLOCK = {"now", "today", "utcnow"}
LOW_LEVEL_BUILTINS = {"open", "input", "print", "exec", "eval", "__import__"}


class Module(Struct, frozen=True):
    """One file of the package and what it imports."""

    file: str
    room: str
    tree: ast.Module
    inside: frozenset[str]
    """Rooms of the gateway, its own left out."""
    outside: frozenset[str]
    """Full dotted names of everything else."""


def modules() -> Iterator[Module]:
    """Every file but the package's own `__init__`."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts == ("__init__",):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        inside, outside = set(), set()
        for name in imported(tree, ("gateway", *parts)):
            first, _, rest = name.partition(".")
            if first == "gateway":
                inside.add(rest.partition(".")[0])
            else:
                outside.add(name)
        yield Module(
            "/".join(parts), parts[0], tree, frozenset(inside - {parts[0], "", "__version__"}), frozenset(outside)
        )


def imported(tree: ast.Module, parts: tuple[str, ...]) -> Iterator[str]:
    """Every dotted name that a module imports, relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*(parts[: len(parts) - node.level] if node.level else ()), *filter(None, [node.module])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


MODULES = list(modules())
PURE = [module for module in MODULES if FLOOR.get(module.room, 99) < FIRST_WITH_IO]


def test_every_room_has_a_floor() -> None:
    """A new module or package is put on a floor on purpose."""
    assert {module.room for module in MODULES} - set(FLOOR) == set()


def test_every_floor_is_lived_in() -> None:
    """A room that has gone leaves the list too."""
    assert set(FLOOR) - {module.room for module in MODULES} == set()


def test_imports_only_go_down() -> None:
    """No file imports upwards, nor sideways unless the list says why."""
    wrong = [
        f"{module.file} imports {other}"
        for module in MODULES
        for other in sorted(module.inside)
        if FLOOR.get(other, 99) >= FLOOR[module.room] and (module.room, other) not in NEIGHBOURS
    ]
    assert wrong == []


def test_pure_floors_know_nothing_of_the_outside_world() -> None:
    """Below `upstream` there is no socket, file, process, chance or clock, but for `clock` itself."""
    wrong = [
        f"{module.file} imports {name}"
        for module in PURE
        for name in sorted(module.outside)
        if name.partition(".")[0] in OUTSIDE_WORLD and module.room != "clock"
    ]
    assert wrong == []


def test_pure_floors_do_not_read_the_clock_of_datetime() -> None:
    """`datetime.now()` and its kin are clocks too."""
    wrong = [
        f"{module.file}:{node.lineno} calls {node.func.attr}()"
        for module in PURE
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in READS_THE_CLOCK
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date", "dt"}
    ]
    assert wrong == []


def test_pure_floors_call_no_builtin_that_does_io() -> None:
    """`open`, `print` and `eval` need no import, and are not for these floors either."""
    wrong = [
        f"{module.file}:{node.lineno} calls {node.func.id}()"
        for module in PURE
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LOW_LEVEL_BUILTINS
    ]
    assert wrong == []


def test_only_the_server_speaks_aiohttp_web() -> None:
    """`aiohttp.web` stays in `server` and `app`, `aiohttp` itself there and in `upstream`."""
    web = {module.room for module in MODULES if any(name.startswith("aiohttp.web") for name in module.outside)}
    any_of_it = {module.room for module in MODULES if any(name.startswith("aiohttp") for name in module.outside)}
    assert web <= {"server", "app"}
    assert any_of_it <= {"server", "app", "upstream"}


def test_the_environment_is_read_in_one_place() -> None:
    """`os.environ` is handed in by the commands; nobody else looks at it."""
    users = {
        module.file
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    }
    assert {file.partition("/")[0] for file in users} <= {"cli"}


def test_coverage_counts_every_pure_room() -> None:
    """The Makefile asks 100 % of the rooms below `upstream`: all of them, and only them."""
    listed = re.search(r"^PURE := (.*)$", (ROOT.parent / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert listed
    assert set(listed[1].split()) == {name for name, floor in FLOOR.items() if floor < FIRST_WITH_IO}


@pytest.mark.parametrize(
    ("line", "parts", "name"),
    [
        pytest.param(
            "from .rules import Rule", ("gateway", "limits", "ledger"), "gateway.limits.rules.Rule", id="sibling"
        ),
        pytest.param("from gateway import relay", ("gateway", "app"), "gateway.relay", id="room of the package"),
        pytest.param("from aiohttp import web", ("gateway", "app"), "aiohttp.web", id="submodule"),
        pytest.param("import os.path as p", ("gateway", "app"), "os.path", id="renamed"),
    ],
)
def test_imports_are_seen_however_they_are_written(line: str, parts: tuple[str, ...], name: str) -> None:
    """The rules above are only as good as this."""
    assert list(imported(ast.parse(line), parts)) == [name]
