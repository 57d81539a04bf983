"""The windows of the contract, held against how far the rings reach back."""

import pytest

from gateway.history.rings import KEPT
from gateway.history.windows import WINDOWS, Window


def test_they_are_those_of_the_contract() -> None:
    """Section 3."""
    assert list(WINDOWS) == ["1m", "5m", "10m", "30m", "60m", "24h", "7d", "30d", "1y"]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        *[("1m", 60), ("5m", 300), ("10m", 600), ("30m", 1800), ("60m", 3600)],
        *[("24h", 86_400), ("7d", 7 * 86_400), ("30d", 30 * 86_400), ("1y", 365 * 86_400)],
    ],
)
def test_they_are_as_long_as_they_say(name: str, seconds: int) -> None:
    """Points times step."""
    assert WINDOWS[name].points * WINDOWS[name].step_s == seconds


@pytest.mark.parametrize("window", WINDOWS.values(), ids=list(WINDOWS))
def test_they_end_before_their_ring_does(window: Window) -> None:
    """No window asks for slots that are forgotten already."""
    assert window.points * window.slots <= KEPT[window.ring]
