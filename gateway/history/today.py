"""What was served today, by provider, model and client, and in this month altogether.

"Today" is the local day of `server.timezone`, and the month is that day's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from gateway.clock import Moment
from gateway.records import Settled

from .tally import OTHER, By, Tally, count

MOST_SERIES = 2000
"""Names with a tally of their own; what comes after them is counted under `other`."""

_YEAR_AND_MONTH = len("2026-11")
_QUARTER_S = 900
"""No zone's midnight falls between two quarters of an hour."""


class _Day(Struct):
    date: str
    """`2026-11-20` in the zone."""
    total: Tally
    providers: dict[str, Tally]
    models: dict[str, Tally]
    clients: dict[str, Tally]
    month: Tally | None = None
    """All days of its month so far, this one included. Dumps of older versions have none."""


class Today:
    """The tallies of the running day, and of the month it is in."""

    def __init__(self, zone: str) -> None:
        self._day = _empty("", Tally())
        self.use(zone)

    def use(self, zone: str) -> None:
        """Let the day begin at midnight in another zone from now on."""
        self._zone = ZoneInfo(zone)
        self._quarter, self._date = -1, ""

    def add(self, settled: Settled) -> None:
        """Count a request that has ended."""
        day = self._at(settled.at)
        for total in (day.total, _month(day)):
            total.attempts += len(settled.attempts)
            total.errors += settled.status >= 400
            total.answered(settled)
        series: Mapping[By, dict[str, Tally]] = {
            "provider": day.providers,
            "model": day.models,
            "client": day.clients,
        }
        count(settled, lambda by, name: _series(series[by], name))

    def total(self, now: Moment) -> Tally:
        """All of them."""
        return self._at(now.wall).total

    def month(self, now: Moment) -> Tally:
        """All since the first of the month."""
        return _month(self._at(now.wall))

    def providers(self, now: Moment) -> Mapping[str, Tally]:
        """By provider."""
        return self._at(now.wall).providers

    def models(self, now: Moment) -> Mapping[str, Tally]:
        """By `provider/model`."""
        return self._at(now.wall).models

    def clients(self, now: Moment) -> Mapping[str, Tally]:
        """By client; the anonymous one is the empty name."""
        return self._at(now.wall).clients

    def dump(self) -> dict[str, Any]:
        """JSON-able values for the snapshot."""
        dumped: dict[str, Any] = msgspec.to_builtins(self._day)
        return dumped

    def restore(self, dumped: Any) -> None:
        """Take over a dump. Raises ValueError if it is none."""
        try:
            self._day = msgspec.convert(dumped, _Day)
        except msgspec.ValidationError as error:
            raise ValueError(f"no tallies: {error}") from None

    def _at(self, wall: float) -> _Day:
        """The day of a moment; a new one if it is later. A clock that steps back goes on in the day it left."""
        date = self._date_of(wall)
        if date > self._day.date:
            same_month = date[:_YEAR_AND_MONTH] == self._day.date[:_YEAR_AND_MONTH]
            self._day = _empty(date, _month(self._day) if same_month else Tally())
        return self._day

    def _date_of(self, wall: float) -> str:
        quarter = int(wall // _QUARTER_S)
        if quarter != self._quarter:
            self._quarter, self._date = quarter, datetime.fromtimestamp(wall, self._zone).date().isoformat()
        return self._date


def _empty(date: str, month: Tally) -> _Day:
    return _Day(date, Tally(), {}, {}, {}, month)


def _month(day: _Day) -> Tally:
    if day.month is None:
        day.month = msgspec.structs.replace(day.total)  # at least what is known of it
    return day.month


def _series(found: dict[str, Tally], name: str) -> Tally:
    tally = found.get(name)
    if tally is None:
        tally = found.setdefault(OTHER if len(found) >= MOST_SERIES else name, Tally())
    return tally
