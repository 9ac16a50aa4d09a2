"""Follows the snapshot file: bases by inode, deltas by size, entries bounded in time; everything slow happens in a thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from proxy.core import snapshot
from proxy.core.clock import Clock
from proxy.core.errors import TosProxyError
from proxy.core.snapshot import Line

POLL_SECONDS = 0.25
Entries = dict[str, dict[str, Line]]


class SnapshotError(TosProxyError):
    """The snapshot cannot be read as one of this version."""


class _Built(NamedTuple):
    """A snapshot ready to come into force; `next_flip` is when a bound of its entries is reached next, in µs since 1970."""

    house: object
    number: int
    entries: Entries
    next_flip: int | None


class SnapshotFollower:
    """Reads `current` and calls `changed(number, entries)` for each number that comes into force; keeps the last good one.

    `changed` runs in the thread that read the file; what it returns is handed to `swap` on the loop.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        changed: Callable[[int, Entries], object],
        swap: Callable[[object], None],
        complain: Callable[[str], None],
    ) -> None:
        self._path = path
        self._clock = clock
        self._changed = changed
        self._swap = swap
        self._complain = complain
        self._file = (0, 0, 0)
        self._entries: Entries = {}
        self._next_flip: int | None = None
        self._complaints: set[str] = set()
        self._refreshing = asyncio.Lock()
        self.number = 0

    def load(self) -> None:
        """Read the first snapshot.

        Raises: SnapshotError, OSError.
        """
        found = self._read()
        if found is None:
            raise SnapshotError(f"{self._path} holds no committed snapshot")
        self._take(found)

    async def follow(self) -> None:
        """Look for changes until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.refresh(loop)

    async def refresh(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look once; whoever looks meanwhile waits, so that what was read first is in force first."""
        async with self._refreshing:
            if not self._due():
                return
            taken = False
            try:
                found = await loop.run_in_executor(None, self._read)
                if found is not None:
                    self._take(found)
                    taken = True
                    self._complaints.clear()
            except Exception as error:  # noqa: BLE001 - a bad snapshot must not end a gateway that works with the last good one
                self._refuse(error)
            if taken or not self._flip_due():
                return
            try:  # the last good one's bounds hold however bad its successor is
                self._take(await loop.run_in_executor(None, self._build, self.number, self._entries))
            except Exception as error:  # noqa: BLE001 - nor must this; it is tried again
                self._refuse(error)

    def _take(self, built: _Built) -> None:
        self._swap(built.house)
        self.number, self._entries, self._next_flip = built.number, built.entries, built.next_flip

    def _refuse(self, error: Exception) -> None:
        if str(error) not in self._complaints:
            self._complaints.add(str(error))
            self._complain(f"the snapshot is not taken, the last good one stays: {error}")

    def _flip_due(self) -> bool:
        return self._next_flip is not None and self._clock.utc_us() >= self._next_flip

    def _due(self) -> bool:
        if self._flip_due():
            return True
        try:
            return _identity(self._path.stat()) != self._file
        except OSError:
            return False

    def _read(self) -> _Built | None:
        """What the file says, built; None when nothing in it is committed.

        Raises: SnapshotError, OSError, or what building raises.
        """
        with self._path.open("rb") as file:
            self._file = _identity(os.fstat(file.fileno()))  # before reading: what is appended meanwhile is looked at again
            text = file.read()
        entries, number = committed(text)
        if number == 0:
            return None
        if number < self.number:
            raise SnapshotError(f"the snapshot has number {number}, and {self.number} is in force")
        return self._build(number, entries)

    def _build(self, number: int, entries: Entries) -> _Built:
        """What holds now, built, and when that changes next."""
        now = self._clock.utc_us()
        house = self._changed(number, _in_force(entries, now))
        bounds = (bound for lines in entries.values() for line in lines.values() for bound in (line.from_, line.until))
        next_flip = min((bound for bound in bounds if bound is not None and bound > now), default=None)
        return _Built(house, number, entries, next_flip)


def _identity(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _in_force(entries: Entries, now: int) -> Entries:
    return {
        section: {
            name: line
            for name, line in lines.items()
            if (line.from_ is None or line.from_ <= now) and (line.until is None or now < line.until)
        }
        for section, lines in entries.items()
    }


def committed(text: bytes) -> tuple[Entries, int]:
    """(entries up to the last commit, its number; 0 when nothing is committed).

    Raises: SnapshotError for a format that is not ours.
    """
    entries: Entries = {}
    pending: list[Line] = []
    number = 0
    for line in snapshot.lines(text):
        if line.format is not None and line.format != snapshot.SNAPSHOT_FORMAT:
            raise SnapshotError(f"the snapshot has format {line.format}, this version reads {snapshot.SNAPSHOT_FORMAT}")
        if line.commit is None:
            pending.append(line)
            continue
        for entry in pending:
            if entry.put is not None and entry.name is not None:
                entries.setdefault(entry.put, {})[entry.name] = entry
            elif entry.drop is not None and entry.name is not None:
                entries.get(entry.drop, {}).pop(entry.name, None)
        pending.clear()
        number = line.commit
    return entries, number
