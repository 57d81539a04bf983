"""A compiled configuration on its way from one process to another, in pieces.

A catalog of ten thousand models takes 0.1 s to build again, and nothing else runs meanwhile. So its large parts go
ahead in small pieces, and what comes later only refers to them by number: nobody waits for longer than for one piece.
Each piece is a pickle by itself: what one pickler remembers of all of them takes 10 ms to be freed.
"""

import pickle
from collections.abc import Collection, Generator, Iterator, Mapping
from io import BytesIO
from itertools import count, islice
from typing import TypeVar

from gateway.catalog.catalog import Catalog

T = TypeVar("T")

PIECE = 50
"""Items in a piece: half a millisecond of targets."""

Known = Mapping[str, object]
"""Objects that both sides have already, by a name of theirs: they stay where they are."""


def pack(whole: object, catalog: Catalog | None, known: Known) -> bytes:
    """`whole`, in which `catalog` may be, for `unpack` with the same names of `known`."""
    stream = BytesIO()
    ids: dict[int, str | int] = {id(each): name for name, each in known.items()}
    sent = count()
    if catalog:
        for parts in _parts(catalog):
            for piece in pieces(parts):
                _Pickler(stream, ids).dump(piece)
                ids.update((id(each), next(sent)) for each in piece)
        for names in (catalog.exact, catalog.bare):
            for items in pieces(names.items()):
                _Pickler(stream, ids).dump(dict(items))
            _Pickler(stream, ids).dump(None)
            ids[id(names)] = next(sent)
    _Pickler(stream, ids).dump((whole,))
    return stream.getvalue()


def unpack(parcel: bytes, known: Known) -> Generator[None, None, object]:
    """What was packed, step by step. Raises ValueError for a parcel that is not whole."""
    stream = BytesIO(parcel)
    found: dict[str | int, object] = {}
    found.update(known.items())
    arrived = count()
    names: dict[str, object] = {}
    while True:
        match _Unpickler(stream, found).piece():
            case (whole,) if stream.tell() == len(parcel):
                return whole
            case list() as parts:
                found.update((next(arrived), part) for part in parts)
            case dict() as some:
                names.update(some)
            case None:
                found[next(arrived)], names = names, {}
        yield


def pieces(items: Collection[T]) -> Iterator[list[T]]:
    """The items, a few at a time."""
    rest = iter(items)
    while piece := list(islice(rest, PIECE)):
        yield piece


def _parts(catalog: Catalog) -> Iterator[Collection[object]]:
    """What is large in a catalog, each before what refers to it."""
    for prices in catalog.price_lists.lists:
        for models in prices.providers.values():
            yield models.values()
    yield catalog.meters
    for provider in catalog.providers.values():
        yield provider.targets


class _Pickler(pickle.Pickler):
    def __init__(self, stream: BytesIO, ids: Mapping[int, str | int]) -> None:
        super().__init__(stream, protocol=5)
        self._ids = ids

    def persistent_id(self, obj: object) -> str | int | None:
        """What stands for an object that the other side has already."""
        return self._ids.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: BytesIO, found: Mapping[str | int, object]) -> None:
        super().__init__(stream)
        self._found = found

    def persistent_load(self, pid: str | int) -> object:
        """The object of that number or name."""
        return self._found[pid]

    def piece(self) -> object:
        """The next one. Raises ValueError if it is none."""
        try:
            return self.load()
        except (pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
            raise ValueError(f"no parcel: {error!r}") from None
