"""The only edits of a chat request on its way to a provider of the same dialect (contract, section 3)."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.records import Call

from . import splice

BOUNDS = ("max_completion_tokens", "max_tokens")
"""Members that bound the answer's length."""


class Edits(Struct, frozen=True, kw_only=True):
    """What has to differ from what the client wrote."""

    model: str
    include_usage: bool = True
    """Streams may be asked for their usage."""
    without_usage_option: bool = False
    """The provider has just refused `stream_options`: not even the client's own."""
    preferences: bytes | None = None
    """OpenRouter's `provider` block as JSON; None takes the client's out."""
    set: Mapping[str, Any] = {}
    """Members put last, over everything."""
    drop: tuple[str, ...] = ()
    """Members taken out, by the client's names."""
    rename: Mapping[str, str] = {}
    """Members under another name: client's -> provider's. One that is there under both keeps the renamed value."""
    max_tokens: int | None = None
    """A bound to send in the member that the client used, else as `max_tokens`."""


class Edited(Struct, frozen=True):
    """A body to send, and the names of the members in which it differs from what the client sent."""

    body: bytes
    names: tuple[str, ...]


def edited_body(call: Call, edits: Edits) -> Edited:
    """The body to send: the very bytes of the client if nothing has to differ."""
    members = call.members
    wanted = {name: value for name, value in _values(call, edits).items() if name not in edits.drop}
    replace = {name: value for name, value in wanted.items() if name in members}
    append = {name: value for name, value in wanted.items() if name not in members}
    remove = {"models", *edits.drop}
    if edits.preferences is None:
        remove.add("provider")
    if edits.without_usage_option:
        remove.add("stream_options")

    rename = dict[str, str]()
    for old, new in edits.rename.items():
        if old in append:
            append[new] = append.pop(old)
        elif old in members and old not in remove:
            rename[old] = new
            remove.add(new)

    for name, value in edits.set.items():
        # What would arrive under this name, renamed or not, gives way.
        renamed = {old for old, new in rename.items() if new == name}
        remove |= renamed
        if name in members and name not in rename and not renamed:
            remove.discard(name)
            replace[name] = msgspec.json.encode(value)
        else:
            append[name] = msgspec.json.encode(value)

    names = dict.fromkeys([*call.edited, *replace, *append, *rename, *sorted(remove & members.keys())])
    body = splice.edit(call.body, members, replace=replace, remove=remove, append=append, rename=rename)
    return Edited(body, tuple(names))


def _values(call: Call, edits: Edits) -> dict[str, bytes]:
    """Members the gateway itself gives a value, by the client's names."""
    values = dict[str, bytes]()
    if edits.model != call.model:
        values["model"] = msgspec.json.encode(edits.model)
    if edits.preferences is not None:
        values["provider"] = edits.preferences
    if call.stream and edits.include_usage and not call.wants_usage and not edits.without_usage_option:
        values["stream_options"] = _with_usage(call.members.get("stream_options"))
    if edits.max_tokens is not None:
        used = [name for name in splice.present(call.members, BOUNDS) if name not in edits.drop]
        for name in used or ["max_tokens"]:
            values[name] = b"%d" % edits.max_tokens
    return values


def _with_usage(options: Raw | None) -> bytes:
    """`stream_options` that ask for usage; its other members stay as they are spelled."""
    if options is None or splice.is_null(options):
        return b'{"include_usage":true}'
    return put(bytes(options), {"include_usage": b"true"})


def put(value: bytes, members: Mapping[str, bytes]) -> bytes:
    """A JSON object with some members set, in place where they are there already."""
    there = splice.read_members(value)
    append = {name: each for name, each in members.items() if name not in there}
    return splice.edit(value, there, replace=members, append=append)


def without(value: bytes, names: Collection[str]) -> bytes:
    """A JSON object less some of its members."""
    return splice.edit(value, splice.read_members(value), remove=names)
