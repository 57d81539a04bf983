"""Between ledger and journal: what changed, as records, and records as what the ledger remembers."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from gateway.clock import Clock
from gateway.limits.counters import Counter, Remembered
from gateway.limits.ledger import Ledger
from gateway.limits.reported import bare
from gateway.limits.rules import Rule
from gateway.limits.terms import Meter

from .journal_format import Change, Record, Text, change, text

LAWS: Mapping[str, int] = {"bucket": 1, "calendar": 2, "rolling": 3, "first_use": 4, "concurrency": 5, "per_request": 6}
"""How records name an algorithm. For ever: a number that is gone is not given again."""


class Changes:
    """What changed in a ledger and is not in its journal yet.

    The first word on a counter in a generation is a text that says all of it; the next ones are records of 48 bytes.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: dict[Counter, tuple[int, int, int, float]] = {}
        """What this generation was told whole: the counter's key, its law, the newest slice, the end of the window."""

    def records(self) -> bytes:
        """All that is not in the journal yet."""
        now, known = self._clock.now(), self._known
        found = []
        for counter, whole in self._ledger.changed.items():
            if not whole and (told := known.get(counter)):
                key, law, since, until = told
                entries = bare(counter.rule).entries(counter.state, since, now)
                if until == counter.state.until:  # a window that was turned leaves others behind
                    found += [change(law, key, *each, counter.mean) for each in entries]
                    continue
            words = msgspec.json.encode((counter.meter.id, counter.remembered(now)))
            found.append(text(counter_key(counter.meter.id), words))
        return b"".join(found)

    def forget(self) -> None:
        """They are."""
        changed, known = self._ledger.changed, self._known
        for counter, whole in changed.items():
            told, state = known.get(counter), counter.state
            if whole or told is None or told[2:] != (state.serial, state.until):
                law = LAWS[counter.rule.algorithm]
                known[counter] = (counter_key(counter.meter.id), law, state.serial, state.until)
        changed.clear()

    def renew(self) -> None:
        """Another generation begins, which knows nothing."""
        self._known.clear()


@lru_cache(100_000)
def counter_key(id_: str) -> int:
    """How records name a counter: 64 bits of a hash, so that a record is good without the text that introduced it."""
    return int.from_bytes(blake2b(id_.encode(), digest_size=8).digest(), "little")


class Replayed(Struct, frozen=True):
    """What a snapshot's ledger and the journals after it say together."""

    ledger: dict[str, Any]
    """As `Ledger.dump` writes it."""
    replayed: int
    skipped: int
    """Records of counters that nobody knows any more."""


def replay(ledger: Mapping[str, Any], records: Iterable[Record], meters: Sequence[Meter]) -> Replayed:
    """Put the records, in order, over what a snapshot says.

    `meters` are those of the configuration: where the text that introduced a counter is damaged, they still know it.
    """
    known = dict(ledger)
    configured = {meter.id: meter for meter in meters}
    ids = {counter_key(id_): id_ for id_ in (*known, *configured)}
    fresh: dict[str, Remembered] = {}
    replayed = skipped = 0
    for record in records:
        found = _told(record) if isinstance(record, Text) else None
        if isinstance(record, Change) and (id_ := ids.get(record.counter)):
            before = fresh.get(id_) or _remembered(known.get(id_))
            amended = _amended((before, configured.get(id_)), record)
            found = (id_, amended) if amended else None
        if found is None:
            skipped += 1
            continue
        replayed += 1
        id_, fresh[id_] = found
        ids[record.counter] = id_
    known.update((id_, msgspec.to_builtins(each)) for id_, each in fresh.items())
    return Replayed(known, replayed, skipped)


def _told(record: Text) -> tuple[str, Remembered] | None:
    try:
        return msgspec.json.decode(record.text, type=tuple[str, Remembered])
    except msgspec.DecodeError:
        return None


def _remembered(entry: object) -> Remembered | None:
    try:
        return msgspec.convert(entry, Remembered)
    except msgspec.ValidationError:
        return None


def _amended(bases: tuple[Remembered | None, Meter | None], record: Change) -> Remembered | None:
    """The base that the record is of, after it; None if it is of none of them."""
    before, configured = bases
    entry = (record.slice, record.at, record.used)
    if before and _law(before.meter.rule) == record.law:
        values = before.meter.rule.amended(before.values, entry)
        return msgspec.structs.replace(before, values=values, held=record.held)
    if configured and _law(configured.rule) == record.law:
        return Remembered(configured, configured.rule.amended([], entry), record.held)
    return None


def _law(rule: Rule) -> int:
    return LAWS[rule.algorithm]
