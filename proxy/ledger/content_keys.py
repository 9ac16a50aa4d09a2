"""The writer's side of the keyring: the content key of a principal this month, at the cost of a dictionary look-up.

Lives on the event loop's thread, except `store` and `watch`, which the spool's thread calls. A key that was made here is usable
at once; its slot waits in `take` and goes to disk with, and ahead of, the first commit that needs it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.clock import Clock
from proxy.ledger import keyring
from proxy.ledger.disk import Disk
from proxy.ledger.record import Content

_KEPT = 8192

NewSlots = dict[Path, list[bytes]]


class ContentKey:
    """A key in use: `name` as evidence has it, its cipher, and the two `Content` values that need no count of pieces."""

    __slots__ = ("cipher", "digests", "full", "name")

    def __init__(self, name: str, key: bytes) -> None:
        self.name = name
        self.cipher = AESGCM(key)
        self.full = Content("full", name)
        self.digests = Content("digests", name)


class ContentKeys:
    """Keys of one instance, this month's."""

    def __init__(self, data_dir: Path, instance: str, master: bytes, clock: Clock, disk: Disk) -> None:
        self._folder = data_dir / "keyring" / instance
        self._instance = instance
        self._master = AESGCM(master)
        self._clock = clock
        self._disk = disk
        self._keys: dict[str, ContentKey] = {}
        self._slots: dict[bytes, tuple[int, bytes]] = {}
        self._new: NewSlots = {}
        self._until = 0
        self._erasures = 0
        self._stale = False
        self.month = ""

    def current(self, principal: str) -> ContentKey:
        """The principal's key of this month; made if there is none yet."""
        if self._stale or self._clock.utc_us() >= self._until:
            self._begin_month()
        key = self._keys.get(principal)
        return key if key is not None else self._find(principal)

    def take(self) -> NewSlots | None:
        """Slots that are not on disk yet; whoever takes them stores them or gives them back."""
        if not self._new:
            return None
        taken, self._new = self._new, {}
        return taken

    def give_back(self, slots: NewSlots) -> None:
        """What could not be stored, to go with the next commit."""
        for path, raw in slots.items():
            self._new[path] = raw + self._new.get(path, [])

    def store(self, slots: NewSlots) -> None:
        """Make slots durable (spool's thread). Raises: OSError."""
        for path, raw in slots.items():
            keyring.append_slots(self._disk, path, raw)

    def watch(self) -> None:
        """Notice that keys were erased by another process (spool's thread)."""
        try:
            with self._path().open("rb") as file:
                self._stale |= keyring.erasures(file.read(keyring.SLOT_BYTES)) != self._erasures
        except OSError:
            return

    def _path(self) -> Path:
        return self._folder / f"{self.month}.keys"

    def _begin_month(self) -> None:
        """Read what earlier runs made. Slots of the month before that are still to be stored stay with their file."""
        now = datetime.fromtimestamp(self._clock.utc_us() / 1_000_000, UTC)
        after = now.replace(
            year=now.year + now.month // 12, month=now.month % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0
        )
        self.month = f"{now:%Y-%m}"
        self._until = int(after.timestamp()) * 1_000_000
        self._stale = False
        try:
            content = self._path().read_bytes()
        except FileNotFoundError:
            content = b""
        self._erasures = keyring.erasures(content)
        self._slots = {
            s.principal: (s.number, s.nonce + s.wrapped) for s in keyring.parse_slots(content) if s.state == keyring.LIVE
        }
        self._keys = {}

    def _find(self, principal: str) -> ContentKey:
        if len(self._keys) >= _KEPT:
            del self._keys[next(iter(self._keys))]
        known = self._slots.get(keyring.principal_digest(principal))
        key = self._make(principal) if known is None else self._unwrapped(principal, *known)
        self._keys[principal] = key
        return key

    def _unwrapped(self, principal: str, number: int, wrapped: bytes) -> ContentKey:
        name = keyring.key_id(self.month, number)
        slot = keyring.Slot(0, keyring.LIVE, number, 0, b"", wrapped[:12], wrapped[12:])
        try:
            return ContentKey(name, keyring.unwrap(self._master, slot, self._instance, name))
        except keyring.KeyGoneError:
            return self._make(principal)

    def _make(self, principal: str) -> ContentKey:
        number = int.from_bytes(os.urandom(8), "big")
        key = os.urandom(keyring.KEY_BYTES)
        raw = keyring.pack_slot(self._instance, self.month, number, self._clock.utc_us(), principal, key, self._master)
        slot = keyring.parse_slot(0, raw)
        assert slot is not None
        self._slots[slot.principal] = (number, slot.nonce + slot.wrapped)
        self._new.setdefault(self._path(), []).append(raw)
        return ContentKey(keyring.key_id(self.month, number), key)
