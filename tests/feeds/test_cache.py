"""A fetched list on disk: whole and of the right source, or none."""

from pathlib import Path

import pytest

from gateway.feeds.cache import Cached, read_cache, write_cache

URL = "https://lists.test/prices"
OLD = Cached(url=URL, fetched_at=100.0, checked_at=200.0, etag='"e1"', modified="", body=b"old")


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"\xff\n", b"no json\nbody"])
def test_a_damaged_cache_is_none(tmp_path: Path, damage: bytes) -> None:
    """It is fetched again; the shipped list is there meanwhile."""
    path = tmp_path / "list.json"
    path.write_bytes(damage)
    assert read_cache(path, URL) is None


def test_every_flipped_bit_of_the_body_is_noticed(tmp_path: Path) -> None:
    """A price with another digit would look like one."""
    path = tmp_path / "list.json"
    write_cache(path, OLD)
    assert read_cache(path, URL) == OLD
    whole = path.read_bytes()
    for place in range(whole.index(b"\n") + 1, len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            assert read_cache(path, URL) is None


def test_the_cache_of_another_source_is_none(tmp_path: Path) -> None:
    """Another list under the same name is not this one."""
    path = tmp_path / "list.json"
    write_cache(path, OLD)
    assert read_cache(path, "https://elsewhere.test/") is None
