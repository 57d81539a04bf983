"""The weighted score: its four parts, each on its fixed scale, and the adjustments."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.schema import Weights
from gateway.leaderboard import Leaderboard, Row
from gateway.routing.score import (
    Score,
    of_context,
    of_parameters,
    of_percent,
    of_priority,
    parameters,
    percent,
    score,
)
from tests.providers.targets import target

BOARD = Leaderboard({"Llama-3.3-70B-Instruct": Row(instruct=40.0, complete=45.0)})
NOTHING = Leaderboard({})
EQUAL = Weights()


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llama-3.3-70b-versatile", 70),
        ("mixtral-8x7b", 56),
        ("Mixtral-8x22B-Instruct", 176),
        ("qwen2.5-coder-1.5b", 1.5),
        ("gemma-3n-e4b-it", 4),
        ("llama3.1:8b", 8),
        ("qwen3-235b-a22b", 235),
        ("llama-4-scout-17b-16e-instruct", 17),
        ("phi-3-medium-128k", None),
        ("gpt-4o", None),
        ("rgb-1", None),
        ("model-7bit", None),
        ("v0.5b7", None),
        ("nothing-0b", 0),
        ("x12345b", None),
        ("", None),
    ],
)
def test_billions_of_parameters_stand_in_the_name(name: str, billions: float | None) -> None:
    """Total ones; the largest number, since the others are active ones."""
    assert parameters(name) == billions


@pytest.mark.parametrize(("priority", "part"), [(0, 1), (1, 0.5), (3, 0.25), (-5, 1)])
def test_priority(priority: int, part: float) -> None:
    """Priority 0 is 1."""
    assert of_priority(priority) == part


@pytest.mark.parametrize(
    ("value", "part"), [(None, 0.5), (20.0, 0), (7.0, 0), (42.5, 0.5), (56.0, 0.8), (65.0, 1), (90.0, 1)]
)
def test_leaderboard(value: float | None, part: float) -> None:
    """What is unknown is in the middle of what there is."""
    assert of_percent(value) == pytest.approx(part)


@pytest.mark.parametrize(
    ("billions", "part"), [(None, 0.5), (0, 0), (0.5, 0), (1, 0), (10, 1 / 3), (100, 2 / 3), (1000, 1), (9999, 1)]
)
def test_size(billions: float | None, part: float) -> None:
    """Even steps of times ten."""
    assert of_parameters(billions) == pytest.approx(part)


@pytest.mark.parametrize(
    ("tokens", "part"), [(None, 0.5), (1, 0), (4096, 0), (8192, 0.125), (131_072, 0.625), (2**20, 1), (10**7, 1)]
)
def test_context(tokens: int | None, part: float) -> None:
    """Even steps of times two."""
    assert of_context(tokens) == pytest.approx(part)


def total(adjustments: dict[str, float] | None = None, weights: Weights = EQUAL, **fields: Any) -> float:
    """The score of a target of which nothing is known but `fields`."""
    return _score(adjustments, weights, **fields).total


def _score(adjustments: dict[str, float] | None = None, weights: Weights = EQUAL, **fields: Any) -> Score:
    patterns = tuple((re.compile(text, re.IGNORECASE), number) for text, number in (adjustments or {}).items())
    return score(target(**{"upstream_model": "m", "model": "m", **fields}), weights, patterns, NOTHING, {})


def test_the_weighted_sum() -> None:
    """1 for priority 0 and 0.5 for each of the three that are unknown."""
    assert total() == pytest.approx(2.5)
    assert total(priority=1, context=2**20) == pytest.approx(2.5)
    assert total(weights=Weights(priority=0, leaderboard=0, parameters=3, context=0)) == pytest.approx(1.5)
    only_size = Weights(priority=0, leaderboard=0, context=0)
    assert total(weights=only_size, model="big", upstream_model="big-10b") == pytest.approx(1 / 3)
    assert total(weights=only_size, model="big-100b", upstream_model="big") == pytest.approx(2 / 3)


def test_adjustments_are_added() -> None:
    """Each one that is found in the model's name, whatever its case."""
    assert total({"mini": -1, "GPT": 0.25, "^o": 9}, model="gpt-4o-mini") == pytest.approx(1.75)


@pytest.mark.parametrize(
    ("adjustments", "weights", "out"),
    [
        ({}, Weights(), False),
        ({"m": -2.49}, Weights(), False),
        ({"m": -2.5}, Weights(), True),
        ({"m": -9}, Weights(), True),
        ({"m": 1, "$": -9}, Weights(), True),
        ({}, Weights(priority=0, leaderboard=0, parameters=0, context=0), False),
        ({"m": 0}, Weights(priority=0, leaderboard=0, parameters=0, context=0), False),
        ({"m": -1}, Weights(priority=0, leaderboard=0, parameters=0, context=0), True),
    ],
)
def test_only_adjustments_push_a_target_out(adjustments: dict[str, float], weights: Weights, out: bool) -> None:
    """A score of 0 that weights alone make is still a score."""
    assert _score(adjustments, weights).out is out


@pytest.mark.parametrize(
    ("percents", "expected"),
    [
        ({}, 42.5),
        ({"groq/big": 10.0, "big": 20.0, "llama-3.3-70b": 30.0}, 10.0),
        ({"big": 20.0, "llama-3.3-70b": 30.0}, 20.0),
        ({"llama-3.3-70b": 30.0}, 30.0),
        ({"big": 0.0}, 0.0),
        ({"other": 1.0}, 42.5),
    ],
)
def test_the_configuration_goes_over_the_leaderboard(percents: dict[str, float], expected: float) -> None:
    """By `provider/model`, by model, by its name at the provider."""
    assert percent(target(model="big"), BOARD, percents) == expected


@given(
    priority=st.integers(-(10**6), 10**6),
    context=st.none() | st.integers(1, 10**9),
    billions=st.none() | st.decimals(0, 9999, places=1),
    percent=st.none() | st.floats(0, 100),
)
def test_every_part_is_on_its_scale(priority: int, context: int | None, billions: Any, percent: float | None) -> None:
    """0 to 1, whatever comes."""
    name = "m" if billions is None else f"m-{billions}b"
    parts = (of_priority(priority), of_context(context), of_parameters(parameters(name)), of_percent(percent))
    assert all(0 <= part <= 1 for part in parts)
