"""A leaderboard, and which of its rows a model's name means. Nothing is guessed: a name without a row is unknown.

A row is found by the first of these that fits exactly one reading of the name, each compared word by word:

1. The name in lower case, without what stands before its last slash, without notes in parentheses and without
   OpenRouter's tags (`:free`), cut into words at punctuation and before a number: `Llama-3.3` is `llama3.3` is
   `llama 3 3`.
2. The same without a day (`2024-11-20`, `20241022`) and without the words that say how a model is served or that it
   chats: `instruct`, `it`, `chat`, `hf`, `versatile`, `instant`, `fp8`, and `meta` or `c4ai` in front.

Of several rows that are one name by the second rule, the newest counts, and before it those that were measured as chat
models. Versions (`v0.3`), months (`2407`), sizes and words such as `mini` or `preview` are never left out: they are
other models.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Score = Annotated[float, Meta(ge=0, le=100)]
"""Percent of the tasks solved at the first try."""

_NOTE = re.compile(r"\([^)]*\)")
_TAG = re.compile(r":(?:free|nitro|floor|beta|extended|thinking|online|exacto)$")
_WORD = re.compile(r"[0-9]+(?:x[0-9]+)?[a-z]*|[a-z]+")
_DAY = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]|20[0-9]{2}[01][0-9][0-3][0-9]")
_SERVED = frozenset(["instruct", "it", "chat", "hf", "versatile", "instant", "fp8"])
_VENDOR = re.compile(r"^\s*(?:meta|c4ai)[-_ ]")


class Row(Struct, frozen=True, kw_only=True):
    """One model's result on BigCodeBench."""

    instruct: Score | None = None
    """Told in words, as a chat does; None for models that do not chat."""
    complete: Score | None = None
    """Given the beginning of the code."""
    date: str = ""
    """When the model came out, as `2024-11-20`."""

    @property
    def percent(self) -> float | None:
        """The mean of what was measured."""
        known = [score for score in (self.instruct, self.complete) if score is not None]
        return sum(known) / len(known) if known else None


class Board(Struct, frozen=True, kw_only=True):
    """A leaderboard as it is kept on disk: `config/leaderboard.json`."""

    source: str
    commit: str = ""
    """The version of the source that was read."""
    read: date
    """When."""
    rows: dict[str, Row]


def read_board(text: bytes) -> Board:
    """The board in a file of ours. Raises ValueError for anything else."""
    try:
        return msgspec.json.decode(text, type=Board)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"no leaderboard: {error}") from None


class Leaderboard:
    """Percents by name. Looking one up is a matter of microseconds. Two of the same name and rows are equal."""

    def __init__(self, rows: Mapping[str, Row], name: str = "") -> None:
        self.name = name
        """`list 2026-11-21`, `fetched 2026-11-22`: which one it is."""
        self._rows = rows
        self._exact: dict[tuple[str, ...], float] = {}
        self._loose: dict[tuple[str, ...], float] = {}
        # The last one of a name stays: the best is written last.
        for model, row in sorted(rows.items(), key=lambda each: (each[1].instruct is not None, each[1].date, each[0])):
            if (percent := row.percent) is not None:
                self._exact[words(model)] = percent
                self._loose[model_words(model)] = percent

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaderboard) and (self.name, self._rows) == (other.name, other._rows)

    __hash__ = None  # type: ignore[assignment] # the rows are a dict

    @property
    def count(self) -> int:
        """How many models it knows."""
        return len(self._rows)

    def percent(self, *names: str) -> float | None:
        """The percent of the first of a model's names that has a row; None where none has."""
        for name in names:
            found = self._exact.get(words(name))
            if found is None:
                found = self._loose.get(model_words(name))
            if found is not None:
                return found
        return None


def words(name: str) -> tuple[str, ...]:
    """The name by the first rule."""
    return tuple(_WORD.findall(_bare(name)))


def model_words(name: str) -> tuple[str, ...]:
    """The name by the second rule; by the first where the second leaves nothing of it."""
    text = _VENDOR.sub("", _DAY.sub(" ", _bare(name)))
    return tuple(word for word in _WORD.findall(text) if word not in _SERVED) or words(name)


def _bare(name: str) -> str:
    name = _TAG.sub("", name.lower().rpartition("/")[2])
    return _NOTE.sub(" ", name).replace("+", " plus ")
