"""Content keys on their way to the store and to readers: from the keyring's files, or from the store's wrapped copies.

A key is named `<instance>/<key id>` in the store: the same text that its wrapping is bound to.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.ledger.keyring import LIVE, Slot, key_id, parse_slots
from proxy.ledger.store_rows import Row

_WRAP_NONCE_BYTES = 12


def stored_name(instance: str, key: str) -> str:
    """How the store names a content key."""
    return f"{instance}/{key}"


def unwrap_stored(master: AESGCM, name: str, wrapped: bytes | None) -> AESGCM | None:
    """The cipher of a key as the store holds it, None when it was destroyed or the master key is another one."""
    if not wrapped:
        return None
    try:
        return AESGCM(master.decrypt(wrapped[:_WRAP_NONCE_BYTES], wrapped[_WRAP_NONCE_BYTES:], name.encode()))
    except InvalidTag:
        return None


def _keys_files(folder: str) -> Iterator[str]:
    """Every month's file of every instance."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as homes:
        for home in homes:
            with contextlib.suppress(NotADirectoryError, FileNotFoundError), os.scandir(home) as files:
                yield from (file.path for file in files if file.name.endswith(".keys"))


class KeyringReader:
    """Follows the keyring of a `data_dir`. `refresh` reads files that changed; `cipher` and `fresh` answer from what was read."""

    def __init__(self, data_dir: Path, master: bytes) -> None:
        self._folder = data_dir / "keyring"
        self._master = AESGCM(master)
        self._seen: dict[str, tuple[int, int]] = {}
        self._rows: dict[str, Row] = {}
        self._by_file: dict[Path, set[str]] = {}
        self._unshipped: set[str] = set()
        self._ciphers: dict[str, AESGCM | None] = {}
        self._may_look = True

    def refresh(self) -> None:
        """Look at every month's file again; an erased key is forgotten at once. Raises: OSError."""
        self._look()
        self._may_look = True

    def _look(self) -> None:
        for name in _keys_files(str(self._folder)):
            status = os.stat(name)  # noqa: PTH116 - as often as something is shipped: no object of a path
            stamp = (status.st_mtime_ns, status.st_size)
            if self._seen.get(name) != stamp:
                self._read(Path(name))
                self._seen[name] = stamp

    def _read(self, path: Path) -> None:
        instance, month = path.parent.name, path.stem
        rows = (self._row(instance, month, slot) for slot in parse_slots(path.read_bytes()) if slot.state == LIVE)
        live = {row[0]: row for row in rows}
        gone = self._by_file.get(path, set()) - live.keys()
        for name in gone:
            self._rows.pop(name, None)
            self._ciphers.pop(name, None)
            self._unshipped.discard(name)
        self._unshipped |= live.keys() - self._rows.keys()
        self._rows.update(live)
        self._by_file[path] = set(live)
        self._ciphers = {name: cipher for name, cipher in self._ciphers.items() if cipher is not None}

    @staticmethod
    def _row(instance: str, month: str, slot: Slot) -> Row:
        name = stored_name(instance, key_id(month, slot.number))
        return (name, instance, slot.principal.hex(), month, slot.nonce + slot.wrapped)

    def cipher(self, name: str) -> AESGCM | None:
        """The cipher of a key by its stored name; None when it is not there or does not open under the master key."""
        try:
            return self._ciphers[name]
        except KeyError:
            if name not in self._rows and self._may_look:
                # a key may be made between a refresh and the frames read after it; asked for once, lost keys cost nothing
                self._may_look = False
                self._look()
            row = self._rows.get(name)
            cipher = self._ciphers[name] = unwrap_stored(self._master, name, row[4]) if row is not None else None
            return cipher

    def fresh(self) -> list[Row]:
        """Keys that `shipped` was not told of yet, as rows of the store."""
        return [self._rows[name] for name in sorted(self._unshipped)]

    def shipped(self, rows: list[Row]) -> None:
        """These are in the store."""
        self._unshipped -= {row[0] for row in rows}
