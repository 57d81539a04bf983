"""Every way in which editors and deployment tools replace a file."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

Save = Callable[[Path, bytes, float], None]
"""Puts these bytes where the path says. A way in pieces pauses so many seconds after each."""


def in_place(path: Path, content: bytes, _: float) -> None:
    """As nano does."""
    path.write_bytes(content)


def in_halves(path: Path, content: bytes, pause_s: float) -> None:
    """As a slow network mount does: for a moment there is half a file."""
    middle = len(content) // 2
    _write(path, (content[:middle], content[middle:]), pause_s)


def line_by_line(path: Path, content: bytes, pause_s: float) -> None:
    """As a shell script does, line after line."""
    _write(path, content.splitlines(keepends=True), pause_s)


def rename(path: Path, content: bytes, _: float) -> None:
    """As every tool that writes atomically."""
    beside = path.with_name("new~")
    beside.write_bytes(content)
    beside.replace(path)


def vim(path: Path, content: bytes, pause_s: float) -> None:
    """The old one becomes the backup; for a moment there is none."""
    path.rename(path.with_name(f"{path.name}~"))
    time.sleep(pause_s)
    path.write_bytes(content)


def delete_and_recreate(path: Path, content: bytes, pause_s: float) -> None:
    """As configuration management does at its worst."""
    path.unlink()
    time.sleep(pause_s)
    path.write_bytes(content)


def symlink_swap(path: Path, content: bytes, _: float) -> None:
    """As Kubernetes updates a mounted ConfigMap: a folder of its own, and one link that is renamed over."""
    before = path.resolve()
    version = path.with_name(f"..version-{time.monotonic_ns()}")
    version.mkdir()
    (version / path.name).write_bytes(content)
    link = path.with_name("link~")
    link.symlink_to(version / path.name)
    link.replace(path)
    if before.parent.name.startswith("..version-"):
        before.unlink()
        before.parent.rmdir()


def same_size_and_time(path: Path, content: bytes, _: float) -> None:
    """As `rsync -t` and `touch -r` do: with content of the same length, only the change time tells."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def with_bom(path: Path, content: bytes, _: float) -> None:
    """As Windows Notepad does."""
    path.write_bytes(b"\xef\xbb\xbf" + content)


def with_crlf(path: Path, content: bytes, _: float) -> None:
    """As editors on Windows do."""
    path.write_bytes(content.replace(b"\n", b"\r\n"))


def _write(path: Path, pieces: Iterable[bytes], pause_s: float) -> None:
    with path.open("wb", buffering=0) as file:
        for piece in pieces:
            file.write(piece)
            time.sleep(pause_s)


WAYS: tuple[Save, ...] = (
    in_place,
    in_halves,
    line_by_line,
    rename,
    vim,
    delete_and_recreate,
    symlink_swap,
    same_size_and_time,
    with_bom,
    with_crlf,
)
