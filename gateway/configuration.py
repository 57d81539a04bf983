"""The configuration on disk: the YAML, its presets and its `.env`, read together and compiled.

Start, reload and `check` all come through here, so they cannot disagree.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from gateway.catalog.catalog import Catalog
from gateway.catalog.compile import compile_text
from gateway.catalog.schema import Config
from gateway.errors import ConfigError, Problem
from gateway.feeds import leaderboard, prices
from gateway.leaderboard import Leaderboard, read_board
from gateway.price_list import PriceList, PriceLists, read

from .settings import Environment, Overrides, Place, env_beside, locate, shipped, snapshot_folder

T = TypeVar("T")


class Loaded(Struct, frozen=True, kw_only=True):
    """One reading of all files."""

    catalog: Catalog
    hash: str
    """SHA-256 of the YAML's bytes, in hex."""
    env_file: Path | None
    sources: Mapping[str, str]
    """Field of `server` -> where its value came from, for those that are not the YAML's."""


class Configuration(Struct, frozen=True, kw_only=True):
    """Which files there are, and what goes over them."""

    place: Place
    process: Mapping[str, str]
    folder: Path
    options: Overrides

    @classmethod
    def find(
        cls, option: Path | None, process: Mapping[str, str], folder: Path, options: Overrides | None = None
    ) -> "Configuration":
        """The configuration that `--config` and the environment stand for. Raises StartError if it is not there."""
        return cls(place=locate(option, process, folder), process=process, folder=folder, options=options or {})

    @property
    def name(self) -> str:
        """The file as a person in the working directory would write it."""
        path = self.place.path
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else str(path)

    def env_file(self) -> Path | None:
        """The `.env` that counts now; it may appear while the gateway runs."""
        return env_beside(self.place.path, self.folder)

    def watched(self) -> tuple[Path, ...]:
        """Every file whose change is a reload: YAML and `.env`, there yet or not, and one's own presets."""
        beside = self.place.path.parent
        return (self.place.path, beside / ".env", self.folder / ".env", *sorted(beside.glob("presets/*.yaml")))

    def load(self) -> Loaded:
        """Read and compile everything. Raises ConfigError with all problems, files that cannot be read included."""
        raw = self._read()
        environment = Environment(self.process, self.env_file())
        overrides = {**environment.overrides(), **self.options}
        catalog = compile_text(
            self._decode(raw),
            file=self.name,
            lookup=environment.lookup,
            presets=self.presets(),
            overrides=overrides,
            price_lists=self._price_lists,
            leaderboard=self._leaderboard,
        )
        return Loaded(
            catalog=catalog,
            hash=hashlib.sha256(raw).hexdigest(),
            env_file=environment.env_file,
            sources={field: source for field, (_, source) in overrides.items()},
        )

    def size(self) -> int:
        """Bytes of what `load` would read, as far as there is any."""
        return sum(path.stat().st_size for path in self.watched() if path.is_file())

    def digest(self) -> str:
        """SHA-256 of the YAML's bytes as they are now, in hex. Raises ConfigError if it cannot be read."""
        return hashlib.sha256(self._read()).hexdigest()

    def text(self) -> str:
        """The YAML as it is on disk now. Raises ConfigError if it cannot be read."""
        return self._decode(self._read())

    def snapshot_folder(self, directory: str) -> Path:
        """Where the state is kept (`settings.snapshot_folder`)."""
        return snapshot_folder(directory, self.place, self.process)

    def _price_lists(self, config: Config) -> PriceLists:
        """The shipped list, and the fetched one where fetching is switched on."""
        folder = self.snapshot_folder(config.server.snapshot.directory)
        fetched = prices.cached(folder) if config.prices.fetch else None
        return PriceLists.of(each for each in (shipped_prices(), fetched) if each)

    def record_file(self, file: str | None) -> Path | None:
        """Where requests are recorded: by the same rule."""
        return snapshot_folder(file, self.place, self.process) if file else None

    def _leaderboard(self, config: Config) -> Leaderboard:
        """The fetched one where fetching is switched on and there is one, else the shipped one."""
        folder = self.snapshot_folder(config.server.snapshot.directory)
        return (leaderboard.cached(folder) if config.leaderboard.fetch else None) or _shipped_leaderboard()

    def _read(self) -> bytes:
        try:
            return self.place.path.read_bytes()
        except OSError as error:
            raise ConfigError([Problem(self.name, 0, 0, f"cannot be read: {error.strerror}")]) from error

    def _decode(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            column = error.start - raw.rfind(b"\n", 0, error.start)
            raise ConfigError(
                [Problem(self.name, line, column, "is not UTF-8 here: save the file as UTF-8")]
            ) from error

    def presets(self) -> dict[str, str]:
        """Preset -> its YAML: the shipped ones, and over them those in `presets/` beside the file."""
        folders = (shipped("config") / "presets", self.place.path.parent / "presets")
        return {path.stem: path.read_text("utf-8") for folder in folders for path in sorted(folder.glob("*.yaml"))}


# Both travel with the program and change with it only.
@cache
def shipped_prices() -> PriceList:
    """The list that travels with the program. Raises ConfigError if it is gone or damaged."""
    return _shipped("prices.json", read)


@cache
def _shipped_leaderboard() -> Leaderboard:
    board = _shipped("leaderboard.json", read_board)
    return Leaderboard(board.rows, f"list {board.read}")


def _shipped(name: str, read_it: Callable[[bytes], T]) -> T:
    """The file of that name, read. Raises ConfigError if it is gone or damaged."""
    path = shipped("config") / name
    try:
        return read_it(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError([Problem(str(path), 0, 0, f"{error}: install the program again")]) from error
