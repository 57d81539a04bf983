"""Every cut and every flipped bit of a small journal: what is intact is read, and nothing else."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.storage.journal_format import (
    SIZE,
    Change,
    Damage,
    Head,
    Record,
    Text,
    change,
    head,
    read_head,
    records,
    text,
)

CHANGES = [Change(1, 2**64 - 1, 0, 1.5e9, 41.25, 7), Change(2, 12, 999, 1.5e9 + 1, 2.0**52, 0)]
TEXT = Text(12, b'{"id":"client:aider:requests_per_day","values":[1.0,2.0]}')


def written(record: Record) -> bytes:
    if isinstance(record, Text):
        return text(record.counter, record.text)
    return change(record.law, record.counter, record.slice, record.at, record.used, record.held)


WHOLE: list[Record] = [CHANGES[0], TEXT, CHANGES[1]]
JOURNAL = head(7) + b"".join(map(written, WHOLE))
BORDERS = [SIZE, 2 * SIZE, 5 * SIZE, 6 * SIZE]
"""Where each record begins, and the end."""


def intact(data: bytes) -> list[Record]:
    return [each for each in records(data) if not isinstance(each, Damage)]


def test_a_journal_is_read_as_it_was_written() -> None:
    assert list(records(JOURNAL)) == WHOLE
    assert len(JOURNAL) == BORDERS[-1]
    assert read_head(JOURNAL) == Head(1, 7)


def test_the_first_line_can_be_read_by_people() -> None:
    assert JOURNAL[:SIZE].startswith(b"gateway-journal v0001 gen 0000000007 ")
    assert JOURNAL[SIZE - 1 : SIZE] == b"\n"


def test_nothing_stands_in_an_empty_journal() -> None:
    assert list(records(head(1))) == []
    assert list(records(b"")) == []
    assert read_head(b"") is None


@pytest.mark.parametrize("cut", range(SIZE, len(JOURNAL)))
def test_a_cut_loses_the_record_it_is_in_and_those_behind(cut: int) -> None:
    """What fills a text up may be missing: it says nothing."""
    filling = BORDERS[1] + SIZE + len(TEXT.text) <= cut < BORDERS[2]
    whole = 2 if filling else sum(border <= cut for border in BORDERS[1:])
    damage = [] if filling or cut in BORDERS else [Damage(BORDERS[whole], cut - BORDERS[whole])]
    assert list(records(JOURNAL[:cut])) == [*WHOLE[:whole], *damage]


@pytest.mark.parametrize("bit", range(8 * SIZE, 8 * len(JOURNAL)))
def test_a_flipped_bit_loses_one_record(bit: int) -> None:
    data = bytearray(JOURNAL)
    data[bit // 8] ^= 1 << bit % 8
    hit = sum(border <= bit // 8 for border in BORDERS) - 1
    padding = BORDERS[1] + SIZE + len(TEXT.text) <= bit // 8 < BORDERS[2]
    expected = WHOLE if padding else [each for i, each in enumerate(WHOLE) if i != hit]
    assert intact(bytes(data)) == expected


@pytest.mark.parametrize("bit", range(8 * SIZE))
def test_a_flipped_bit_in_the_first_line_is_no_version(bit: int) -> None:
    data = bytearray(JOURNAL)
    data[bit // 8] ^= 1 << bit % 8
    assert read_head(bytes(data)) is None
    assert list(records(bytes(data))) == WHOLE


@given(st.binary(max_size=5 * SIZE), st.integers(0, 3))
def test_rubbish_between_records_is_one_damage(rubbish: bytes, at: int) -> None:
    filled = rubbish + bytes(-len(rubbish) % SIZE)
    place = BORDERS[at]
    data = JOURNAL[:place] + filled + JOURNAL[place:]
    damage = [Damage(place, len(filled))] if filled else []
    assert list(records(data)) == [*WHOLE[:at], *damage, *WHOLE[at:]]


def test_a_whole_record_of_an_unknown_kind_is_damage() -> None:
    """A later version would say so in the first line."""
    rest = struct.pack("<HBxQQddq", 0x4AFF, 0, 1, 0, 0.0, 0.0, 0)
    data = head(1) + struct.pack("<I", zlib.crc32(rest)) + rest + written(CHANGES[0])
    assert list(records(data)) == [Damage(SIZE, SIZE), CHANGES[0]]


@given(
    st.builds(
        Change,
        st.integers(0, 255),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        st.floats(allow_nan=False),
        st.floats(allow_nan=False),
        st.integers(-(2**63), 2**63 - 1),
    )
    | st.builds(Text, st.integers(0, 2**64 - 1), st.binary(max_size=200))
)
def test_what_is_written_is_read(record: Record) -> None:
    assert list(records(head(1) + written(record))) == [record]
