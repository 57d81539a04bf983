"""What was served over time: by provider, model and client, from seconds to years, in bounded memory."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from gateway.clock import Moment
from gateway.records import Settled

from .rings import KEPT, Ring, Series
from .tally import OTHER, By, Tally, added, count
from .windows import WINDOWS, RingName, Window

MOST_SERIES: Mapping[By, int] = {"provider": 100, "model": 300, "client": 100}
"""Names with numbers of their own, 500 together (contract section 7); beyond them there is `other`."""

MOST_SLOTS = 250_000
"""Slots of all series together, 18 MB: forty names that are never at rest have all of theirs."""


class Reading(Struct, frozen=True, kw_only=True):
    """The numbers of one window."""

    step_s: int
    starts: tuple[int, ...]
    """Unix seconds at which each step begins, the oldest first. The last one is still running."""
    series: Mapping[str, tuple[Tally, ...]]
    """Name -> a tally per step, most requests first. Names without traffic in the window are not there."""

    def totals(self) -> dict[str, Tally]:
        """Name -> everything in the window."""
        return {name: added(tallies) for name, tallies in self.series.items()}


class History:
    """Adding a request takes microseconds; reading a window takes as long as it has slots.

    Days are those of a zone, as they were when they passed: another zone applies from then on.
    """

    def __init__(self, zone: str) -> None:
        self._names: dict[By, dict[str, Series]] = {"provider": {}, "model": {}, "client": {}}
        self._full_on: dict[By, int] = {}
        """The day on which every name was in use, so that none could make room."""
        self.use(zone)

    def use(self, zone: str) -> None:
        """Let days begin at midnight in another zone from now on."""
        self._zone = ZoneInfo(zone)
        self._day, self._day_starts, self._day_ends = 0, 0, 0

    def add(self, settled: Settled) -> None:
        """Count a request that has ended."""
        second = int(settled.at)
        day = self._day_of(second)
        names, room = self._names, self._room

        def tally_of(by: By, name: str) -> Tally:
            return (names[by].get(name) or room(by, name, day)).at(second, day)

        count(settled, tally_of)

    def read(self, by: By, window: str, now: Moment) -> Reading:
        """The numbers of one window of `WINDOWS` up to `now`."""
        shape = WINDOWS[window]
        last = self._index(shape, int(now.wall)) // shape.slots
        first = last - shape.points + 1
        found: dict[str, tuple[Tally, ...]] = {}
        for name, series in self._names[by].items():
            tallies: dict[int, Tally] = {}
            for index, tally in series.slots(shape.ring, first * shape.slots):
                if (step := index // shape.slots) <= last:
                    tallies.setdefault(step, Tally()).add(tally)
            if tallies:
                found[name] = tuple(tallies.get(step) or Tally() for step in range(first, last + 1))
        busiest = sorted(found.items(), key=lambda each: (-sum(tally.requests for tally in each[1]), each[0]))
        return Reading(
            step_s=shape.step_s,
            starts=tuple(self._start(shape, step * shape.slots) for step in range(first, last + 1)),
            series=dict(busiest),
        )

    def forget(self, now: Moment) -> None:
        """Drop what is too old. If too much is left all the same, the fullest rings lose their oldest slots."""
        second = int(now.wall)
        indices = {"second": second, "minute": second // 60, "hour": second // 3600, "day": self._day_of(second)}
        lengths = []
        for name, ring in self._rings():
            ring.forget(indices[name], KEPT[name])
            lengths.append(len(ring))
        if sum(lengths) > MOST_SLOTS:
            most = _level(lengths, MOST_SLOTS)
            for _, ring in self._rings():
                ring.forget(0, most)

    def dump(self) -> dict[str, Any]:
        """What the file of the history holds: kind -> name -> ring -> packed slots."""
        return {by: {name: series.dump() for name, series in names.items()} for by, names in self._names.items()}

    def restore(self, dumped: Any) -> None:
        """Take over a dump, as it is or as it came back from JSON. Raises ValueError if it is none."""
        names: dict[By, dict[str, Series]] = {"provider": {}, "model": {}, "client": {}}
        try:
            for by, series in msgspec.convert(dumped, dict[By, dict[str, dict[str, bytes]]]).items():
                for name, rings in series.items():
                    names[by].setdefault(name, Series()).restore(rings)
        except (msgspec.ValidationError, KeyError, ValueError) as error:
            raise ValueError(f"no history: {error}") from None
        self._names = names

    def _rings(self) -> Iterator[tuple[RingName, Ring]]:
        for names in self._names.values():
            for series in names.values():
                yield from series.rings.items()

    def _room(self, by: By, name: str, day: int) -> Series:
        """The series of a name that has none yet."""
        names = self._names[by]
        if len(names) >= MOST_SERIES[by] and not self._make_room(by, day):
            name = OTHER
        return names.setdefault(name, Series())

    def _make_room(self, by: By, day: int) -> bool:
        """Whether there is room for a name now: the one that was unused for longest has joined `other`."""
        if self._full_on.get(by) == day:
            return False
        names = self._names[by]
        last_used, name = min((series.day, name) for name, series in names.items() if name != OTHER)
        if last_used >= day:
            self._full_on[by] = day
            return False
        names.setdefault(OTHER, Series()).join(names.pop(name))
        return True

    def _index(self, shape: Window, second: int) -> int:
        """Which slot of its ring a second is in."""
        return self._day_of(second) if shape.ring == "day" else second * shape.slots // shape.step_s

    def _start(self, shape: Window, index: int) -> int:
        """The second at which a slot begins."""
        if shape.ring == "day":
            return self._midnight(index)
        return index * shape.step_s // shape.slots

    def _day_of(self, second: int) -> int:
        """The ordinal of the date in the zone."""
        if not self._day_starts <= second < self._day_ends:
            self._day = datetime.fromtimestamp(second, self._zone).date().toordinal()
            self._day_starts, self._day_ends = self._midnight(self._day), self._midnight(self._day + 1)
        return self._day

    def _midnight(self, day: int) -> int:
        """The second at which a date begins. A midnight that is missing is the instant at which it is skipped."""
        found = date.fromordinal(day)
        return int(datetime(found.year, found.month, found.day, tzinfo=self._zone).timestamp())


def _level(lengths: list[int], most: int) -> int:
    """The largest length to which all may be cut so that together they are no more than `most`."""
    low, high = 1, max(lengths)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(length, middle) for length in lengths) <= most:
            low = middle
        else:
            high = middle - 1
    return low
