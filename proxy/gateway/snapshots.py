"""Follows the snapshot file: bases by inode, deltas by size, entries bounded in time; everything slow happens in a thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from proxy.core import snapshot
from proxy.core.clock import Clock
from proxy.core.errors import TosProxyError
from proxy.core.snapshot import Line

POLL_SECONDS = 0.25
Entries = dict[str, dict[str, Line]]


class SnapshotError(TosProxyError):
    """The snapshot cannot be read as one of this version."""


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
        self._complaint = ""
        self.number = 0

    def load(self) -> None:
        """Read the first snapshot.

        Raises: SnapshotError, OSError.
        """
        house = self._read()
        if house is None:
            raise SnapshotError(f"{self._path} holds no committed snapshot")
        self._swap(house)

    async def follow(self) -> None:
        """Look for changes until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.refresh(loop)

    async def refresh(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look once."""
        if not self._due():
            return
        try:
            house = await loop.run_in_executor(None, self._read)
        except Exception as error:  # noqa: BLE001 - a bad snapshot must not end a gateway that works with the last good one
            house = None
            if str(error) != self._complaint:
                self._complaint = str(error)
                self._complain(f"the snapshot is not taken, the last good one stays: {error}")
        else:
            self._complaint = ""
        if house is None and self._flip_due():  # the last good one's bounds hold however bad its successor is
            house = await loop.run_in_executor(None, self._build, self.number, self._entries)
        if house is not None:
            self._swap(house)

    def _flip_due(self) -> bool:
        return self._next_flip is not None and self._clock.utc_us() >= self._next_flip

    def _due(self) -> bool:
        if self._flip_due():
            return True
        try:
            return _identity(self._path.stat()) != self._file
        except OSError:
            return False

    def _read(self) -> object | None:
        with self._path.open("rb") as file:
            self._file = _identity(os.fstat(file.fileno()))  # before reading: what is appended meanwhile is looked at again
            text = file.read()
        entries, number = committed(text)
        if number == 0:
            return None
        house = self._build(number, entries)
        self._entries, self.number = entries, number
        return house

    def _build(self, number: int, entries: Entries) -> object:
        """What holds now, built; remembers when that changes next."""
        now = self._clock.utc_us()
        house = self._changed(number, _in_force(entries, now))
        bounds = (bound for lines in entries.values() for line in lines.values() for bound in (line.from_, line.until))
        self._next_flip = min((bound for bound in bounds if bound is not None and bound > now), default=None)
        return house


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
