"""A disk whose calls fail on demand: the n-th one, or all from the n-th on until it is well again."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proxy.ledger.disk import Disk
from tests.waiting import PATIENCE

FAULTS: dict[str, int] = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EROFS": errno.EROFS, "EINTR": errno.EINTR, "short": 0}
CHANGING = [
    "open",
    "write",
    "sync",
    "sync_folder",
    "truncate",
    "allocate",
    "make_folder",
    "rename",
    "link",
    "remove",
    "remove_folder",
    "map",
    "lock",
]


class FaultDisk(Disk):
    """Counts the calls that can fail. From number `at` on, `lasting` of them (-1: until `heal`) fail with `fault`.

    `short` lets a write take half of what it is offered; other calls then succeed. `swallow`: the planted fault of a writer
    that overlooks errors, for the red twin.
    """

    def __init__(self, fault: str = "EIO", at: int = -1, lasting: int = 1, *, swallow: bool = False) -> None:
        self._lock = threading.Lock()
        self._swallow = swallow
        self.fault = fault
        self.at = at
        self.lasting = lasting
        self.count = 0
        self.failed: list[str] = []

    def heal(self) -> None:
        """Nothing fails any more."""
        self.at = -1

    def fall_ill(self, fault: str, lasting: int = -1) -> None:
        """Fail from the next call on."""
        self.fault, self.lasting, self.at = fault, lasting, self.count

    def _due(self, name: str) -> bool:
        with self._lock:
            number, self.count = self.count, self.count + 1
            due = self.at >= 0 and number >= self.at and (self.lasting < 0 or number < self.at + self.lasting)
            if due:
                self.failed.append(name)
            return due

    def _fail(self) -> OSError:
        return OSError(FAULTS[self.fault], os.strerror(FAULTS[self.fault]))

    def write(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        if not self._due("write"):
            return super().write(fd, buffers, offset)
        if self._swallow:
            return sum(map(len, buffers))
        joined = b"".join(buffers)
        written = super().write(fd, [joined[: max(1, len(joined) // 2)]], offset)
        if self.fault != "short":
            raise self._fail()
        return written

    def __getattribute__(self, name: str) -> Any:
        call = super().__getattribute__(name)
        if name not in CHANGING or name == "write":
            return call

        def checked(*args: Any, **named: Any) -> Any:
            if self._due(name) and self.fault != "short":
                if self._swallow and name == "sync":
                    return None
                raise self._fail()
            return call(*args, **named)

        return checked


class SmallDisk(Disk):
    """A disk with `size` bytes for content: writing past that fails with ENOSPC, as on a full one, once a part was taken."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken: dict[int, int] = {}

    @property
    def free(self) -> int:
        """Bytes that can still be taken."""
        return self.size - sum(self._taken.values())

    def _grow(self, fd: int, end: int) -> int:
        """How far the file may grow towards `end`."""
        file = os.fstat(fd).st_ino
        have = self._taken.get(file, 0)
        allowed = min(end, have + max(0, self.free))
        self._taken[file] = max(have, allowed)
        return max(have, allowed)

    def write(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        joined = b"".join(buffers)
        end = self._grow(fd, offset + len(joined))
        if end <= offset:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, [joined[: end - offset]], offset)

    def allocate(self, fd: int, size: int) -> None:
        if self._grow(fd, size) < size:
            self._taken[os.fstat(fd).st_ino] = 0
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().allocate(fd, size)

    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        file = os.fstat(fd).st_ino
        self._taken[file] = min(size, self._taken.get(file, 0))

    def remove(self, path: Path) -> None:
        file = path.stat().st_ino if path.exists() else 0
        super().remove(path)
        self._taken.pop(file, None)


class StuckDisk(Disk):
    """A disk whose syncs do not return while it is stuck. `sick`: once they do, they fail. `holds`: a sync waits."""

    def __init__(self) -> None:
        self.sick = False
        self.holds = threading.Event()
        self._free = threading.Event()
        self._free.set()

    def stick(self) -> None:
        """From now on syncs wait."""
        self.holds.clear()
        self._free.clear()

    def free(self) -> None:
        """They go on."""
        self._free.set()

    def sync(self, fd: int) -> None:
        self.holds.set()
        self._free.wait(PATIENCE)
        if self.sick:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(fd)
