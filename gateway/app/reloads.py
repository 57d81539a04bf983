"""The configuration files of a running gateway: read again, and put in force if they have no mistake."""

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext

from msgspec.structs import replace

from gateway.catalog.catalog import Catalog
from gateway.catalog.differences import Differences, compare
from gateway.configuration import Configuration, Loaded
from gateway.errors import ConfigError, Problem
from gateway.state import ConfigStatus, State
from gateway.storage.config_file import Watch, changes
from gateway.tasks import in_steps

from .compiling import LARGE, load
from .parcels import pieces

log = logging.getLogger(__name__)

MOST_NOTES = 100
"""Mistakes and warnings that are logged one by one."""


class Reloads:
    """What the server's `/config` routes, SIGHUP and the watcher of the files have in common.

    `apply` is called with each new catalog, after it came in force, for what lives outside the state: the log.
    `around` is entered for as long as the files are being read, for whoever supervises the process.
    Files of `large` bytes and more are compiled in a child. Whatever grows with the configuration is done in steps,
    between which the streams go on.
    """

    def __init__(
        self,
        configuration: Configuration,
        state: State,
        apply: Callable[[Catalog], None],
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        large: int = LARGE,
    ) -> None:
        self.configuration = configuration
        self._large = large
        self._state = state
        self._apply = apply
        self._around = around
        self._one_at_a_time = asyncio.Lock()

    async def read(self) -> str:
        """The YAML as it is on disk now. Raises ConfigError if it cannot be read."""
        return await asyncio.to_thread(self.configuration.text)

    async def reload(self) -> None:
        """Put the files in force. Raises ConfigError if they have mistakes: then only what `/health` says changes."""
        await self._reload("")

    async def _reload(self, digest: str) -> bool:
        """The same, if the YAML is still what it was when it came to rest; else False. No `digest`: whatever it is."""
        async with self._one_at_a_time:  # else an older reading could win over a newer one
            with self._around():
                return await self._taken_over(digest)

    async def _taken_over(self, digest: str) -> bool:
        try:
            loaded = await load(self.configuration, self._large)
        except ConfigError as error:
            if digest and not await self._is_still(digest):
                return False
            self._refuse(error.problems)
            raise
        if digest and loaded.hash != digest:
            return False
        await self._put_in_force(loaded)
        return True

    async def _is_still(self, digest: str) -> bool:
        try:
            return await asyncio.to_thread(self.configuration.digest) == digest
        except ConfigError:
            return False

    async def reload_or_log(self) -> None:
        """The same for a signal or a saved file, where nobody waits for the answer: mistakes are in the log."""
        try:
            await self.reload()
        except ConfigError:
            log.debug("the configuration in force stays")

    async def follow(self, watch: Watch) -> None:
        """Reload whenever a file was saved, for ever."""
        async for change in changes(watch, self._state.clock):
            if change.problems:
                self._refuse(change.problems)
            elif not await self._follow(change.digest):
                # Saved again before it was read, so this may have been half a file: whole it comes to rest again.
                watch.again()

    async def _follow(self, digest: str) -> bool:
        try:
            return await self._reload(digest)
        except ConfigError:
            return True

    def _refuse(self, problems: tuple[Problem, ...]) -> None:
        self._state.config = self._state.config.refused(problems)
        log.error("configuration refused, the previous one stays in force")
        for problem in problems[:MOST_NOTES]:
            log.error("%s", f"{problem}\n{problem.excerpt}".rstrip())
        _log_more(len(problems))

    async def _put_in_force(self, loaded: Loaded) -> None:
        state, old, catalog = self._state, self._state.catalog, loaded.catalog
        now = state.clock.now()
        differences = await in_steps(compare(old, catalog, lambda meter: state.ledger.used(meter, now)))
        now = state.clock.now()
        before = state.config
        replacing = state.replacing(catalog, now)
        next(replacing)
        state.config = status(self.configuration, loaded, now.wall)
        told = (now.wall, differences) if differences.count else (before.changed_at, before.differences)
        state.config = replace(state.config, changed_at=told[0], differences=told[1])
        self._apply(catalog)
        log_differences(differences)
        if (old.server.host, old.server.port) != (catalog.server.host, catalog.server.port):
            host, port = old.server.host, old.server.port
            log.warning("host and port change with a restart only: still on %s:%s", host, port)
        log_notes(catalog)
        try:
            await in_steps(replacing)
        finally:
            for _ in replacing:  # whoever asked may leave: half of the limits must not stay as they were
                pass
        letting_go = _letting_go(old)
        del old
        await in_steps(letting_go)


def _letting_go(old: Catalog) -> Generator[None, None, None]:
    """Forget a catalog bit by bit: freeing all of a large one at once would hold up the streams."""
    targets = [list(piece) for provider in old.providers.values() for piece in pieces(provider.targets)]
    names = [list(piece) for found in (old.exact, old.bare) for piece in pieces(found.values())]
    meters = list(pieces(old.meters))
    del old
    yield
    for parts in (names, targets, meters):
        while parts:
            parts.pop()
            yield


def log_differences(differences: Differences) -> None:
    """That a configuration came in force, and what it says otherwise than the one before, a line each."""
    if not differences.count:
        log.info("configuration read again: nothing has changed")
        return
    log.info("configuration reloaded, changes: %d", differences.count)
    for line in differences.lines:
        log.info("changed: %s", line)
    if differences.more:
        log.info("and %d more changes", differences.more)


def status(configuration: Configuration, loaded: Loaded, at: float) -> ConfigStatus:
    """What `/health` says of a configuration that came in force at `at`."""
    return ConfigStatus(
        path=str(configuration.place.path),
        env_file=str(loaded.env_file) if loaded.env_file else "",
        loaded_at=at,
        hash=loaded.hash,
        problems=loaded.catalog.warnings,
        sources=loaded.sources,
    )


def log_notes(catalog: Catalog) -> None:
    """What a person should know about a configuration in force: warnings, and who is skipped for want of a key."""
    for problem in catalog.warnings[:MOST_NOTES]:
        log.warning("%s", problem)
    _log_more(len(catalog.warnings))
    skipped = [f"{each.id} ({each.idle_text})" for each in catalog.providers.values() if each.idle == "no_key"]
    if skipped:
        log.info("skipped until their key is in the environment or .env: %s", ", ".join(skipped))


def _log_more(count: int) -> None:
    if count > MOST_NOTES:
        log.warning("and %d more: llm-gateway check lists them all", count - MOST_NOTES)
