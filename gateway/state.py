"""What one running gateway remembers: replaced by reloads, dumped into snapshots, restored at start."""

from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from .catalog.catalog import Catalog
from .catalog.differences import Differences
from .clock import Clock, Moment
from .errors import Problem
from .history import History, Today
from .limits.learned import Learned
from .limits.ledger import Ledger
from .overload import Load
from .records import Secret, Settled
from .routing.chooser import Chooser
from .routing.cooldown import Cooldowns

MOST_REQUESTS = 1000
"""Requests whose whole story is kept."""


class ConfigStatus(Struct, frozen=True, kw_only=True):
    """Where the configuration came from, and what is wrong with the file as it is now."""

    path: str
    env_file: str
    """Empty if there is none."""
    loaded_at: float
    """Unix time at which the one in force was read."""
    hash: str
    problems: tuple[Problem, ...] = ()
    """Errors keep a newer file out; warnings do not."""
    sources: Mapping[str, str] = {}
    """Server field -> which variable or option it was taken from."""

    changed_at: float | None = None
    """Unix time of the last reload that changed something; None if there was none."""
    differences: Differences = Differences()
    """What it changed."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps the file from coming in force."""
        return tuple(problem for problem in self.problems if not problem.warning)

    def refused(self, problems: Sequence[Problem]) -> "ConfigStatus":
        """The same configuration in force, and a newer file that cannot be."""
        return replace(self, problems=tuple(problems))


class SnapshotStatus(Struct, frozen=True, kw_only=True):
    """The newest snapshot. `at` is Unix time, None before the first; `error` is why the last try failed."""

    at: float | None = None
    error: str = ""


class FeedStatus(Struct, frozen=True, kw_only=True):
    """A list that is fetched: how old it is, in Unix seconds, None before the first; and why the last try failed."""

    fetched_at: float | None = None
    checked_at: float | None = None
    """When the other side last said that it has no newer one."""
    error: str = ""


class State:
    """Everything that outlives a request. Only the catalog is ever replaced whole."""

    def __init__(self, catalog: Catalog, clock: Clock, config: ConfigStatus) -> None:
        now = clock.now()
        self.clock = clock
        self.catalog = catalog
        self.config = config
        self.snapshot = SnapshotStatus()
        self.feeds: dict[str, FeedStatus] = {}
        """By name, those that are in use."""
        self.ledger = Ledger()
        self.ledger.retain(catalog.meters, now)
        self.learned = Learned()
        self.cooldowns = Cooldowns()
        self.chooser = Chooser()
        self.today = Today(catalog.server.timezone)
        self.history = History(catalog.server.timezone)
        """Not part of `dump`: it is larger than the rest, and has a file of its own."""
        self.recent: deque[Settled] = deque(maxlen=MOST_REQUESTS)
        self.running = 0
        """Client requests that are being answered."""
        self.draining = False
        self.load = Load()
        """What is in use of what the process can bear."""
        self.started = now
        self.written: Callable[[], Awaitable[None]] = _at_once
        """Waits until every change of a counter is written down: what is admitted must not leave before."""

    def replace(self, catalog: Catalog, now: Moment) -> None:
        """Put another configuration in force. Counters, cooldowns and running requests stay."""
        for _ in self.replacing(catalog, now):
            pass

    def replacing(self, catalog: Catalog, now: Moment) -> Generator[None, None, None]:
        """The same in steps, between which requests may go on. The first puts the catalog in force; run them all."""
        if _keys(catalog) != _keys(self.catalog):
            self.cooldowns.clear_keys()  # a key that was refused may have been mended
        self.catalog = catalog
        self.today.use(catalog.server.timezone)
        self.history.use(catalog.server.timezone)
        yield
        yield from self.ledger.retaining(catalog.meters, now)

    def note(self, settled: Settled) -> None:
        """Remember a request that has ended."""
        self.recent.append(settled)
        self.today.add(settled)
        self.chooser.latencies.note(settled)
        self.history.add(settled)

    def dump(self, now: Moment, ledger: msgspec.Raw | None = None) -> dict[str, Any]:
        """What a restart has to know, as JSON-able values. No prompt, no key. The ledger's part may be at hand."""
        return {
            "ledger": self.ledger.dump(now) if ledger is None else ledger,
            "learned": self.learned.dump(),
            "cooldowns": self.cooldowns.dump(now),
            "today": self.today.dump(),
            "latencies": self.chooser.latencies.dump(),
        }

    def restore(self, dump: Mapping[str, Any], now: Moment) -> None:
        """Take over what another process dumped, under the configuration of now. Raises ValueError if it is no dump."""
        try:
            ledger, cooldowns, today = dump["ledger"], dump["cooldowns"], dump["today"]
        except KeyError as error:
            raise ValueError(f"no dump of a gateway: {error} is missing") from None
        self.learned.restore(dump.get("learned", {}))
        self.ledger.restore(ledger, self.catalog.meters, now)
        self.cooldowns.restore(cooldowns, now)
        self.today.restore(today)
        self.chooser.latencies.restore(dump.get("latencies", []))  # older dumps have none


async def _at_once() -> None:
    """Where nothing is written down, nobody waits for it."""


def _keys(catalog: Catalog) -> dict[tuple[str, str], Secret]:
    """Which secrets are in use where."""
    return {
        (target.provider, target.key): target.secret
        for provider in catalog.providers.values()
        for target in (*provider.targets, *provider.wildcard)
    }
