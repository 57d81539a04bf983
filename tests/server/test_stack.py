"""Bars on top of each other."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.stack import HEIGHT, Stack, ceiling, dashes, stack


def bars(path: str) -> list[tuple[float, float, float]]:
    """(x, bottom, top) of each rectangle."""
    found = re.findall(r"M([\d.]+) ([\d.]+)h[\d.]+V([\d.]+)h-[\d.]+z", path)
    return [(float(x), float(bottom), float(top)) for x, bottom, top in found]


def test_each_stands_on_the_one_before() -> None:
    """Columns share the width; the edge is a round number above the highest."""
    found = stack([("s1", [2, 0, 1]), ("s2", [1, 3, None])], whole=True)
    assert found.top == 4
    paths = {tone: bars(path) for tone, path in found.paths}
    assert paths["s1"] == [(28.0, 200.0, 100.0), (428.0, 200.0, 150.0)]
    assert paths["s2"] == [(28.0, 100.0, 50.0), (228.0, 200.0, 50.0)]


def test_what_does_not_add_up_is_a_dash_at_its_height() -> None:
    """Seconds: unknown ones are not drawn, and none sticks out."""
    found = dashes([("s1", [0.5, None]), ("s2", [2.0, 0.0])])
    assert found.top == 2.0
    paths = {tone: bars(path) for tone, path in found.paths}
    assert paths["s1"] == [(42.0, 152.0, 148.0)]
    assert paths["s2"] == [(42.0, 4.0, 0.0), (342.0, 200.0, 196.0)]


@pytest.mark.parametrize("draw", [dashes, lambda drawn: stack(drawn, whole=False)])
@pytest.mark.parametrize("drawn", [[], [("s1", [None, None])]], ids=["nobody", "nothing"])
def test_nothing_is_drawn_of_nothing(draw: object, drawn: object) -> None:
    """And nothing is divided by zero."""
    found: Stack = draw(drawn)  # type: ignore[operator]  # the two have different types
    assert found.top > 0
    assert "".join(path for _, path in found.paths) == ""


@pytest.mark.parametrize(
    ("most", "whole", "top"),
    [
        *[(0, True, 4), (1, True, 4), (5, True, 8), (9, True, 20), (41, True, 80), (81, True, 100), (1543, True, 2000)],
        *[(0.5, False, 0.8), (1.2, False, 2.0), (9.0, False, 10.0)],
    ],
)
def test_the_edge_is_round(most: float, whole: bool, top: float) -> None:
    """And so are the lines below it."""
    assert ceiling(most, whole=whole) == pytest.approx(top)


@given(st.floats(1e-9, 1e15))
def test_the_edge_is_near(most: float) -> None:
    """Above what is drawn, and not more than two and a half times as high."""
    assert most <= ceiling(most, whole=False) <= 2.5 * max(most, 4e-9)


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=3, max_size=3), min_size=1, max_size=4))
def test_nothing_sticks_out(values: list[list[int]]) -> None:
    """Whatever is drawn."""
    found = stack([("s1", each) for each in values], whole=True)
    for _, path in found.paths:
        for _, bottom, top in bars(path):
            assert 0 <= top <= bottom <= HEIGHT
