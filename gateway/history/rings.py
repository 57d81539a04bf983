"""The numbers of one name over time: per second, minute, hour and day, each for as long as it is of use.

Only slots in which something happened take room: 72 bytes each, and one open tally per ring. What is closed is packed
and never touched again, so that a dump is a copy of bytes. The same slot may come twice, after a clock that was set
back: whoever reads adds up.
"""

from collections.abc import Iterator, Mapping
from struct import Struct as Layout
from struct import error as PackError  # noqa: N812 - the module calls its exception `error`

from msgspec.structs import astuple

from .tally import Tally
from .windows import RingName

_RECORD = Layout("<6I6Q")
"""Index, then the fields of a Tally in their order."""
RECORD_BYTES = _RECORD.size
_MOST = (*[2**32 - 1] * 6, *[2**64 - 1] * 6)

KEPT: Mapping[RingName, int] = {"second": 600, "minute": 1440, "hour": 90 * 24, "day": 5 * 365 + 1}
"""How many slots each ring reaches back: ten minutes, a day, 90 days, five years (contract section 7)."""


class Ring:
    """Slots of one length. An index counts them since 1970, days since the year 1; -1 is none yet."""

    __slots__ = ("_closed", "_kept", "index", "open")

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._closed = bytearray()
        self.index = -1
        self.open = Tally()

    def __len__(self) -> int:
        return len(self._closed) // RECORD_BYTES + (self.index >= 0)

    def turn(self, index: int, tally: Tally) -> None:
        """Close the open slot and begin another with this tally."""
        closed = self._closed
        if self.index >= 0:
            closed += _packed(self.index, self.open)
            if len(closed) >= self._kept * RECORD_BYTES:  # however often a clock is set back
                del closed[:RECORD_BYTES]
        self.index, self.open = index, tally

    def at(self, index: int) -> Tally:
        """The tally of a slot, to count on. Another slot than the last one closes that."""
        if index != self.index:
            self.turn(index, Tally())
        return self.open

    def forget(self, index: int, most: int) -> None:
        """Drop closed slots that are too old at `index`, and the oldest of more than `most`."""
        count = len(self._closed) // RECORD_BYTES
        gone = max(0, len(self) - most)
        while gone < count and _index(self._closed, gone) <= index - self._kept:
            gone += 1
        del self._closed[: gone * RECORD_BYTES]

    def slots(self, first: int) -> Iterator[tuple[int, Tally]]:
        """Every slot from index `first` on, in the order in which they were opened."""
        for record in _RECORD.iter_unpack(self._closed):
            if record[0] >= first:
                yield record[0], Tally(*record[1:])
        if self.index >= max(0, first):
            yield self.index, self.open

    def join(self, others: Iterator[tuple[int, Tally]]) -> None:
        """Add the slots of another name, each once and in order, below the open one."""
        slots: dict[int, Tally] = {}
        for index, *values in _RECORD.iter_unpack(self._closed):
            slots.setdefault(index, Tally()).add(Tally(*values))
        for index, tally in others:
            slots.setdefault(index, Tally()).add(tally)
        newest = sorted(slots)[1 - self._kept :]  # one is the open one
        self._closed = bytearray(b"".join(_packed(index, slots[index]) for index in newest))

    def dump(self) -> bytes:
        """All slots, packed, the open one last."""
        return bytes(self._closed) + (_packed(self.index, self.open) if self.index >= 0 else b"")

    def restore(self, dumped: bytes) -> None:
        """Take over a dump. Raises ValueError if it is none."""
        if len(dumped) % RECORD_BYTES:
            raise ValueError(f"{len(dumped)} bytes are no whole number of slots")
        if dumped:
            self._closed = bytearray(dumped[:-RECORD_BYTES])
            self.index, *values = _RECORD.unpack(dumped[-RECORD_BYTES:])
            self.open = Tally(*values)


class Series:
    """The rings of one name. The open second joins its minute when it is over, the open minute its hour and its day."""

    __slots__ = ("_days", "_hours", "_minute_day", "_minutes", "_seconds", "day", "rings")

    def __init__(self) -> None:
        self.rings: Mapping[RingName, Ring] = {name: Ring(kept) for name, kept in KEPT.items()}
        self._seconds, self._minutes, self._hours, self._days = self.rings.values()
        self.day = self._minute_day = -1
        """The ordinal of the date that the open second is in: the last one on which something happened."""

    def at(self, second: int, day: int) -> Tally:
        """The tally of a second, to count on; `day` is the ordinal of the date it is in."""
        seconds = self._seconds
        if second == seconds.index:
            return seconds.open
        if seconds.index >= 0:
            self._join_minute(seconds.index // 60, seconds.open)
        self.day, tally = day, Tally()
        seconds.turn(second, tally)
        return tally

    def _join_minute(self, minute: int, second_over: Tally) -> None:
        minutes = self._minutes
        if minute == minutes.index:
            minutes.open.add(second_over)
            return
        if minutes.index >= 0:
            self._hours.at(minutes.index // 60).add(minutes.open)
            self._days.at(self._minute_day).add(minutes.open)
        minutes.turn(minute, second_over)  # it is nobody else's any more
        self._minute_day = self.day

    def slots(self, ring: RingName, first: int) -> Iterator[tuple[int, Tally]]:
        """What happened, by slots of a ring, from index `first` on. An index can come more than once: add up."""
        yield from self.rings[ring].slots(first)
        second, minute = self._seconds, self._minutes
        not_there_yet = {
            "second": (),
            "minute": ((second.index // 60, second),),
            "hour": ((minute.index // 60, minute), (second.index // 3600, second)),
            "day": ((self._minute_day, minute), (self.day, second)),
        }
        for index, finer in not_there_yet[ring]:
            if finer.index >= 0 and index >= first:
                yield index, finer.open

    def join(self, other: "Series") -> None:
        """Add what happened under another name, whose numbers end here."""
        for name, ring in self.rings.items():
            ring.join(other.slots(name, 0))

    def dump(self) -> dict[str, bytes]:
        """Each ring as bytes, and the days of the open minute and second."""
        days = b"%d %d" % (self._minute_day, self.day)
        return {**{name: ring.dump() for name, ring in self.rings.items()}, "last": days}

    def restore(self, dumped: Mapping[str, bytes]) -> None:
        """Take over a dump. Raises ValueError or KeyError if it is none."""
        for name, ring in self.rings.items():
            ring.restore(dumped[name])
        self._minute_day, self.day = map(int, dumped["last"].split())


def _packed(index: int, tally: Tally) -> bytes:
    values = (index, *astuple(tally))
    try:
        return _RECORD.pack(*values)
    except PackError:  # absurd figures of an upstream must not stop the gateway
        return _RECORD.pack(*(min(max(0, value), most) for value, most in zip(values, _MOST, strict=True)))


def _index(records: bytearray, number: int) -> int:
    return int.from_bytes(records[number * RECORD_BYTES : number * RECORD_BYTES + 4], "little")
