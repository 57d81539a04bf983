"""What stands above everything else: a refused configuration in full, a limit that is nearly used up in one line.

And what the last reload changed, for those who want to see it.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from gateway.catalog.differences import Differences
from gateway.errors import Problem

from . import format as words
from .bars import NEAR, Bar, lasts

_MOST_PROBLEMS = 5
_FRESH_S = 600.0


class Excerpt(Struct, frozen=True, kw_only=True):
    """One mistake: its line, the carets under it, what is wrong, and where that is."""

    number: str
    line: str
    caret: str
    message: str
    place: str


class Banner(Struct, frozen=True, kw_only=True):
    """A configuration that was refused."""

    title: str
    text: str
    excerpts: tuple[Excerpt, ...]
    more: int
    """Mistakes that are not shown."""


class Warn(Struct, frozen=True, kw_only=True):
    """The limit that is fullest, and how many others are nearly used up."""

    title: str
    text: str


class Changed(Struct, frozen=True, kw_only=True):
    """The last reload that changed something."""

    title: str
    lines: tuple[str, ...]
    more: int
    """Changes that are not listed."""
    fresh: bool
    """Whether the list is open: a page that renews itself would close it again under the reader."""


def changed(at: float | None, differences: Differences, zone: str, wall: float) -> Changed | None:
    """What the reload at `at`, in Unix time, changed; None if there was none. `wall` is now."""
    if at is None:
        return None
    title = f"Configuration reloaded at {words.clock(at, zone)}: {words.plural(differences.count, 'change')}"
    return Changed(title=title, lines=differences.lines, more=differences.more, fresh=wall - at <= _FRESH_S)


def banner(path: str, problems: Sequence[Problem], loaded: str) -> Banner | None:
    """The mistakes that keep the file out of force; None if there are none. `loaded` is when the one in force was."""
    errors = [each for each in problems if not each.warning]
    if not errors:
        return None
    return Banner(
        title=f"{path} was not reloaded: {words.plural(len(errors), 'error')}",
        text=f"Still serving the version loaded at {loaded}; nothing was dropped. Save the file again to try again.",
        excerpts=tuple(map(_excerpt, errors[:_MOST_PROBLEMS])),
        more=max(0, len(errors) - _MOST_PROBLEMS),
    )


def _excerpt(problem: Problem) -> Excerpt:
    line, _, caret = problem.excerpt.partition("\n")
    return Excerpt(
        number=str(problem.line) if problem.line else "",
        line=line,
        caret=caret.rstrip(),
        message=problem.message,
        place=problem.place,
    )


def warn(bars: Iterable[Bar]) -> Warn | None:
    """One line for the fullest limit past 90 %; None if there is none."""
    near = [bar for bar in bars if bar.share >= NEAR and bar.amount and lasts(bar)]
    if not near:
        return None
    first = max(near, key=lambda bar: bar.share)
    others = len(near) - 1
    more = f" And {words.plural(others, 'other limit')} past 90 %." if others else ""
    back = f"; {first.back}" if first.back else ""
    return Warn(
        title=f"{first.scope}: {first.label} at {100 * first.share:.0f} %",
        text=f"{first.used_text} of {first.amount_text}{back}.{more}",
    )
