"""The configuration files of a running gateway: read again, and put in force if they have no mistake."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from gateway.catalog.catalog import Catalog
from gateway.configuration import Configuration, Loaded
from gateway.errors import ConfigError, Problem
from gateway.state import ConfigStatus, State
from gateway.storage.config_file import Watch, changes

log = logging.getLogger(__name__)


class Reloads:
    """What the server's `/config` routes, SIGHUP and the watcher of the files have in common.

    `apply` is called with each new catalog, after it came in force, for what lives outside the state: the log.
    `around` is entered for as long as the files are being read, for whoever supervises the process.
    """

    def __init__(
        self,
        configuration: Configuration,
        state: State,
        apply: Callable[[Catalog], None],
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.configuration = configuration
        self._state = state
        self._apply = apply
        self._around = around
        self._one_at_a_time = asyncio.Lock()

    async def read(self) -> str:
        """The YAML as it is on disk now. Raises ConfigError if it cannot be read."""
        return await asyncio.to_thread(self.configuration.text)

    async def reload(self) -> None:
        """Put the files in force. Raises ConfigError if they have mistakes: then only what `/health` says changes."""
        async with self._one_at_a_time:  # else an older reading could win over a newer one
            with self._around():
                try:
                    # Off the loop: a large file takes long enough to parse for running streams to notice.
                    loaded = await asyncio.to_thread(self.configuration.load)
                except ConfigError as error:
                    self._refuse(error.problems)
                    raise
                self._put_in_force(loaded)

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
            else:
                await self.reload_or_log()

    def _refuse(self, problems: tuple[Problem, ...]) -> None:
        self._state.config = self._state.config.refused(problems)
        log.error("configuration refused, the previous one stays in force")
        for problem in problems:
            log.error("%s", f"{problem}\n{problem.excerpt}".rstrip())

    def _put_in_force(self, loaded: Loaded) -> None:
        state, catalog = self._state, loaded.catalog
        now = state.clock.now()
        before = state.catalog.server
        changed = catalog != state.catalog
        state.replace(catalog, now)
        state.config = status(self.configuration, loaded, now.wall)
        self._apply(catalog)
        log.info("configuration %s", "reloaded" if changed else "read again: nothing has changed")
        if (before.host, before.port) != (catalog.server.host, catalog.server.port):
            log.warning("host and port change with a restart only: still on %s:%s", before.host, before.port)
        log_notes(catalog)


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
    for problem in catalog.warnings:
        log.warning("%s", problem)
    skipped = [f"{each.id} ({each.idle_text})" for each in catalog.providers.values() if each.idle == "no_key"]
    if skipped:
        log.info("skipped until their key is in the environment or .env: %s", ", ".join(skipped))
