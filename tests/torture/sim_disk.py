"""A disk that remembers every call, and what a power cut at any of them may leave.

`RecordingDisk` works on a real folder and keeps a list of what it did. `image` builds, in another folder, one of the states that
the device may be in when the power went after the n-th call: what was synced is there; of what was not, any subset of 512-byte
sectors, in any order, and any subset of new names. Worse than most file systems do, and never better.
"""

from __future__ import annotations

import mmap
import os
import random
import threading
from collections.abc import Sequence
from pathlib import Path

from proxy.ledger.disk import Disk

SECTOR = 512


class Call:
    """One thing done to the disk: `kind`, the file (by inode) or names concerned, what was written where."""

    __slots__ = ("content", "file", "kind", "offset", "path", "target")

    def __init__(
        self, kind: str, file: int = 0, path: Path = Path(), target: Path = Path(), content: bytes = b"", offset: int = 0
    ) -> None:
        self.kind = kind
        self.file = file
        self.path = path
        self.target = target
        self.content = content
        self.offset = offset


class RecordingDisk(Disk):
    """Does what it is asked and writes it down; calls of several threads are one after the other."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[Call] = []
        self.maps: list[tuple[int, Path, mmap.mmap]] = []
        self._lock = threading.RLock()

    def stamp(self) -> int:
        """How many calls there were."""
        return len(self.calls)

    def _note(self, kind: str, **what: object) -> None:
        self.calls.append(Call(kind, **what))  # type: ignore[arg-type] # fields by name

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        with self._lock:
            fresh = not path.exists()
            fd = super().open(path, flags, mode)
            if fresh:
                self._note("create", file=os.fstat(fd).st_ino, path=path)
            elif flags & os.O_TRUNC:
                self._note("truncate", file=os.fstat(fd).st_ino, offset=0)
            return fd

    def write(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        with self._lock:
            written = super().write(fd, buffers, offset)
            self._note("write", file=os.fstat(fd).st_ino, content=b"".join(buffers)[:written], offset=offset)
            return written

    def sync(self, fd: int) -> None:
        """Nothing is really synced: the machine this runs on does not lose power."""
        with self._lock:
            self._note("sync", file=os.fstat(fd).st_ino)

    def sync_folder(self, path: Path) -> None:
        with self._lock:
            self._note("sync_folder", path=path)

    def truncate(self, fd: int, size: int) -> None:
        with self._lock:
            super().truncate(fd, size)
            self._note("truncate", file=os.fstat(fd).st_ino, offset=size)

    def allocate(self, fd: int, size: int) -> None:
        """The reserve is of no interest after a cut."""

    def make_folder(self, path: Path) -> None:
        with self._lock:
            super().make_folder(path)
            self._note("folder", path=path)

    def rename(self, source: Path, target: Path) -> None:
        with self._lock:
            super().rename(source, target)
            self._note("rename", path=source, target=target)

    def link(self, source: Path, target: Path) -> None:
        with self._lock:
            super().link(source, target)
            self._note("link", path=source, target=target)

    def remove(self, path: Path) -> None:
        with self._lock:
            super().remove(path)
            self._note("remove", path=path)

    def remove_folder(self, path: Path) -> None:
        with self._lock:
            super().remove_folder(path)
            self._note("remove", path=path)

    def map(self, fd: int, size: int) -> mmap.mmap:
        """Mapped memory reaches the device when the system likes; that is tried by `image` too."""
        with self._lock:
            mapped = super().map(fd, size)
            self._note("map", file=os.fstat(fd).st_ino, offset=len(self.maps), content=bytes(size))
            self.maps.append((os.fstat(fd).st_ino, self.root, mapped))
            return mapped


class _File:
    """A file as the device has it (`durable`) and what was done since its last sync."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.waiting: list[Call] = []

    def sync(self) -> None:
        for call in self.waiting:
            _apply(self.durable, call, 0, len(call.content))
        self.waiting = []

    def after_cut(self, choose: random.Random) -> bytes:
        content = bytearray(self.durable)
        keep = choose.choice((0.0, 0.5, 0.9, 1.0))
        for call in self.waiting:
            if call.kind == "truncate":
                if choose.random() < keep:
                    _apply(content, call, 0, 0)
                continue
            start = 0
            while start < len(call.content):
                end = min(len(call.content), start + SECTOR - (call.offset + start) % SECTOR)
                if choose.random() < keep:
                    _apply(content, call, start, end)
                start = end
        return bytes(content)


def _apply(content: bytearray, call: Call, start: int, end: int) -> None:
    if call.kind == "truncate":
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
        return
    at = call.offset + start
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + end - start] = call.content[start:end]


class Device:
    """Plays calls forward; `image` may be asked for after any of them."""

    def __init__(self, root: Path, calls: list[Call]) -> None:
        self._root = root
        self._calls = calls
        self._files: dict[int, _File] = {}
        self._names: dict[Path, int] = {}
        self._folders: set[Path] = {root}
        self._live: dict[Path, int] = {}
        self._waiting: list[Call] = []
        self.at = 0

    def forward(self, to: int) -> None:
        """Play calls up to, not including, number `to`."""
        for call in self._calls[self.at : to]:
            self._play(call)
        self.at = max(self.at, to)

    def _play(self, call: Call) -> None:
        if call.kind in ("write", "truncate"):
            self._files.setdefault(call.file, _File()).waiting.append(call)
        elif call.kind == "sync":
            self._files.setdefault(call.file, _File()).sync()
        elif call.kind == "sync_folder":
            self._waiting = [one for one in self._waiting if not self._settles(one, call.path)]
        elif call.kind != "map":
            if call.kind == "create":
                self._live[call.path] = call.file
            elif call.kind in ("rename", "link"):
                call.file = self._live[call.path]
                self._live[call.target] = call.file
            self._waiting.append(call)

    def _settles(self, call: Call, folder: Path) -> bool:
        named = call.target if call.kind in ("rename", "link") else call.path
        if named.parent != folder:
            return False
        _rename(call, self._names, self._folders)
        return True

    def image(self, folder: Path, seed: int) -> None:
        """Write one possible state into an empty folder."""
        choose = random.Random(seed)
        names, folders = dict(self._names), set(self._folders)
        keep = choose.choice((0.0, 0.5, 1.0))
        for call in self._waiting:
            if choose.random() < keep:
                _rename(call, names, folders)
        for path in sorted(folders):
            if path.parent in folders and path != self._root:
                (folder / path.relative_to(self._root)).mkdir(parents=True, exist_ok=True)
        for path, file in names.items():
            place = folder / path.relative_to(self._root)
            if place.parent.is_dir():
                place.write_bytes(self._files.setdefault(file, _File()).after_cut(choose))


def _rename(call: Call, names: dict[Path, int], folders: set[Path]) -> None:
    if call.kind == "folder":
        folders.add(call.path)
    elif call.kind == "create":
        names[call.path] = call.file
    elif call.kind == "remove":
        names.pop(call.path, None)
        folders.discard(call.path)
    else:
        names[call.target] = call.file
        if call.kind == "rename":
            names.pop(call.path, None)
