"""What was fetched, kept on disk: one file for each list, in the folder of the snapshots."""

import zlib
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.storage.atomic import make_private, write_atomic


class Cached(Struct, frozen=True, kw_only=True):
    """What was fetched, and what is needed to ask whether it has changed."""

    url: str
    fetched_at: float
    """Unix seconds; of the body."""
    checked_at: float
    """Unix seconds at which the other side last said that this is its list."""
    etag: str
    modified: str
    body: bytes


class _Head(Struct, frozen=True, kw_only=True):
    """The first line of the file; the body follows as it came."""

    url: str
    fetched_at: float
    checked_at: float
    etag: str
    modified: str
    crc32: int


def read_cache(path: Path, url: str) -> Cached | None:
    """What was fetched from `url`; None if there is nothing, or nothing whole. Blocks."""
    try:
        line, _, body = path.read_bytes().partition(b"\n")
        head = msgspec.json.decode(line, type=_Head)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    if head.url != url or head.crc32 != zlib.crc32(body):
        return None
    return Cached(
        url=url,
        fetched_at=head.fetched_at,
        checked_at=head.checked_at,
        etag=head.etag,
        modified=head.modified,
        body=body,
    )


def write_cache(path: Path, cached: Cached) -> None:
    """Keep it. Blocks. Raises OSError."""
    head = _Head(
        url=cached.url,
        fetched_at=cached.fetched_at,
        checked_at=cached.checked_at,
        etag=cached.etag,
        modified=cached.modified,
        crc32=zlib.crc32(cached.body),
    )
    make_private(path.parent)
    write_atomic(path, msgspec.json.encode(head) + b"\n" + cached.body)
