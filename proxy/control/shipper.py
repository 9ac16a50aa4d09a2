"""Ships the spool of one `data_dir` to the store: every durable frame once, in the order of its epoch.

Reads only what the ledger's reader shows, which is what is synced. A pass reads at most about `PASS_BYTES` in a thread, makes one
batch per epoch, and writes each in one transaction with the place that follows it. A batch that could not be written is held and
tried again, and nothing more is read meanwhile, so a database that is away costs neither memory nor entries. Whatever dies when,
what is written twice changes nothing: the place in the store is the only thing that remembers.

The wrapped content keys go ahead of the contents sealed under them.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from proxy.control.arrivals import Arrivals
from proxy.control.process import Note, pause_unless
from proxy.core.clock import Clock, SystemClock
from proxy.ledger import reader
from proxy.ledger.epoch import Watermark
from proxy.ledger.reader import Cursor, EpochAt, Fault
from proxy.ledger.store import Store
from proxy.ledger.store_batch import Batch, BatchBuilder, Resealer
from proxy.ledger.store_errors import StoreError
from proxy.ledger.store_keys import KeyringReader
from proxy.ledger.store_ship import place_of, ship, ship_keys

PASS_BYTES = 2 * 1024 * 1024
"""Bytes of frames read before they are written: some 600 exchanges of 1 KB, and the bound of what a pass holds in memory."""

_LEAST_SHARE = 256 * 1024
_LINGER_SECONDS, _LONG_LINGER_SECONDS, _LONGEST_LINGER_SECONDS = 0.05, 0.2, 0.4
_MANY_ENTRIES, _MOST_ENTRIES = 64, 256
"""Entries of a pass after which the next waits longer, so that more of them share what a pass costs beside its rows; longest only
where nobody but this host waits for what is shipped.
"""

_LOOK_SECONDS, _LIST_SECONDS = 2.0, 0.5
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 5.0


@dataclass
class Progress:
    """Counts since the start (`entries` are those new to the store, `handled` all), and how things stand.

    `lag_*`: what is durable in the spool and not yet in the store. `away`: why the database could not be used at the last try.
    `complete`: the end has come, and everything is in the store. `arrivals`: tells of what is handled.
    """

    entries: int = 0
    batches: int = 0
    forks: int = 0
    incidents: int = 0
    retries: int = 0
    lag_entries: int = 0
    lag_seconds: float = 0.0
    away: str = ""
    complete: bool = False
    arrivals: Arrivals = field(default_factory=Arrivals)

    @property
    def handled(self) -> int:
        """Entries written since the start, whether the store had them or not."""
        return self.arrivals.count


@dataclass
class _Reading:
    """One epoch: what of it is in the store (`cursor`, `finished`), and what its writer last said (`mark`)."""

    epoch: EpochAt
    cursor: Cursor
    faults: list[Fault] = field(default_factory=list)
    mark: Watermark | None = None
    look_at: float = 0.0
    last_seq: int = 0
    finished: bool = False


@dataclass(frozen=True)
class _Held:
    """A batch that is read and not yet written, and whether its epoch ends with it."""

    reading: _Reading
    batch: Batch
    finished: bool


class Shipper:
    """One per control process. `run` is its duty; `progress` may be read at any time."""

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        keyring: KeyringReader,
        note: Note,
        clock: Clock | None = None,
        *,
        insist: bool = False,
    ) -> None:
        """With `insist`, a database that is away when the end has come is waited for: its records have no other home."""
        self.progress = Progress()
        self._insist = insist
        self._store = store
        self._spool = data_dir / "spool"
        self._keyring = keyring
        self._resealer = Resealer(keyring.cipher)
        self._note = note
        self._clock = clock or SystemClock()
        self._readings: dict[EpochAt, _Reading] = {}
        self._held: list[_Held] = []
        self._list_at = 0.0
        self._stamps: dict[Path, int] = {}
        self._full = False

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until `stop` is set, and then what is left, unless the database is away (`insist`: until it is not).

        Raises: OSError of the spool.
        """
        pause = _FIRST_PAUSE
        while True:
            stopping = stop.is_set()
            if stopping:
                self._list_at = 0.0
            before = self.progress.handled
            try:
                shipped = await self.pass_once(thorough=stopping)
            except StoreError as error:
                self._is_away(str(error))
                if stopping and not self._insist:
                    return
                await (asyncio.sleep(pause) if stopping else pause_unless(stop, pause))
                pause = min(pause * 2, _LAST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if stopping and not shipped:
                self.progress.complete = True
                return
            if self._full:
                continue
            if (handled := self.progress.handled - before) >= _MANY_ENTRIES:
                longest = handled >= _MOST_ENTRIES and self._store.dialect == "sqlite"
                await pause_unless(stop, _LONGEST_LINGER_SECONDS if longest else _LONG_LINGER_SECONDS)
            else:
                await asyncio.to_thread(self._watch, stop)

    async def pass_once(self, *, thorough: bool = False) -> bool:
        """Read and write once; True if there was anything. `thorough`: look at every epoch, however lately that was done.

        Raises: StoreUnavailableError; what was read is then held and written by the next call. OSError of the spool.
        """
        while not self._held and (new := await asyncio.to_thread(self._look, thorough=thorough)):
            for epoch in new:
                place = await place_of(self._store, epoch.instance, epoch.number)
                self._readings[epoch] = await asyncio.to_thread(_begun, epoch, place)
        if keys := self._keyring.fresh():
            await ship_keys(self._store, keys)
            self._keyring.shipped(keys)
        shipped = bool(self._held)
        while self._held:
            await self._write(self._held[0])
            del self._held[0]
        self._is_back()
        return shipped

    def place(self, epoch: EpochAt) -> tuple[Cursor, bool] | None:
        """How far an epoch is shipped and whether to its end; None when that is not known yet."""
        reading = self._readings.get(epoch)
        return (reading.cursor, reading.finished) if reading is not None else None

    def _watch(self, stop: asyncio.Event) -> None:
        """In a thread, until a writer says that there is more, a folder of the spool changes, it is time to look at everything, or
        `stop` is set. A turn of the loop and a hand-over to a thread for each look would be most of what an idle process costs.
        """
        now = time.monotonic()
        until, folders_at = now + _LOOK_SECONDS, now + _LIST_SECONDS
        marks = {reading.epoch.folder: reading.mark for reading in self._readings.values() if not reading.finished}
        with reader.watching(marks) as moved:
            while not stop.is_set() and (now := time.monotonic()) < until:
                time.sleep(_LINGER_SECONDS)
                if moved():
                    return
                if now >= folders_at:
                    if self._folders_changed():
                        return
                    folders_at = now + _LIST_SECONDS

    def _folders_changed(self) -> bool:
        """Whether epochs, or files of an epoch that is not finished, came or went; then everything is looked at again."""
        going = [reading.epoch.folder for reading in self._readings.values() if not reading.finished]
        folders = {self._spool, *(epoch.folder.parent for epoch in self._readings), *going}
        stamps = {folder: _changed_at(folder) for folder in folders}
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        for reading in self._readings.values():
            reading.look_at = 0.0
        return True

    def _look(self, *, thorough: bool) -> list[EpochAt]:
        """In a thread: read what there is, unless there are epochs that nobody has met; gives these."""
        now = time.monotonic()
        if now >= self._list_at:
            epochs = reader.epochs(self._spool)
            for gone in self._readings.keys() - set(epochs):
                del self._readings[gone]
            if new := [epoch for epoch in epochs if epoch not in self._readings]:
                return new
            self._list_at = now + _LIST_SECONDS
        self._held = self._read(thorough=thorough)
        return []

    def _read(self, *, thorough: bool) -> list[_Held]:
        """What every epoch has for the store, in a thread."""
        now = time.monotonic()
        waiting = [
            reading for reading in self._readings.values() if not reading.finished and _moved(reading, now, thorough=thorough)
        ]
        if waiting:
            self._keyring.refresh()
        share = max(PASS_BYTES // max(len(waiting), 1), _LEAST_SHARE)
        held: list[_Held] = []
        left = PASS_BYTES
        for reading in waiting:
            if left <= 0:
                reading.look_at = 0.0
                continue
            taken, item = self._take(reading, min(share, left))
            left -= taken
            if item is not None:
                held.append(item)
        self._full = left <= 0 or any(reading.look_at == 0.0 for reading in waiting)
        return held

    def _take(self, reading: _Reading, most: int) -> tuple[int, _Held | None]:
        """At most about `most` bytes of an epoch as one batch."""
        cursor, faults, taken, finished = reading.cursor, reading.faults, 0, False
        builder = BatchBuilder(reading.epoch.instance, reading.epoch.number, cursor, self._resealer)
        while taken < most and not finished:
            portion = reader.read(reading.epoch, cursor, most - taken)
            if portion.cursor == cursor and not portion.finished:
                break
            faults = [*faults, *portion.faults]
            for frame in portion.frames:
                builder.add(frame)
                taken += frame.end - frame.offset
            cursor, finished = portion.cursor, portion.finished
            if portion.current:
                break
        if taken >= most and not finished:
            reading.look_at = 0.0
        if cursor == reading.cursor and not finished:
            return taken, None
        for fault in faults:
            builder.fault(fault)
        return taken, _Held(reading, builder.finish(cursor), finished)

    async def _write(self, held: _Held) -> None:
        batch, reading = held.batch, held.reading
        shipped = await ship(self._store, batch)
        reading.cursor, reading.finished = batch.end, held.finished
        reading.faults = []
        progress = self.progress
        progress.entries += shipped.new
        progress.arrivals.add(len(batch.entries))
        progress.batches += 1
        progress.forks += shipped.forks
        progress.incidents += len(batch.incidents) + shipped.forks
        for row in batch.incidents:
            self._note(
                "the spool has an incident", kind=row[1], instance=batch.instance, epoch=batch.epoch, seq=row[4], detail=row[5]
            )
        if shipped.forks:
            self._note("entries contradict the store", forks=shipped.forks, instance=batch.instance, epoch=batch.epoch)

    def _is_away(self, reason: str) -> None:
        if not self.progress.away:
            self._note("the database is away; the spool keeps everything", reason=reason)
        self.progress.away = reason
        self.progress.retries += 1
        self._measure()

    def _is_back(self) -> None:
        if self.progress.away:
            self._note("the database is back")
            self.progress.away = ""
        self._measure()

    def _measure(self) -> None:
        progress = self.progress
        open_readings = [reading for reading in self._readings.values() if not reading.finished]
        progress.lag_entries = sum(max(0, reading.last_seq - reading.cursor.seq) for reading in open_readings)
        oldest = min((item.batch.entries[0][6] for item in self._held if item.batch.entries), default=None)
        progress.lag_seconds = max(0, self._clock.utc_us() - oldest) / 1_000_000 if oldest is not None else 0.0


def _changed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _begun(epoch: EpochAt, place: Cursor) -> _Reading:
    """Where to go on. An epoch that ends before the place in the store was replaced by an older copy of itself (a restored
    folder): it is read again from its start, and its entries are held against those in the store.
    """
    reading = _Reading(epoch, place)
    end = _end(epoch)
    if end is not None and end < place.seq:
        reading.faults = [Fault("rewound", place.segment, place.offset, end + 1, place.seq)]
        reading.cursor = Cursor()
    return reading


def _end(epoch: EpochAt) -> int | None:
    """The last number of an epoch as far as its files say; None when only a scan could tell."""
    if (closed := reader.closed(epoch.folder)) is not None:
        return closed.seq
    return reader.watermark(epoch.folder).seq if reader.is_live(epoch.folder) else None


def _moved(reading: _Reading, now: float, *, thorough: bool) -> bool:
    """Whether there may be more to read: the writer says so, or nobody looked for a while (a writer that died says nothing)."""
    mark = reader.watermark(reading.epoch.folder)
    reading.last_seq = max(mark.seq, reading.cursor.seq)
    if mark == reading.mark and now < reading.look_at and not thorough:
        return False
    reading.mark = mark
    reading.look_at = now + _LOOK_SECONDS
    return True
