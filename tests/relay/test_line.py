"""Lines: who is first, and who hears of it."""

import pytest

from gateway.errors import OverloadedError
from gateway.relay.line import Lines, pause


def test_the_next_is_told_when_the_first_leaves() -> None:
    """And a line that is empty is forgotten, with what it expected."""
    lines = Lines()
    with lines.join("a", 3) as first:
        with lines.join("a", 3) as second, lines.join("b", 3) as other:
            assert (first.first, second.first, second.ahead, other.first, lines.waiting) == (True, False, 1, True, 3)
            lines.wake()
            assert (first.woken.is_set(), second.woken.is_set(), other.woken.is_set()) == (True, False, True)
            with pytest.raises(OverloadedError), lines.join("c", 3):
                pass
        lines.expect("a", 5.0)
        assert (lines.opens("a"), lines.opens("b"), lines.busy("b")) == (5.0, 0.0, False)
    assert (lines.busy("a"), lines.opens("a"), lines.waiting) == (False, 0.0, 0)


def test_whoever_leaves_from_the_middle_moves_nobody_up_to_the_front() -> None:
    """A client that gives up."""
    lines = Lines()
    with lines.join("a", 3) as first:
        middle = lines.join("a", 3)
        middle.__enter__()
        with lines.join("a", 3) as last:
            middle.__exit__(None, None, None)
            assert (first.first, last.ahead, last.woken.is_set()) == (True, 1, False)


async def test_a_pause_ends_when_woken_or_over() -> None:
    """Whichever comes first; the event is used up."""
    with Lines().join("a", 1) as place:
        await pause(place.woken, 0.0)
        place.woken.set()
        await pause(place.woken, 60.0)
        assert not place.woken.is_set()
