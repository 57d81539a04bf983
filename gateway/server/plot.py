"""The chart of the usage page: bars by name over time, with the labels beside and under it."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from gateway.clock import Moment
from gateway.history import Reading, Tally, added

from . import format as words
from .historical import METRICS, Metric
from .stack import LINES, Stack, dashes, stack

REST = "s5"
"""The tone of all that have none of their own."""
LABELS = 6
"""Labels under the chart."""

_DAY_S, _HOUR_S = 86400, 3600


class Legend(Struct, frozen=True, kw_only=True):
    """A colour and whose it is."""

    tone: str
    name: str


class Plot(Struct, frozen=True, kw_only=True):
    """The chart: SVG paths by tone, and the labels beside and under it."""

    paths: tuple[tuple[str, str], ...]
    y: tuple[str, ...]
    """From the upper edge to the ground."""
    x: tuple[str, ...]
    label: str
    legend: tuple[Legend, ...]


def plot(reading: Reading, metric: Metric, tones: Mapping[str, str], zone: str, label: str) -> Plot:
    """The chart of one reading. `tones` has every name of it."""
    value = METRICS[metric]
    drawn = [(tones[name], [value(each) for each in tallies]) for name, tallies in _drawn(reading, tones)]
    found = dashes(drawn) if metric == "latency" else stack(drawn, whole=metric != "cost")
    return Plot(
        paths=tuple((tone, path) for tone, path in found.paths if path),
        y=_heights(found, metric),
        x=_times(reading, zone),
        label=label,
        legend=_legend(tones),
    )


def _drawn(reading: Reading, tones: Mapping[str, str]) -> list[tuple[str, Sequence[Tally]]]:
    """Those with a colour of their own, in the order of the colours, and the rest as one."""
    own = sorted((name for name in tones if tones[name] != REST), key=tones.__getitem__)
    rest = [name for name in tones if tones[name] == REST]
    drawn: list[tuple[str, Sequence[Tally]]] = [(name, reading.series[name]) for name in own]
    if rest:
        columns = zip(*(reading.series[name] for name in rest), strict=True)
        drawn.append((rest[0], [added(column) for column in columns]))
    return drawn


def _legend(tones: Mapping[str, str]) -> tuple[Legend, ...]:
    names = [(tone, said(name)) for name, tone in tones.items() if tone != REST]
    rest = [said(name) for name, tone in tones.items() if tone == REST]
    if rest:
        names.append((REST, rest[0] if len(rest) == 1 else f"{len(rest)} others"))
    return tuple(Legend(tone=tone, name=name) for tone, name in sorted(names))


def _heights(found: Stack, metric: Metric) -> tuple[str, ...]:
    """What the lines of the chart stand for, from above."""
    values = [found.top * i / LINES for i in range(LINES, -1, -1)]
    if metric == "cost":
        return tuple(words.money(round(value * 1e9)) for value in values)
    if metric == "latency":
        return tuple(words.lapse(value) if value else "0" for value in values)
    return tuple(words.count(value) for value in values)


def _times(reading: Reading, zone: str) -> tuple[str, ...]:
    """When each sixth of the chart begins."""
    points = len(reading.starts)
    starts = [reading.starts[i * points // LABELS] for i in range(LABELS)]
    return tuple(words.day(at, zone) if reading.step_s >= _HOUR_S else _clock(reading, at, zone) for at in starts)


def time_range(reading: Reading, now: Moment, zone: str) -> str:
    """`22 Oct to 20 Nov, days in UTC`, `13:32 to 14:32 UTC`."""
    first, last = reading.starts[0], now.wall
    name = words.zone_name(zone)
    if reading.step_s == _DAY_S:
        return f"{words.day(first, zone)} to {words.day(last, zone)}, days in {name}"
    from_day = f"{words.day(first, zone)} " if words.day(first, zone) != words.day(last, zone) else ""
    to_day = f"{words.day(last, zone)} " if from_day else ""
    return f"{from_day}{_clock(reading, first, zone)} to {to_day}{_clock(reading, last, zone)} {name}"


def _clock(reading: Reading, at: float, zone: str) -> str:
    """With seconds where the steps are shorter than a minute."""
    return words.clock(at, zone) if reading.step_s < 60 else words.clock(at, zone)[:5]


def said(name: str) -> str:
    """A client without a name is anonymous."""
    return name or "anonymous"
