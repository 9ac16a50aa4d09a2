"""What the spool's thread does: make batches durable, survive a bad segment, notice tampering, probe a sick disk.

Sequential and without an event loop; one batch is under way at a time, so the unacknowledged frames are always those of one
batch. A batch that could not be made durable, also not in a new segment, ends the epoch: its numbers are never used again.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from proxy.core.clock import Clock
from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import epoch as epochs
from proxy.ledger.batch import Batch
from proxy.ledger.content_keys import ContentKeys
from proxy.ledger.disk import Disk
from proxy.ledger.epoch import Epoch
from proxy.ledger.segment_file import Segment, SpoolDamagedError

RESERVE_BYTES = 8 * 1024 * 1024
USAGE_SECONDS = 1.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Committer:
    """Owns the files of one instance. `used` is the size of the whole spool, all instances, in bytes.

    `sync_ns`: nanoseconds spent in writing and syncing batches. `ended`: epochs that a failure ended, their locks still held.
    `tight`: the disk is full and the reserve was given back for what must still be written; no new exchange may begin.
    """

    def __init__(self, disk: Disk, data_dir: Path, instance: str, keys: ContentKeys, clock: Clock) -> None:
        self._disk = disk
        self._data_dir = data_dir
        self._spool = data_dir / "spool"
        self._reserve = self._spool / instance / "reserve"
        self._keys = keys
        self._clock = clock
        self._next_usage = 0
        self.instance = instance
        self.epoch: Epoch | None = None
        self.used = 0
        self.tight = False
        self.commits = 0
        self.sync_ns = 0
        self.failures = 0
        self.ended: list[Epoch] = []

    def start(self) -> Epoch:
        """A new epoch to commit to, once it is written where those before it ended. Raises: OSError."""
        for ended in self.ended:
            ended.end()
        self.epoch = epochs.create(self._disk, self._data_dir, self.instance, self._clock)
        self._take_reserve()
        self._measure()
        return self.epoch

    def commit(self, batch: Batch) -> LedgerUnavailableError | None:
        """Make a batch durable, in another segment if need be. Without success the epoch has ended; `epoch` is then None."""
        epoch = self.epoch
        if epoch is None or epoch.number != batch.epoch:
            return LedgerUnavailableError("the ledger cannot be written: its epoch has ended")
        try:
            if batch.keys:
                self._keys.store(batch.keys)
                batch.keys = None
            began = self._clock.monotonic_ns()
            batch.base = epoch.append(batch.buffers, batch.size, batch.last_seq)
            self.sync_ns += self._clock.monotonic_ns() - began
        except Exception as error:  # noqa: BLE001 - a thread that dies would leave every exchange waiting for ever
            return self._again(epoch, batch, error)
        self._done(epoch, batch)
        return None

    def _done(self, epoch: Epoch, batch: Batch) -> None:
        batch.segment = epoch.segment
        self.used += batch.size
        self.commits += 1

    def _again(self, epoch: Epoch, batch: Batch, error: Exception) -> LedgerUnavailableError | None:
        """The poisoned segment is left; the batch goes to a new one, or the epoch ends."""
        self.failures += 1
        poisoned, first = epoch.segment, epoch.first_seq
        self._make_room(error)
        try:
            if batch.keys:
                self._keys.store(batch.keys)
                batch.keys = None
            batch.base = epoch.rewrite(batch.buffers, batch.size, batch.last_seq)
        except Exception as second:  # noqa: BLE001 - as in `commit`
            self.failures += 1
            self.epoch = None
            self.ended.append(epoch)
            return LedgerUnavailableError(_reason(second))
        batch.incident = _incident(error, poisoned, first, epoch.first_seq)
        self._done(epoch, batch)
        return None

    def _make_room(self, error: Exception) -> None:
        if isinstance(error, OSError) and error.errno in _FULL:
            self.tight = True
            with contextlib.suppress(OSError):
                self._disk.remove(self._reserve)

    def watch(self) -> dict[str, str | int] | None:
        """What is due four times a second: the open segment under its name, erased keys, the next segment, used space, the reserve.

        Returns: details of an incident, when the open segment was tampered with; the next one is begun already.
        Should no new one be to be had, the commit of the mark will find out.
        """
        epoch = self.epoch
        if epoch is None:
            return None
        self._keys.watch()
        if self._clock.monotonic_ns() >= self._next_usage:
            self._next_usage = self._clock.monotonic_ns() + int(USAGE_SECONDS * 1e9)
            self._measure()
            if self.tight:
                self._take_reserve()
        try:
            epoch.segment.check(name=True)
            epoch.segment.extend()
            epoch.prepare()
        except SpoolDamagedError as error:
            return self._leave(epoch, error)
        except OSError as fault:
            self._make_room(fault)
        return None

    def _leave(self, epoch: Epoch, error: SpoolDamagedError) -> dict[str, str | int]:
        """Go on in a new segment after the open one was tampered with."""
        self.failures += 1
        poisoned, first = epoch.segment, epoch.first_seq
        with contextlib.suppress(OSError):
            epoch.begin(poisoned.size)
        return _incident(error, poisoned, first, epoch.first_seq)

    def probe(self) -> Epoch | None:
        """After the epoch ended: a new one if the disk takes writes again."""
        try:
            return self.start()
        except OSError:
            return None

    def close(self, *, whole: bool) -> None:
        """Give the files up. `whole`: every exchange has ended, so the epoch is closed."""
        epoch, self.epoch = self.epoch, None
        if epoch is not None:
            if whole:
                with contextlib.suppress(OSError):
                    epoch.close()
            epoch.release()
        for ended in self.ended:
            ended.release()

    def _measure(self) -> None:
        """Sum up the segments; others write and remove them too."""
        used = 0
        for instance in _entries(self._spool):
            for folder in _entries(instance):
                for file in _entries(folder):
                    with contextlib.suppress(OSError):
                        used += os.stat(file).st_size  # noqa: PTH116 - thousands of names, four times a second
        self.used = used

    def _take_reserve(self) -> None:
        """Hold back space for what must be written when the disk is full."""
        try:
            fd = self._disk.open(self._reserve, os.O_RDWR | os.O_CREAT)
            try:
                self._disk.allocate(fd, RESERVE_BYTES)
            finally:
                self._disk.close(fd)
        except OSError:
            self.tight = True
            with contextlib.suppress(OSError):
                self._disk.remove(self._reserve)
            return
        self.tight = False


def _entries(folder: Path | str) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return [entry.path for entry in found if entry.is_dir(follow_symlinks=False) or entry.name.endswith(".seg")]
    except OSError:
        return []


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"the ledger cannot be written: {errno.errorcode.get(error.errno, error.errno)} {error.strerror}"
    return f"the ledger cannot be written: {error!r}"


def _incident(error: Exception, poisoned: Segment, first: int, following: int) -> dict[str, str | int]:
    """What the mark says. Entries are lost only if the segment's own bytes went, not if a write or sync failed."""
    detail: dict[str, str | int] = {"cause": _reason(error), "segment": poisoned.number}
    if isinstance(error, SpoolDamagedError) and following > first:
        detail |= {"lost_from": first, "lost_to": following - 1}
    return detail
