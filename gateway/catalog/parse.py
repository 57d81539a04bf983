"""The tree to the structs of `schema`, all mistakes at once.

The structs' types decide: each becomes one reader, `(walk, node) -> value`, made once. A reader that fails notes
the problem and gives MISSING, so that the field keeps its default and the rest is still checked.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from hashlib import sha256
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from gateway.limits.shorthand import names as limit_names
from gateway.limits.shorthand import parse_key
from gateway.limits.windows import spelled
from gateway.records import Secret

from . import addresses, nodes, patterns, values, zones
from .nodes import Node, Scalar, is_null
from .schema import Amount, As, Credential, KeyEntry, LimitEntry, ModelEntry, PriceEntry
from .variables import fill
from .walk import Text, Walk, unknown

NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,200}")
MISSING: Any = object()
"""What a reader gives for a value that is not there or wrong."""

Reader = Callable[[Walk, Node], Any]


def struct(walk: Walk, node: Node, kind: type[Struct]) -> Any:
    """The struct, or MISSING if `node` is no map or lacks a key that must be there."""
    fields = _fields(kind)
    if not isinstance(node, nodes.Mapping):
        walk.wrong(node, f"must be a map, with keys such as {', '.join(list(fields)[:3])}")
        return MISSING
    found = {}
    for name, (key, value) in node.items.items():
        if read := fields.get(name):
            before, walk.subject = len(walk.problems), name
            result = MISSING if is_null(value) else read(walk, value)
            if result is not MISSING:
                found[name] = result
            elif name in _required(kind) and len(walk.problems) == before:
                walk.fail(key, f"{name} is empty")
        elif not name.startswith("x-"):
            walk.fail(key, unknown("key", name, fields))
    lacking = [name for name in _required(kind) if name not in found]
    for name in lacking:
        if name not in node.items:
            walk.fail(node, f"{name} is missing")
    return MISSING if lacking else kind(**found)


@cache
def _fields(kind: type[Struct]) -> Mapping[str, Reader]:
    return {name: reader(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}


def field_reader(kind: type[Struct], name: str) -> Reader:
    """The reader of one field."""
    return _fields(kind)[name]


@cache
def _required(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.required)


@cache
def reader(hint: Any) -> Reader:
    """How a value of this type is read."""
    if get_origin(hint) is Annotated:
        kind, *notes = get_args(hint)
        spelling = next((note.spelling for note in notes if isinstance(note, As)), None)
        bounds = next((note for note in notes if isinstance(note, Meta)), None)
        read = _SPELLINGS[spelling] if spelling else reader(kind)
        return _within(read, bounds) if bounds else read
    if get_origin(hint) in (Union, UnionType):  # `X | None`: null is not written but left out
        return _optional(get_args(hint))
    if get_origin(hint) is Literal:
        return _one_of(get_args(hint))
    if get_origin(hint) is tuple:
        return _list_of(reader(get_args(hint)[0]))
    if get_origin(hint) is dict:
        kind = get_args(hint)[1]
        entries = isinstance(kind, type) and issubclass(kind, Struct)
        return _map_of(reader(kind), named=entries, star=kind is ModelEntry)
    if hint in _PLAIN:
        return _PLAIN[hint]
    return lambda walk, node: struct(walk, node, hint)


def _optional(kinds: tuple[Any, ...]) -> Reader:
    return reader(next(kind for kind in kinds if kind is not type(None)))


def scalar(check: Callable[[Text], Any]) -> Reader:
    """A reader of one text. `check` raises ValueError with what is accepted."""

    def read(walk: Walk, node: Node) -> Any:
        text = walk.text(node)
        if text is None:
            return MISSING
        try:
            return check(text)
        except ValueError as error:
            secret = text.origin == "variable" and text.value[:80] in str(error)
            walk.wrong(node, "the value of the variable does not fit here" if secret else str(error))
            return MISSING

    return read


def _value(parse: Callable[[str], Any]) -> Reader:
    return scalar(lambda text: parse(text.value))


def _text(text: Text) -> str:
    return values.as_text(text.value) if text.origin == "plain" else text.value


def _checked(check: Callable[[str], str]) -> Reader:
    return scalar(lambda text: check(_text(text)))


def _secret(text: Text) -> Secret:
    try:
        return Secret(_text(text))
    except ValueError:
        raise ValueError("a key that looks like a number or truth value needs quotes") from None


def _one_of(choices: tuple[str, ...]) -> Reader:
    def check(text: Text) -> str:
        if (word := "warning" if text.value == "warn" and "warning" in choices else text.value) in choices:
            return word
        if text.origin == "plain" and (found := values.surprise(text.value)):
            raise ValueError(f"{found}: use one of {', '.join(choices)}")
        if text.origin == "variable":
            raise ValueError(f"must be one of {', '.join(choices)}")
        raise ValueError(unknown("value", text.value, choices))

    return scalar(check)


def _within(read: Reader, bounds: Meta) -> Reader:
    def check(walk: Walk, node: Node) -> Any:
        value = read(walk, node)
        if value is MISSING:
            return value
        broken = [
            f"must be {words} {bound:g}"
            for words, bound, holds in (
                ("at least", bounds.ge, bounds.ge is None or value >= bounds.ge),
                ("more than", bounds.gt, bounds.gt is None or value > bounds.gt),
                ("at most", bounds.le, bounds.le is None or value <= bounds.le),
            )
            if not holds
        ]
        for message in broken:
            walk.wrong(node, message)
        return MISSING if broken else value

    return check


def _list_of(read: Reader) -> Reader:
    def check(walk: Walk, node: Node) -> Any:
        if not isinstance(node, nodes.Sequence):
            walk.wrong(node, "must be a list: [one, two]")
            return MISSING
        for item in node.items:
            if is_null(item):
                walk.wrong(item, "an item of the list is empty")
        return tuple(value for item in node.items if (value := read(walk, item)) is not MISSING)

    return check


def _map_of(read: Reader, *, named: bool, star: bool = False) -> Reader:
    """A map of free keys. `named`: they are good names of entries, which are not empty. `star`: `*` is one."""

    def check(walk: Walk, node: Node) -> Any:
        if not isinstance(node, nodes.Mapping):
            walk.wrong(node, "must be a map: {name: value}")
            return MISSING
        found = {}
        for name, (key, value) in node.items.items():
            walk.subject = name[:80]
            if named:
                _check_name(walk, key, star=star)
            if named and is_null(value):
                walk.fail(key, f"'{name[:80]}' is empty: write {{}} if nothing is to be said")
            elif not is_null(value) and (result := read(walk, value)) is not MISSING:
                found[name] = result
        return found

    return check


def _check_name(walk: Walk, key: Scalar, *, star: bool) -> None:
    if key.text.startswith("x-"):
        walk.fail(key, f"'{key.text[:80]}' cannot be a name: keys that begin with x- are notes")
    elif not (star and key.text == "*") and not NAME.fullmatch(key.text):
        walk.fail(key, f"'{key.text[:80]}' cannot be a name: use up to 200 of A-Z a-z 0-9 . _ : / @ + -")


def _price(walk: Walk, node: Node) -> Any:
    if not isinstance(node, Scalar):
        return struct(walk, node, PriceEntry)
    text = walk.text(node)
    if text and text.value != "free":
        walk.wrong(node, "must be a map such as {input: 2.50, output: 10.00}, or the word free")
    zero = Decimal(0)
    return PriceEntry(input=zero, output=zero) if text and text.value == "free" else MISSING


def _limits(walk: Walk, node: Node) -> Any:
    if not isinstance(node, nodes.Mapping):
        walk.wrong(node, "must be a map such as {requests_per_minute: 30}")
        return MISSING
    found = {}
    for name, (key, value) in node.items.items():
        parsed, walk.subject = parse_key(name), name[:80]
        if not parsed:
            walk.fail(key, unknown("limit", name, limit_names()))
        elif not is_null(value) and (limit := _limit(walk, value, parsed[0])) is not MISSING:
            found[parsed] = limit
    return found


def _limit(walk: Walk, node: Node, unit: str) -> Any:
    read = _COST if unit == "cost" else _AMOUNT
    if isinstance(node, Scalar):
        amount = read(walk, node)
        return MISSING if amount is MISSING else LimitEntry(amount=amount)
    return struct(walk, node, _CostEntry if unit == "cost" else LimitEntry)


def _credential(walk: Walk, node: Node) -> Any:
    """A key. An unset variable is no mistake here: the provider waits for it."""
    if isinstance(node, Scalar) and "$" in node.text:
        filled = fill(node.text, walk.lookup)
        if filled.variable and not filled.problem and (filled.unset or not filled.value):
            return Credential(missing=filled.variable, raw=node.text)
    secret = _SECRET(walk, node)
    if secret is MISSING:
        return MISSING
    try:
        secret.reveal().encode("ascii")
    except UnicodeEncodeError:
        walk.wrong(node, "a key is plain ASCII: this one was mangled on its way here")
        return MISSING
    return Credential(secret=secret)


def _keys(walk: Walk, node: Node) -> Any:
    """A pool: by name, or a list, whose keys are named by a hash so that reordering moves nothing."""
    if isinstance(node, nodes.Mapping):
        return _map_of(_key, named=True)(walk, node)
    if not isinstance(node, nodes.Sequence):
        walk.wrong(node, "must be a map of names to keys, or a list of keys")
        return MISSING
    found: dict[str, KeyEntry] = {}
    for item in node.items:
        entry = _key(walk, item)
        if entry is MISSING:
            continue
        known_by = entry.key.raw or entry.key.secret.reveal()
        name = sha256(known_by.encode()).hexdigest()[:8]
        if name in found:
            walk.fail(item, "this key is in api_keys twice")
        found[name] = entry
    return found


def _key(walk: Walk, node: Node) -> Any:
    if isinstance(node, nodes.Mapping):
        return struct(walk, node, KeyEntry)
    key = _credential(walk, node)
    return MISSING if key is MISSING else KeyEntry(key=key)


def _names(walk: Walk, node: Node) -> Any:
    if isinstance(node, nodes.Sequence):
        return _list_of(_TEXT)(walk, node)
    text = walk.text(node)
    return MISSING if text is None else tuple(name for part in text.value.split(",") if (name := part.strip()))


def _patterns(walk: Walk, node: Node) -> Any:
    """A map whose keys are regular expressions."""
    found = _map_of(_NUMBER, named=False)(walk, node)
    if isinstance(node, nodes.Mapping):
        for text, (key, _) in node.items.items():
            try:
                patterns.pattern(text)
            except ValueError as error:
                walk.fail(key, f"'{text[:80]}' {error}")
                found.pop(text, None)
    return found


def _pin(text: Text) -> str:
    return "" if text.value == "false" and text.origin == "plain" else _text(text)


def _reset(text: Text) -> str:
    if text.origin == "plain" and (":" in text.value or values.surprise(text.value)):
        raise ValueError(f'a time is written in quotes: "{text.value}"')
    return spelled(text.value)


def any_value(walk: Walk, node: Node) -> Any:
    """What the YAML says, as JSON types."""
    if isinstance(node, nodes.Mapping):
        found = {name: any_value(walk, value) for name, (_, value) in node.items.items()}
        return {name: value for name, value in found.items() if value is not MISSING}
    if isinstance(node, nodes.Sequence):
        return [value for item in node.items if (value := any_value(walk, item)) is not MISSING]
    return None if node.is_null else scalar(_json)(walk, node)


def _json(text: Text) -> Any:
    return values.json_value(text.value) if text.origin == "plain" else text.value


class _CostEntry(LimitEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit whose amount and burst are US dollars, held as nano-dollars."""

    amount: Annotated[int, As("cost"), Meta(ge=0)]
    burst: Annotated[int, As("cost"), Meta(gt=0)] | None = None


_PLAIN: dict[Any, Reader] = {
    bool: scalar(lambda text: values.boolean(text.value, lenient=text.lenient)),
    int: _value(values.integer),
    float: _value(values.number),
    str: scalar(_text),
    Any: any_value,
    Secret: scalar(_secret),
    Credential: _credential,
    PriceEntry: _price,
}
"""By type."""

_SPELLINGS: dict[str, Reader] = {
    "amount": _value(values.amount),
    "size": _value(values.size),
    "duration": _value(values.duration),
    "usd": _value(values.usd),
    "cost": _value(lambda text: int(values.usd(text).scaleb(9))),
    "zone": _checked(zones.zone),
    "reset": scalar(_reset),
    "url": _checked(addresses.base_url),
    "host": _checked(addresses.host),
    "limits": _limits,
    "keys": _keys,
    "names": _names,
    "patterns": _patterns,
    "pin": scalar(_pin),
    "fsync": _value(values.fsync),
}
"""By `As`."""

_TEXT = _PLAIN[str]
_NUMBER = _PLAIN[float]
_SECRET = _PLAIN[Secret]
_COST = reader(Annotated[int, As("cost"), Meta(ge=0)])
_AMOUNT = reader(Amount)
