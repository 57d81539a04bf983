"""Older files, read as if they were of today. A format that was ever released is read for ever."""

from collections.abc import Callable, Mapping
from typing import Any

Dump = dict[str, Any]

STATE, HISTORY = "gateway-state", "gateway-history"


def _numbered_slices(dump: Dump) -> Dump:
    """State 1 to 2: the slices of a rolling window have numbers, and the row begins with the first one's."""
    for entry in dump["ledger"].values():
        if entry["meter"]["rule"]["algorithm"] == "rolling" and entry["values"]:
            entry["values"].insert(0, 1)
    return dump


_STEPS: Mapping[str, tuple[Callable[[Dump], Dump], ...]] = {STATE: (_numbered_slices,), HISTORY: ()}
"""What leads from each version to the next one, the first from version 1."""


def version(file_format: str) -> int:
    """The version that is written today."""
    return len(_STEPS[file_format]) + 1


def migrated(file_format: str, written: int, dump: Dump) -> Dump:
    """The dump of an older version as today's. Raises ValueError if it is none of that version."""
    try:
        for step in _STEPS[file_format][written - 1 :]:
            dump = step(dump)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not of version {written}: {error}") from None
    return dump
