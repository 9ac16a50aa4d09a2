"""Publishes what calls may refer to: from the store, which all gateways' records reach, to the index file of this machine.

Three steps a pass: what ended records made goes into the store's index; downloads of results are tied to the lines that they
answer; what is new in the store's index goes into the file. A file that is full, or that another run of the machine wrote, is made
anew beside the old one, which serves until then. One process writes the file: its lock stands beside it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from proxy.control.arrivals import Arrivals
from proxy.control.process import Note, pause_unless
from proxy.control.reading import read_on
from proxy.core.clock import SystemClock
from proxy.ledger import store_references
from proxy.ledger.reference_index import FULL, MOST_SLOTS, IndexFullError, IndexWriter
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreError
from proxy.ledger.store_references import Download, Entry

MOST_OBJECTS = int(MOST_SLOTS * FULL)
"""Objects in a file of the largest size; when it is full, a quarter of them make room."""

RESULTS = ("file_content", "batch_results", "batch")
"""Endpoints whose answers may be a batch's results: a result file, Anthropic's results, and Gemini's batches, which hold theirs."""

_PAUSE_SECONDS = 0.1
_POLL_SECONDS = 0.5
_REVIEW_SECONDS = 3600.0
_FORGOTTEN = 0.9
_MOST_KEPT = 1000
"""Records that are looked at again in a moment, since they refer to what nobody here knows yet."""

_WAITING = "the reference index waits for the database"

Tie = Callable[[Download], Awaitable[None]]
"""Ties a download to the batch, the carrier and the lines that it answers; may be done again."""


class ReferencePublisher:
    """One per control process. `run` is its duty. `objects`: in the file; `dropped`: those that the file let go, being full.

    `handled` grows with every entry shipped here: an embedded store changes in no other way, so `arrivals` may be given.
    """

    def __init__(
        self, store: Store, data_dir: Path, key: bytes, handled: Callable[[], int], tie: Tie, note: Note, most: int = MOST_OBJECTS
    ) -> None:
        self.dropped = 0
        self.arrivals: Arrivals | None = None
        self._store = store
        self._folder = data_dir / "references"
        self._key = key
        self._handled = handled
        self._tie = tie
        self._note = note
        self._most = most
        self._writer: IndexWriter | None = None
        self._seen = -1
        self._stale = True
        self._polled = 0.0
        self._kept: dict[str, float] = {}
        self._review_at = 0.0

    @property
    def objects(self) -> int:
        """Objects in the published file."""
        return self._writer.entries if self._writer is not None else 0

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set, and then what is left. Raises: OSError of the file, which stays as it is."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(lock):
                if await pause_unless(stop, _POLL_SECONDS):
                    return
            await self._follow(stop)
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            os.close(lock)

    async def _follow(self, stop: asyncio.Event) -> None:
        await read_on(stop, lambda _: self.pass_once(), self._note, _WAITING, _PAUSE_SECONDS, self.arrivals)
        try:
            await self.pass_once()
        except StoreError as error:
            self._note(_WAITING, reason=str(error))

    async def pass_once(self) -> None:
        """Settle, tie and publish what there is. Raises: StoreUnavailableError, OSError; what was done stays done."""
        now = time.monotonic()
        handled = self._handled()
        due = [record for record, at in self._kept.items() if at <= now]
        for record in due:
            del self._kept[record]
        if not due and handled == self._seen and (self._store.dialect == "sqlite" or now < self._polled + _POLL_SECONDS):
            return
        self._polled = now
        more = await store_references.waiting(self._store)
        self._stale |= more
        while more:
            utc_us = SystemClock.utc_us() if len(self._kept) < _MOST_KEPT else 0
            settled = await store_references.settle(self._store, self._key, RESULTS, utc_us, self._kept)
            self._kept |= dict.fromkeys(settled.kept, now + store_references.GRACE_US / 1e6)
            for download in settled.downloads:
                await self._tie(download)
            await store_references.forget(self._store, [download.record for download in settled.downloads])
            more = settled.records >= store_references.SLICE
        if self._stale or now >= self._review_at or self._store.dialect == "postgresql":
            await self._publish()
        self._seen, self._stale = handled, False

    async def _publish(self) -> None:
        if self._writer is None:
            self._writer = await asyncio.to_thread(IndexWriter.resume, self._folder)
        now = time.monotonic()
        if self._writer is None or (now >= self._review_at and await self._has_forgotten(self._writer)):
            await self._make_anew()
        assert self._writer is not None
        found = await store_references.after(self._store, self._writer.stamp)
        if found is None or not await asyncio.to_thread(_put, self._writer, found[0]):
            await self._make_anew()
        elif found[0] or found[1] != self._writer.stamp:
            self._writer.reached(found[1])

    async def _has_forgotten(self, writer: IndexWriter) -> bool:
        """Whether the store has let go of so much, by retention, that the file should too."""
        self._review_at = time.monotonic() + _REVIEW_SECONDS
        objects, _ = await store_references.count(self._store)
        return objects < writer.entries * _FORGOTTEN

    async def _make_anew(self) -> None:
        """Fill a new file with the newest objects and put it in the old one's place."""
        objects, stamp = await store_references.count(self._store)
        kept = objects if objects < self._most else self._most * 3 // 4
        writer = await asyncio.to_thread(IndexWriter.create, self._folder, kept)
        try:
            async for page in store_references.newest(self._store, kept):
                if not await asyncio.to_thread(_put, writer, page):
                    break
            await asyncio.to_thread(writer.publish)
        except BaseException:
            writer.close()
            raise
        writer.reached(stamp)
        before, self._writer = self._writer, writer
        if before is not None:
            before.close()
        if objects > writer.entries:
            self.dropped += max(0, (before.entries if before is not None else objects) - writer.entries)
            self._note("the reference index is full: the oldest objects are let go", objects=objects, kept=writer.entries)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _put(writer: IndexWriter, entries: Iterable[Entry]) -> bool:
    """Whether all of them found room. Raises: OSError."""
    try:
        for key, origin in entries:
            writer.put(key, origin)
    except IndexFullError:
        return False
    return True
