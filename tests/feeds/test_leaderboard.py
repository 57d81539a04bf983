"""BigCodeBench as it is published, read into rows."""

from typing import Any

import orjson
import pytest

from gateway.feeds.leaderboard import LEAST_ROWS, URL, check, parse
from gateway.leaderboard import Row, read_board
from gateway.settings import shipped

SAMPLE = {
    "GPT-4o-2024-11-20": {
        "link": "https://openai.com/gpt-4o/",
        "open-data": "None",
        "pass@1": {"instruct": 48.0, "complete": 58.9},
        "prompted": True,
        "moe": False,
        "size": None,
        "act_param": None,
        "date": "2024-11-20",
        "prefill": False,
    },
    "StarCoder2-3B": {"pass@1": {"instruct": None, "complete": 21.4}, "date": None},
    "o1-2024-12-17 (temperature=1, reasoning=low)": {"pass@1": {"instruct": None, "complete": None}},
    "nothing": {},
    "n" * 201: {"pass@1": {"instruct": 1.0}},
}


def body(**more: Any) -> bytes:
    """The sample, and enough rows to be a leaderboard."""
    rest = {f"m-{n}": {"pass@1": {"instruct": 1, "complete": 2.5}} for n in range(LEAST_ROWS)}
    return orjson.dumps({**SAMPLE, **rest, **more})


def test_rows_with_a_score() -> None:
    """What has none is left out, and so are names that nobody has."""
    rows = parse(body())
    assert rows["GPT-4o-2024-11-20"] == Row(instruct=48.0, complete=58.9, date="2024-11-20")
    assert rows["StarCoder2-3B"] == Row(complete=21.4)
    assert len(rows) == LEAST_ROWS + 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="HTML"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"\xff"', id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"{}", id="no rows"),
        pytest.param(orjson.dumps(SAMPLE), id="a few rows"),
        pytest.param(body()[:-40], id="cut"),
        pytest.param(body(bad={"pass@1": {"instruct": 4800}}), id="no percent"),
        pytest.param(body(bad={"pass@1": {"instruct": "48"}}), id="no number"),
        pytest.param(body(bad={"pass@1": [1]}), id="no scores"),
        pytest.param(orjson.dumps({f"m-{n}": {"pass@1": {"instruct": 1}} for n in range(10_001)}), id="too many"),
    ],
)
def test_what_is_no_leaderboard(text: bytes) -> None:
    """The one that is there stays."""
    with pytest.raises(ValueError, match="no leaderboard"):
        parse(text)
    with pytest.raises(ValueError, match="no leaderboard"):
        check(text, None)


def of_rows(n: int) -> bytes:
    """A leaderboard of so many models."""
    return orjson.dumps({f"m-{each}": {"pass@1": {"instruct": 1}} for each in range(n)})


def test_half_of_a_leaderboard_is_none() -> None:
    """Rows come, and few go."""
    check(of_rows(LEAST_ROWS), None)
    check(of_rows(LEAST_ROWS), of_rows(2 * LEAST_ROWS))
    with pytest.raises(ValueError, match="no leaderboard: 50 rows with a score, and 101 before"):
        check(of_rows(LEAST_ROWS), of_rows(2 * LEAST_ROWS + 1))


def test_the_shipped_file_was_read_from_there() -> None:
    """A refresh brings the same leaderboard, newer."""
    assert read_board((shipped("config") / "leaderboard.json").read_bytes()).source == URL
