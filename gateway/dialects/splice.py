"""The top-level members of a JSON object: read once, replaced in place, everything else left byte for byte.

Number spelling, key order, whitespace and unknown members of a request survive because nobody writes them again.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from gateway.errors import BadRequestError

_WS = rb"[ \t\r\n]*+"
_KEY = re.compile(_WS + rb"[{,]" + _WS + rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")' + _WS + b":" + _WS)
_CLOSE = re.compile(_WS + rb"\}" + _WS)

# Half a surrogate pair is what JavaScript writes of a string that was cut inside an emoji: valid JSON (RFC 8259,
# section 8.2), which no UTF-8 can hold.
_HALF_PAIR = re.compile(
    rb"(?<!\\)((?:\\\\)*+)\\u(?:[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2})"
)

_MOST_HALVES = 1000
"""More is no accident, and not worth the time."""

_object = msgspec.json.Decoder(dict[str, Raw])


class _Span(NamedTuple):
    """Where a member stands: its key, the end of the key's quotes, its value."""

    name: str
    start: int
    key_end: int
    value: int
    end: int


def read_members(body: bytes) -> dict[str, Raw]:
    """The members of a JSON object, each value as it is spelled; of two with one name, the last.

    Checks all of the body. Raises BadRequestError, which says what is wrong without quoting it. Half a surrogate pair
    is read as U+FFFD.
    """
    if not body.isascii():
        _check_encoding(body)
    try:
        return _decode(body)
    except msgspec.DecodeError:
        whole = _HALF_PAIR.sub(rb"\1\\ufffd", body, count=_MOST_HALVES)
    try:
        return _decode(whole)
    except msgspec.DecodeError:
        raise BadRequestError("The body is not JSON.") from None


def _decode(body: bytes) -> dict[str, Raw]:
    try:
        return _object.decode(body)
    except msgspec.ValidationError:
        raise BadRequestError("The body has to be a JSON object.") from None
    except RecursionError:
        raise BadRequestError("The body is nested too deeply.") from None


def _check_encoding(body: bytes) -> None:
    if body.startswith(b"\xef\xbb\xbf"):
        raise BadRequestError("The body starts with a byte order mark. Send UTF-8 without one.")
    try:
        body.decode()
    except UnicodeDecodeError:
        raise BadRequestError("The body is not UTF-8.") from None


def edit(
    body: bytes,
    members: Mapping[str, Raw],
    *,
    replace: Mapping[str, bytes] | None = None,
    remove: Collection[str] = (),
    append: Mapping[str, bytes] | None = None,
    rename: Mapping[str, str] | None = None,
) -> bytes:
    """`body` with some members changed, and every other byte as it was. Values are JSON.

    `members` is what `read_members` found in it. `replace` and `rename` are by the names in the body; names that are
    not there change nothing. A body that names a member twice is written anew, each name once: two readers could
    understand it differently.
    """
    replace, append, rename = replace or {}, append or {}, rename or {}
    spans = _spans(body, members)
    if not spans:
        kept = ((rename.get(name, name), replace.get(name, raw)) for name, raw in members.items() if name not in remove)
        return b"{" + b",".join(_member(name, value) for name, value in [*kept, *append.items()]) + b"}"
    if not append and members.keys().isdisjoint([*replace, *remove, *rename]):
        return body
    view = memoryview(body)  # slices of it are not copies: messages can be megabytes
    pieces: list[bytes | memoryview] = []
    gap = 0
    for span in spans:
        if span.name not in remove:
            if pieces:
                pieces.append(view[gap : span.start])
            if span.name in rename:
                pieces += [_key(rename[span.name]), view[span.key_end : span.value]]
            else:
                pieces.append(view[span.start : span.value])
            pieces.append(replace.get(span.name) or view[span.value : span.end])
        gap = span.end
    for name, value in append.items():
        pieces += [b"," if pieces else b"", _member(name, value)]
    return b"".join([view[: spans[0].start], *pieces, view[spans[-1].end :]])


def _spans(body: bytes, members: Mapping[str, Raw]) -> list[_Span]:
    """Where each member stands; nothing if the body does not spell exactly these, in this order, once."""
    found = list[_Span]()
    end = 0
    for name, raw in members.items():
        key = _KEY.match(body, end)
        if not key or _name(key[1]) != name or not body.startswith(raw, key.end()):
            return []
        end = key.end() + len(raw)
        found.append(_Span(name, key.start(1), key.end(1), key.end(), end))
    return found if _CLOSE.fullmatch(body, end) else []


def _name(quoted: bytes) -> str:
    """The name as `read_members` reads it."""
    if b"\\" not in quoted:
        return quoted[1:-1].decode()
    return msgspec.json.decode(_HALF_PAIR.sub(rb"\1\\ufffd", quoted), type=str)


def _key(name: str) -> bytes:
    return msgspec.json.encode(name)


def _member(name: str, value: bytes | Raw) -> bytes:
    return b"".join([_key(name), b":", value])


def is_null(raw: Raw) -> bool:
    """Whether the value is `null`."""
    return len(raw) == 4 and bytes(raw) == b"null"


def present(members: Mapping[str, Raw], names: Iterable[str]) -> list[str]:
    """Those of `names` that are there and not null."""
    return [name for name in names if name in members and not is_null(members[name])]
