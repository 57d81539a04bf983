"""What outlives the process: the state, its snapshots and the journal in between, and the history; in one folder.

A snapshot is the journal made short: the next generation of the journal begins first, then the state is read, in
slices, so that no stream waits for it. All values are absolute, so it does no harm that the slices differ in age.
"""

import asyncio
import logging
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from gateway.clock import Moment
from gateway.state import SnapshotStatus, State
from gateway.storage.changes import Changes, replay
from gateway.storage.journal import Journal, Read, journals, read_journals, remove, set_aside
from gateway.storage.migrations import HISTORY
from gateway.storage.snapshot import Snapshots

log = logging.getLogger(__name__)

HISTORY_EVERY_S = 60.0
"""How often the history is written: what a kill can cost of it. Counters and today's totals are in the snapshot."""
SLICE = 500
"""Counters that are read in one go: about a millisecond."""


class Persistence:
    """A state and the folder that outlives it. The folder is locked by now."""

    def __init__(self, folder: Path, state: State) -> None:
        self._folder = folder
        self._state = state
        self._snapshots = Snapshots(folder)
        self._histories = Snapshots(folder, "history", HISTORY)
        self._journal = Journal(folder, Changes(state.ledger, state.clock), self._show)
        self._gen = 0
        self._read: list[Read] = []
        self._saving = asyncio.Lock()

    def restore(self) -> None:
        """Take up what the folder remembers. Raises StartError for a newer format."""
        self._restore_state()
        self._restore_history()

    def _restore_state(self) -> None:
        state, now = self._state, self._state.clock.now()
        loaded = self._snapshots.load()
        self._read = list(read_journals(self._folder, loaded.journal))
        self._gen = max([loaded.journal, *(gen for gen, _ in journals(self._folder))])
        for each in self._read:
            if each.problem:
                log.warning("%s: %s", each.path, each.problem)
        if loaded.dump is not None or self._read:
            dump = loaded.dump or state.dump(now)
            records = chain.from_iterable(each.records for each in self._read)
            replayed = replay(dump["ledger"], records, state.catalog.meters)
            state.restore({**dump, "ledger": replayed.ledger}, now)
            log.info(
                "state restored: snapshot %s, %d changes replayed, %d skipped, %d files damaged",
                "none" if loaded.saved_at is None else f"{max(0.0, now.wall - loaded.saved_at):.0f} s old",
                replayed.replayed,
                replayed.skipped,
                len(loaded.problems) + sum(bool(each.problem) for each in self._read),
            )
        state.snapshot = SnapshotStatus(at=loaded.saved_at, error="")

    def _restore_history(self) -> None:
        history = self._histories.load()
        if history.dump is not None:
            try:
                self._state.history.restore(history.dump)
            except ValueError as error:
                log.warning("the history begins anew, the old one stays in history.prev.json: %s", error)

    async def begin(self) -> None:
        """Write down what was restored, and every change from now on."""
        self._journal.fsync = self._state.catalog.server.snapshot.fsync
        self._state.ledger.on_change = self._journal.changed
        self._state.written = self._journal.written
        await self.save()
        for each in self._read:
            if each.problem and not self._snapshots.error:
                await asyncio.to_thread(set_aside, each.path)
        self._read.clear()

    async def keep(self) -> None:
        """Write a snapshot every `snapshot.every`, for as long as it is let."""
        while True:
            await asyncio.sleep(self._state.catalog.server.snapshot.every)
            await self.save()

    async def keep_synced(self) -> None:
        """Sync the journal every `snapshot.fsync`, for as long as it is let."""
        while True:
            fsync = self._journal.fsync = self._state.catalog.server.snapshot.fsync
            await asyncio.sleep(1.0 if isinstance(fsync, str) else fsync)
            if fsync != "never":
                await self._journal.sync()

    async def keep_history(self) -> None:
        """Write the history once a minute, for as long as it is let."""
        while True:
            await asyncio.sleep(HISTORY_EVERY_S)
            await self.save_history()

    async def save(self) -> None:
        """Write a snapshot now. A failure is shown, not raised."""
        async with self._saving:
            # While snapshots fail, one generation follows the last good one, however long.
            wanted = self._journal.worn and (not self._snapshots.error or not self._journal.usable)
            if wanted and await self._journal.begin(self._gen + 1):
                self._gen += 1
            now = self._state.clock.now()
            if await self._snapshots.save(await self._dump(now), now, self._gen):
                await asyncio.to_thread(self._remove_old)
            self._show()

    async def save_history(self) -> None:
        """Write the history now, without what is too old. A failure is shown, not raised."""
        now = self._state.clock.now()
        self._state.history.forget(now)
        await self._histories.save(self._state.history.dump(), now)
        self._show()

    async def end(self) -> None:
        """The last snapshot and history, and no more changes."""
        await self.save()
        await self.save_history()
        self._journal.close()

    async def _dump(self, now: Moment) -> dict[str, Any]:
        """The state; its largest part in slices, between which other work runs."""
        lines: list[bytes] = []
        for place, (id_, remembered) in enumerate(self._state.ledger.remembered(self._state.clock.now)):
            if place and not place % SLICE:
                await asyncio.sleep(0)
            lines.append(msgspec.json.encode(id_) + b":" + msgspec.json.encode(remembered))
        return self._state.dump(now, msgspec.Raw(b"{%b}" % b",\n".join(lines)))

    def _remove_old(self) -> None:
        damaged = {each.path for each in self._read if each.problem}
        for gen, path in journals(self._folder):
            if gen < self._snapshots.oldest_journal and path not in damaged:
                remove(path)

    def _show(self, _: str = "") -> None:
        """Tell the state how it goes: what closes limits, and what pages show."""
        ledger = self._state.ledger
        ledger.unsaved = self._journal.error
        ledger.denying = self._state.catalog.server.snapshot.on_persist_error == "deny"
        error = self._journal.error or self._snapshots.error or self._histories.error
        self._state.snapshot = SnapshotStatus(at=self._snapshots.saved_at, error=error)
