"""The ledger's store, open for whoever changes something: the control process, and commands where no control process runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from proxy.control.in_force import InForce
from proxy.control.process import durable
from proxy.control.publisher import Publisher
from proxy.core.clock import SystemClock
from proxy.core.snapshot import LedgerOptions
from proxy.ledger import store_adoptions, store_principals, store_standings
from proxy.ledger.recorder import Recorder
from proxy.ledger.store import Store
from proxy.review import standing
from proxy.settings.described import Running

CONTROL_WRITER = 1000
"""The number under which control writes its own entries; gateway workers are numbered from 0 to 63."""


@dataclass
class OpenLedger:
    """An open store, and `record`, which makes a change an entry, durable on return. The epoch of these entries begins with the
    first one, so that a process which changes nothing writes nothing.
    """

    running: Running
    store: Store
    _recorder: Recorder | None = None

    async def record(self, event: str, detail: dict[str, str | int]) -> None:
        """Write an entry. Raises: LedgerUnavailableError, OSError."""
        if self._recorder is None:
            options = LedgerOptions(max_bytes=self.running.max_bytes)
            loop = asyncio.get_running_loop()
            self._recorder = Recorder.open(self.running.data_dir, CONTROL_WRITER, options, SystemClock(), loop)
        await durable(self._recorder.mark(event, detail))

    async def publish(self, publisher: Publisher) -> int:
        """Put the added principals, how principals stand, and the adoptions of terms in force; gives the snapshot's number.

        Raises: SameNameError, StoreUnavailableError, OSError.
        """
        entries = list(store_principals.snapshot_entries(await store_principals.listed(self.store)))
        entries += store_adoptions.snapshot_entries(await store_adoptions.listed(self.store))
        enforce = await asyncio.to_thread(InForce(self.running.data_dir, tuple).enforce)
        rows = [standing.Stands(**row) for row in await store_standings.listed(self.store)]
        entries += standing.snapshot_entries(rows, enforce, SystemClock.utc_us())
        return await asyncio.to_thread(publisher.store, entries)

    async def close(self) -> None:
        """End the epoch and close the store."""
        if self._recorder is not None:
            await self._recorder.close()
        await self.store.close()


@asynccontextmanager
async def opened(running: Running) -> AsyncIterator[OpenLedger]:
    """The ledger's store, open. Raises: StoreInUseError, StoreNewerError, StoreUnavailableError, StoreError."""
    ledger = OpenLedger(running, await Store.open(running.store_url))
    try:
        yield ledger
    finally:
        await ledger.close()
