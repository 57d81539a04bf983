"""Bars over time, those of several names on top of each other: geometry only, as SVG paths on 600 x 200."""

from collections.abc import Sequence

from msgspec import Struct

WIDTH, HEIGHT = 600, 200
LINES = 4
"""Lines above the ground, at equal distances; the uppermost is the edge."""
_SHARE = 0.72
"""Of a column, what its bar takes."""
_DASH = 4
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

Drawn = Sequence[tuple[str, Sequence[float | None]]]
"""Tone -> a value per column, None where there is none."""


class Stack(Struct, frozen=True, kw_only=True):
    """A chart. `paths` are (tone, path); `top` is the value at the upper edge."""

    top: float
    paths: tuple[tuple[str, str], ...]


def stack(drawn: Drawn, *, whole: bool) -> Stack:
    """Each on top of the one before. `whole`: the lines stand at whole numbers."""
    columns = max((len(values) for _, values in drawn), default=0)
    ground = [0.0] * columns
    top = ceiling(max((sum(value or 0 for value in column) for column in _columns(drawn)), default=0), whole=whole)
    paths = []
    for tone, values in drawn:
        path = []
        for i, value in enumerate(values):
            if value:
                path.append(_bar(i, columns, ground[i] / top, (ground[i] + value) / top))
                ground[i] += value
        paths.append((tone, "".join(path)))
    return Stack(top=top, paths=tuple(paths))


def dashes(drawn: Drawn) -> Stack:
    """Each on its own height, as a dash: for what does not add up, such as seconds."""
    columns = max((len(values) for _, values in drawn), default=0)
    top = ceiling(max((value or 0 for _, values in drawn for value in values), default=0), whole=False)
    half = _DASH / HEIGHT / 2
    paths = []
    for tone, values in drawn:
        at = [(i, min(max(value / top, half), 1 - half)) for i, value in enumerate(values) if value is not None]
        paths.append((tone, "".join(_bar(i, columns, share - half, share + half) for i, share in at)))
    return Stack(top=top, paths=tuple(paths))


def ceiling(most: float, *, whole: bool) -> float:
    """The edge above `most`: four times 1, 2, 2.5 or 5 of some power of ten; of whole numbers, if it has to be."""
    power = 1.0 if whole else 1e-9
    while True:
        for step in _STEPS:
            top = LINES * step * power
            if top >= most and not (whole and (step * power) % 1):
                return top
        power *= 10


def _columns(drawn: Drawn) -> list[tuple[float | None, ...]]:
    return list(zip(*(values for _, values in drawn), strict=True))


def _bar(column: int, columns: int, low: float, high: float) -> str:
    """A rectangle between two shares of the height."""
    pitch = WIDTH / columns
    x, width = pitch * (column + (1 - _SHARE) / 2), pitch * _SHARE
    bottom, top = HEIGHT * (1 - low), HEIGHT * (1 - high)
    return f"M{x:.1f} {bottom:.1f}h{width:.1f}V{top:.1f}h-{width:.1f}z"
