"""The schema, told: for editors as JSON Schema, for people as tables. Both are made of `schema` and its docstrings."""

import ast
import inspect
import itertools
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import orjson
from msgspec import Meta, Struct

from gateway.limits.shorthand import ALONE, COUNTED, WINDOWS
from gateway.records import Secret

from . import schema
from .schema import (
    As,
    ClientEntry,
    Config,
    Credential,
    KeyEntry,
    LeaderboardEntry,
    LimitEntry,
    MetaModelEntry,
    ModelEntry,
    PoolEntry,
    PriceEntry,
    PriceFeed,
    ProviderEntry,
    Record,
    Server,
    Snapshot,
    Weights,
)

_NAME = r"^(?!x-)[A-Za-z0-9._:/@+-]{1,200}$"
_WINDOW = f"(?:{'|'.join(WINDOWS)}|[1-9][0-9]{{0,5}}[smhd])"
_COUNTS = "|".join(unit for unit in COUNTED if unit != "cost")
_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_NUMBERS = {
    "duration": r"^[0-9][0-9_.]* ?(?:ms|s|m|h|d)?$",
    "size": r"^[0-9][0-9_.]* ?(?:KiB|MiB|GiB)?$",
    "amount": r"^[0-9][0-9_.]* ?[kMG]?$",
    "usd": r"^[0-9][0-9_.]*$",
}
_REQUIRED = (ClientEntry, MetaModelEntry)
"""Entries that stand alone. Under `providers` a preset may bring what is missing."""


def json_schema() -> bytes:
    """`config/gateway.schema.json`: draft 2020-12, with descriptions and defaults."""
    definitions = {kind.__name__: _object(kind) for _, kind in _SECTIONS}
    definitions["CostLimitEntry"] = _cost_limit()
    root = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gateway.yaml",
        **_object(Config),
        "$defs": definitions,
    }
    return orjson.dumps(root, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _object(kind: type[Struct]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    docs = _docs()[kind.__name__]
    properties = {}
    for field in msgspec.structs.fields(kind):
        default = _default(field, hints[field.name])
        stated = {} if default is None or (isinstance(default, str) and not default) else {"default": default}
        properties[field.name] = {"description": docs[field.name], **_schema(hints[field.name]), **stated}
    required = [field.name for field in msgspec.structs.fields(kind) if field.required and kind in _REQUIRED]
    return {
        "type": "object",
        "description": docs[""],
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _cost_limit() -> dict[str, Any]:
    entry = _object(LimitEntry)
    dollars = _schema(Annotated[Decimal, As("usd"), Meta(ge=0)])
    said = {"amount": "How many US dollars the window allows.", "burst": "US dollars that a full bucket holds."}
    money = {name: {"description": text, **dollars} for name, text in said.items()}
    return {**entry, "properties": {**entry["properties"], **money}}


def _schema(hint: Any) -> dict[str, Any]:
    spelling, bounds, kind = _taken_apart(hint)
    if spelling in _NUMBERS:
        number = {"type": "integer" if kind is int else "number", **_bounds(bounds)}
        return {"anyOf": [number, {"type": "string", "pattern": _NUMBERS[spelling]}, _VARIABLE, {"type": "null"}]}
    if spelling in _SPELLED:
        return _SPELLED[spelling]
    if get_origin(kind) is Literal:
        words = [*get_args(kind), *(["warn"] if "warning" in get_args(kind) else [])]
        return {"anyOf": [{"enum": words}, _VARIABLE, {"type": "null"}]}
    if get_origin(kind) is tuple:
        return {"type": ["array", "null"], "items": _schema(get_args(kind)[0])}
    if get_origin(kind) is dict:
        inner = get_args(kind)[1]
        named = {"propertyNames": {"pattern": _NAME if inner is not ModelEntry else rf"^\*$|{_NAME}"}}
        entries = isinstance(inner, type) and issubclass(inner, Struct)
        # Under `providers`, null removes what a preset brings.
        value = {"anyOf": [_schema(inner), {"type": "null"}]} if inner is ModelEntry else _schema(inner)
        return {"type": ["object", "null"], **(named if entries else {}), "additionalProperties": value}
    if kind in _TYPES:
        return _TYPES[kind]
    if kind in (int, float):
        number = {"type": "integer" if kind is int else "number", **_bounds(bounds)}
        return {"anyOf": [number, _VARIABLE, {"type": "null"}]}
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _taken_apart(hint: Any) -> tuple[str, Meta | None, Any]:
    """Spelling, bounds and type of a field, `None` aside."""
    if get_origin(hint) in (Union, UnionType):
        return _taken_apart(next(kind for kind in get_args(hint) if kind is not type(None)))
    if get_origin(hint) is not Annotated:
        return "", None, hint
    kind, *notes = get_args(hint)
    spelling = next((note.spelling for note in notes if isinstance(note, As)), "")
    bounds = next((note for note in notes if isinstance(note, Meta)), None)
    return spelling, bounds, _taken_apart(kind)[2]


def _bounds(bounds: Meta | None) -> dict[str, Any]:
    if bounds is None:
        return {}
    found = {"minimum": bounds.ge, "exclusiveMinimum": bounds.gt, "maximum": bounds.le}
    return {name: value for name, value in found.items() if value is not None}


_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_TYPES: dict[Any, dict[str, Any]] = {
    str: _TEXT,
    bool: {"anyOf": [{"type": "boolean"}, _VARIABLE, {"type": "null"}]},
    Any: {},
    Secret: _TEXT,
    Credential: _TEXT,
    PriceEntry: {"anyOf": [{"const": "free"}, {"$ref": "#/$defs/PriceEntry"}, {"type": "null"}]},
}
_KEY = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/KeyEntry"}, {"type": "null"}]}
_SPELLED: dict[str, dict[str, Any]] = {
    "zone": _TEXT,
    "reset": {"type": ["string", "integer", "null"]},
    "url": _TEXT,
    "host": _TEXT,
    "patterns": {"type": ["object", "null"], "additionalProperties": {"anyOf": [{"type": "number"}, _VARIABLE]}},
    "pin": {"anyOf": [{"type": "string"}, {"const": False}, {"type": "null"}]},
    "fsync": {"type": ["string", "number", "null"]},
    "names": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]},
    "keys": {
        "anyOf": [
            {"type": "object", "propertyNames": {"pattern": _NAME}, "additionalProperties": _KEY},
            {"type": "array", "items": _KEY},
            {"type": "null"},
        ]
    },
    "limits": {
        "type": ["object", "null"],
        "patternProperties": {
            f"^(?:(?:{_COUNTS})_per_{_WINDOW}|{'|'.join(ALONE)})$": {
                "anyOf": [*_schema(schema.Amount)["anyOf"], {"$ref": "#/$defs/LimitEntry"}]
            },
            f"^cost_per_{_WINDOW}$": {"anyOf": [*_schema(schema.Usd)["anyOf"], {"$ref": "#/$defs/CostLimitEntry"}]},
        },
        "additionalProperties": False,
    },
}


def key_reference() -> str:
    """The tables of the README: a section for each kind of entry, a row for each key."""
    return "\n".join(_table(title, kind) for title, kind in _SECTIONS)


_SECTIONS: tuple[tuple[str, type[Struct]], ...] = (
    ("`server`", Server),
    ("`server.snapshot`", Snapshot),
    ("`server.record`", Record),
    ("`clients.NAME`", ClientEntry),
    ("`providers.NAME`", ProviderEntry),
    ("`providers.NAME.api_keys.NAME`", KeyEntry),
    ("`providers.NAME.models.NAME`", ModelEntry),
    ("`price`", PriceEntry),
    ("`limits.UNIT_per_WINDOW`", LimitEntry),
    ("`pools.NAME`", PoolEntry),
    ("`meta_models.NAME`", MetaModelEntry),
    ("`meta_models.NAME.weights`", Weights),
    ("`leaderboard`", LeaderboardEntry),
    ("`prices`", PriceFeed),
)


def _table(title: str, kind: type[Struct]) -> str:
    docs, hints = _docs()[kind.__name__], get_type_hints(kind, include_extras=True)
    rows = [f"### {title}", "", docs[""], "", "| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for field in msgspec.structs.fields(kind):
        default = "required" if field.required else _spelled(_default(field, hints[field.name]))
        words = _words(hints[field.name]).replace("|", r"\|")
        rows.append(f"| `{field.name}` | {words} | {default} | {docs[field.name]} |")
    return "\n".join([*rows, ""])


def _default(field: msgspec.structs.FieldInfo, hint: Any) -> Any:
    """The default as it would be written in YAML; None if there is none to write."""
    value = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    if value is msgspec.NODEFAULT or value is None or isinstance(value, Secret | Struct):
        return None
    spelling = _taken_apart(hint)[0]
    if spelling in {"duration", "fsync"}:
        return f"{value:g}s"
    if spelling == "size":
        return f"{value // 2**20}MiB"
    if isinstance(value, Decimal | float):
        return int(value)
    return list(value) if isinstance(value, tuple) else value


def _spelled(default: Any) -> str:
    if default is None or default == "":
        return ""
    return f"`{orjson.dumps(default).decode()}`" if not isinstance(default, str) else f"`{default}`"


_WORDS = {
    "duration": "duration",
    "size": "size",
    "amount": "amount",
    "zone": "time zone",
    "reset": "time or day",
    "url": "URL",
    "host": "text",
    "limits": "limits",
    "keys": "map or list of keys",
    "names": "list of names",
    "patterns": "map",
    "pin": "text or `false`",
    "fsync": r"duration, `tick` or `never`",
    "usd": "US dollars",
}


def _words(hint: Any) -> str:
    spelling, _, kind = _taken_apart(hint)
    if spelling:
        return _WORDS[spelling]
    if get_origin(kind) is Literal:
        return " | ".join(f"`{word}`" for word in get_args(kind))
    if get_origin(kind) is tuple:
        return f"list of {_words(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return "map"
    plain = {bool: "`true` | `false`", int: "whole number", float: "number", str: "text", PriceEntry: "map or `free`"}
    return plain.get(kind, "text" if kind in (Secret, Credential) else "map")


@cache
def _docs() -> dict[str, dict[str, str]]:
    """Class -> field -> its docstring on one line; the class's own under the empty name."""
    found: dict[str, dict[str, str]] = {}
    for statement in ast.parse(inspect.getsource(schema)).body:
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = {"": _one_line(ast.get_docstring(statement)), **_field_docs(statement.body)}
    return found


def _field_docs(body: list[ast.stmt]) -> dict[str, str]:
    found = {}
    for field, doc in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
            found[ast.unparse(field.target)] = _one_line(str(doc.value.value))
    return found


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
