"""Publishes snapshots: `data_dir/snapshot/current`, a base and deltas that gateways follow (docs/adr/0004-snapshot.md).

Entries come framed (`proxy.core.snapshot.put`) from two sources. The *configured* part comes from whoever compiles settings, the
*stored* part (principals and their credentials kept in the store) from whoever reads the store. Each part is kept beside, in
`snapshot/configured` and `snapshot/stored` with the same framing, so that `serve` compiles a whole first snapshot without opening a
store, and whoever brings one part needs not know the other.

Numbers grow by one with every change and across restarts. All writers take `snapshot/lock`, so a draining control process, its
successor and a command never write at once. Everything published is synced before it is in force.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.core import snapshot
from proxy.core.clock import SystemClock
from proxy.core.errors import TosProxyError

Key = tuple[str, str]
"""Section and name of an entry."""

Entries = dict[Key, bytes]
"""Framed entries by key, in the order of writing."""

_MOST_DELTA_BYTES = 1024 * 1024


class SameNameError(TosProxyError):
    """A principal or a key is both configured and stored; the message names it."""


class Publisher:
    """The one writer of a data folder's snapshot. Not for the event loop: each call may wait for the disk."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "snapshot"
        self._current = self._folder / "current"

    def configure(self, entries: Iterable[bytes]) -> int:
        """Put a new configured part in force beside the stored part. Returns the number then in force.

        Raises: SameNameError (nothing is changed), OSError.
        """
        return self._replace_part("configured", "stored", entries)

    def store(self, entries: Iterable[bytes]) -> int:
        """Put a new stored part in force beside the configured part. Returns the number then in force.

        Raises: SameNameError (nothing is changed), OSError.
        """
        return self._replace_part("stored", "configured", entries)

    def _replace_part(self, name: str, other: str, entries: Iterable[bytes]) -> int:
        part = _keyed(entries)
        with self._locked():
            beside = _read(self._folder / other)[1]
            configured, stored = (part, beside) if name == "configured" else (beside, part)
            whole = _joined(configured, stored)
            if part != _read(self._folder / name)[1]:
                self._replace(self._folder / name, snapshot.base(1, SystemClock.utc_us(), part.values()))
            return self._publish(whole)

    def number(self) -> int:
        """The number in force, 0 before the first."""
        return _read(self._current)[0]

    def stamp(self) -> tuple[int, int, int] | None:
        """Changes whenever something is published; None before the first."""
        try:
            found = self._current.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def entries(self) -> Entries:
        """What is in force."""
        return _read(self._current)[1]

    def _publish(self, wanted: Entries) -> int:
        text = _bytes(self._current)
        number, entries, whole = _parse(text)
        if number and entries == wanted:
            return number
        number += 1
        delta = _delta(entries, wanted, number)
        small = len(text) + len(delta) <= _MOST_DELTA_BYTES + 2 * sum(map(len, wanted.values()))
        if number > 1 and whole == len(text) and small:
            with self._current.open("ab") as file:
                file.write(delta)
                file.flush()
                os.fsync(file.fileno())
        else:
            self._replace(self._current, snapshot.base(number, SystemClock.utc_us(), wanted.values()))
        return number

    def _replace(self, path: Path, text: bytes) -> None:
        beside = path.with_name(f".{path.name}.new")
        with beside.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _keyed(entries: Iterable[bytes]) -> Entries:
    keyed: Entries = {}
    for framed in entries:
        for line in snapshot.lines(framed):
            if line.put is None or line.name is None:
                raise ValueError("an entry of a snapshot puts something in force")
            keyed[line.put, line.name] = framed
    return keyed


def _joined(configured: Entries, stored: Entries) -> Entries:
    both = configured.keys() & stored.keys()
    if both:
        section, name = max(both)  # a principal before its keys
        what = f"the principal {name}" if section == "principal" else f"the key key:{name[:12]}"
        raise SameNameError(f"{what} is both configured and stored: rename or remove one of them")
    return {**configured, **stored}


def _delta(before: Entries, wanted: Entries, number: int) -> bytes:
    dropped = [snapshot.frame({"drop": section, "name": name}) for section, name in before if (section, name) not in wanted]
    put = [line for key, line in wanted.items() if before.get(key) != line]
    return b"".join([*dropped, *put, snapshot.frame({"commit": number})])


def _read(path: Path) -> tuple[int, Entries]:
    return _parse(_bytes(path))[:2]


def _parse(text: bytes) -> tuple[int, Entries, int]:
    """Number and entries in force in a snapshot's bytes, and where the last commit ends; `(0, {}, 0)` when there is none."""
    number, entries, whole = 0, Entries(), 0
    pending: list[tuple[Key, bytes | None]] = []
    at = 0
    for line, raw in zip(snapshot.lines(text), text.split(b"\n"), strict=False):
        at += len(raw) + 1
        if line.commit is not None:
            for key, framed in pending:
                if framed is None:
                    entries.pop(key, None)
                else:
                    entries[key] = framed
            pending, number, whole = [], line.commit, at
        elif line.put is not None and line.name is not None:
            pending.append(((line.put, line.name), raw + b"\n"))
        elif line.drop is not None and line.name is not None:
            pending.append(((line.drop, line.name), None))
        elif line.format is not None and line.format != snapshot.SNAPSHOT_FORMAT:
            break
    return number, entries, whole
