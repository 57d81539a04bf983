"""The bytes of a journal: records of 48 bytes, so that a reader finds its feet again behind a damaged one.

The file begins with a line of 48 characters, for people and for versions to come. A record is little-endian:

    crc32 u32 of the rest | kind u16 | law u8 | 0 u8 | counter u64 | slice u64 | at f64 | used f64 | held i64

A *text* says more than fits: `slice` is its length and `held` its crc32, and it follows in as many times 48 bytes as it
needs, filled up with zeros. What a record means is `gateway.limits.changes`' to say; nothing here knows.
"""

import re
import zlib
from collections.abc import Iterator
from struct import Struct as Layout

from msgspec import Struct

SIZE = 48
VERSION = 1

_REST = Layout("<HBxQQddq")
_CRC = Layout("<I")
_CHANGE, _TEXT = 0x4A01, 0x4A02
_HEAD = re.compile(rb"gateway-journal v(\d{4}) gen (\d{10}) [0-9a-f]{8} *\n")


class Change(Struct, frozen=True):
    """Where a counter stood after a change: absolute values, so that the newest alone matters."""

    law: int
    """Which algorithm wrote it."""
    counter: int
    slice: int
    at: float
    used: float
    held: int


class Text(Struct, frozen=True):
    """Something that needs words: JSON."""

    counter: int
    text: bytes


class Damage(Struct, frozen=True):
    """Bytes that are no record, in one piece."""

    offset: int
    length: int


Record = Change | Text


class Head(Struct, frozen=True):
    """The first line."""

    version: int
    gen: int


def head(gen: int, version: int = VERSION) -> bytes:
    """The first line of the journal that follows the snapshot `gen`."""
    line = b"gateway-journal v%04d gen %010d " % (version, gen)
    return (line + b"%08x" % zlib.crc32(line)).ljust(SIZE - 1) + b"\n"


def read_head(data: bytes) -> Head | None:
    """The head that `data` begins with; None if that is not as it was written."""
    found = _HEAD.fullmatch(data[:SIZE])
    if found is None or head(int(found[2]), int(found[1])) != data[:SIZE]:
        return None
    return Head(int(found[1]), int(found[2]))


def change(law: int, counter: int, slice_: int, at: float, used: float, held: int) -> bytes:
    """One record of a change."""
    rest = _REST.pack(_CHANGE, law, counter, slice_, at, used, held)
    return _CRC.pack(zlib.crc32(rest)) + rest


def text(counter: int, words: bytes) -> bytes:
    """The records of a text."""
    rest = _REST.pack(_TEXT, 0, counter, len(words), 0.0, 0.0, zlib.crc32(words))
    return _CRC.pack(zlib.crc32(rest)) + rest + words + bytes(-len(words) % SIZE)


def records(data: bytes) -> Iterator[Record | Damage]:
    """What stands in a journal behind its first line, in order. A piece that is no record is one Damage."""
    view = memoryview(data)
    offset = damaged_from = SIZE
    while offset < len(data):
        found = _at(view, offset)
        if found is None:
            offset += SIZE
            continue
        record, end = found
        if damaged_from < offset:
            yield Damage(damaged_from, offset - damaged_from)
        yield record
        offset = damaged_from = end
    if damaged_from < len(data):
        yield Damage(damaged_from, len(data) - damaged_from)


def _at(view: memoryview, offset: int) -> tuple[Record, int] | None:
    """The record that begins there, and where it ends."""
    rest = view[offset + _CRC.size : offset + SIZE]
    if len(rest) < _REST.size or _CRC.unpack_from(view, offset)[0] != zlib.crc32(rest):
        return None
    kind, law, counter, slice_, at, used, held = _REST.unpack(rest)
    end = offset + SIZE
    if kind == _CHANGE:
        return Change(law, counter, slice_, at, used, held), end
    words = bytes(view[end : end + slice_])
    if kind == _TEXT and len(words) == slice_ and zlib.crc32(words) == held:
        return Text(counter, words), end + slice_ + -slice_ % SIZE
    return None
