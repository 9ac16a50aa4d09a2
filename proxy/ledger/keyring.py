"""The keyring: content keys, one per principal, month and instance, wrapped under the master key in fixed slots.

`data_dir/keyring/<instance>/<YYYY-MM>.keys`: slots of 128 bytes, little-endian. Slot 0 is the file's own (`TPKEYS01`, then
the count of erasures as u64, zeros); each other holds one key: `TPK1`, state u8 (1 live, 2 erased), 3 zeros, key number u64,
made at UTC µs u64, SHA-256 of the principal's id (32), nonce (12), wrapped key (48), CRC-32 of the 116 bytes before it, zeros.
A key's id is `<YYYY-MM>.<key number as 16 hex digits>`. Additional data of the wrapping: `<instance>/<id>`.

A key is durable before the first frame that needs it. Erasing overwrites the slot from the nonce on with zeros, raises the
count of erasures and syncs; slots are never used twice. Two workers of one instance may each make a key for the same principal
and month; both are kept.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.errors import TosProxyError
from proxy.ledger.disk import Disk, make_folders, write_all

SLOT_BYTES = 128
KEY_BYTES = 32
LIVE, ERASED = 1, 2

_FILE_MAGIC = b"TPKEYS01"
_SLOT = struct.Struct("<4sB3xQQ32s12s48s")
_CRC = struct.Struct("<I")
_ERASURES = struct.Struct("<Q")
_WRAPPED_AT = _SLOT.size - 60


class KeyGoneError(TosProxyError):
    """The content key was erased, or its keyring is missing: what was sealed under it can no longer be read."""


class Slot(NamedTuple):
    """One key as it stands in a file. `place` is the slot's number; `wrapped` is empty once erased."""

    place: int
    state: int
    number: int
    made: int
    principal: bytes
    nonce: bytes
    wrapped: bytes


def key_id(month: str, number: int) -> str:
    """The id by which evidence names a content key."""
    return f"{month}.{number:016x}"


def principal_digest(principal: str) -> bytes:
    """How a slot names its principal, 32 bytes."""
    return hashlib.sha256(principal.encode("utf-8", "surrogatepass")).digest()


def pack_slot(instance: str, month: str, number: int, made: int, principal: str, key: bytes, master: AESGCM) -> bytes:
    """The 128 bytes of a live slot."""
    nonce = os.urandom(12)
    wrapped = master.encrypt(nonce, key, f"{instance}/{key_id(month, number)}".encode())
    return _with_crc(_SLOT.pack(b"TPK1", LIVE, number, made, principal_digest(principal), nonce, wrapped))


def _with_crc(fields: bytes) -> bytes:
    return (fields + _CRC.pack(zlib.crc32(fields))).ljust(SLOT_BYTES, b"\0")


def parse_slot(place: int, raw: bytes) -> Slot | None:
    """A slot from its 128 bytes, None when they are torn."""
    fields = raw[: _SLOT.size]
    if fields[:4] != b"TPK1" or _CRC.unpack_from(raw, _SLOT.size)[0] != zlib.crc32(fields):
        return None
    return Slot(place, *_SLOT.unpack(fields)[1:])


def parse_slots(content: bytes) -> list[Slot]:
    """The sound slots of a file; a torn one at the end, which no frame can name, is left out."""
    places = range(1, len(content) // SLOT_BYTES)
    slots = (parse_slot(place, content[place * SLOT_BYTES : (place + 1) * SLOT_BYTES]) for place in places)
    return [slot for slot in slots if slot is not None]


def erasures(content: bytes) -> int:
    """How often keys of this file were erased; writers drop what they keep in memory when it changes."""
    return int(_ERASURES.unpack_from(content, len(_FILE_MAGIC))[0]) if content[:8] == _FILE_MAGIC else 0


def append_slots(disk: Disk, path: Path, slots: list[bytes]) -> None:
    """Add slots to a month's file and make them durable; the file is made if it is not there.

    Raises: OSError, after which the same slots may be appended again.
    """
    make_folders(disk, path.parent)
    fresh = not path.exists()
    fd = disk.open(path, os.O_RDWR | os.O_CREAT)
    try:
        disk.lock(fd, wait=True)
        size = disk.status(fd).st_size
        size -= size % SLOT_BYTES  # a torn slot is overwritten: no frame can name it
        if size == 0:
            slots = [_FILE_MAGIC.ljust(SLOT_BYTES, b"\0"), *slots]
        write_all(disk, fd, slots, size)
        disk.sync(fd)
    finally:
        disk.close(fd)
    if fresh:
        disk.sync_folder(path.parent)


def erase_slots(disk: Disk, path: Path, places: list[int]) -> None:
    """Overwrite the keys of these slots and make that durable: nothing sealed under them opens again.

    Raises: OSError; then some may be erased and some not, and erasing again is safe.
    """
    fd = disk.open(path, os.O_RDWR)
    try:
        disk.lock(fd, wait=True)
        head = disk.read_at(fd, SLOT_BYTES, 0)
        for place in places:
            fields = disk.read_at(fd, _WRAPPED_AT, place * SLOT_BYTES)
            erased = fields[:4] + bytes([ERASED]) + fields[5:] + bytes(60)
            write_all(disk, fd, [_with_crc(erased)], place * SLOT_BYTES)
        write_all(disk, fd, [_ERASURES.pack(erasures(head) + 1)], len(_FILE_MAGIC))
        disk.sync(fd)
    finally:
        disk.close(fd)


class Keys:
    """Reads content keys back: for whoever opens records. Not tied to a writer; safe to keep for long."""

    def __init__(self, data_dir: Path, master: bytes) -> None:
        self._folder = data_dir / "keyring"
        self._master = AESGCM(master)

    def cipher(self, instance: str, name: str) -> AESGCM:
        """The cipher of the key that evidence of `instance` names `name`; read each time, so that an erasure counts at once.

        Raises: KeyGoneError; SealBrokenError is left to who opens content with it.
        """
        month, _, number = name.partition(".")
        try:
            content = (self._folder / instance / f"{month}.keys").read_bytes()
            wanted = int(number, 16)
        except (OSError, ValueError) as error:
            raise KeyGoneError(f"content key {name} of {instance}: {error}") from error
        for slot in parse_slots(content):
            if slot.number == wanted and slot.state == LIVE:
                return self._unwrap(slot, instance, name)
        raise KeyGoneError(f"content key {name} of {instance} was erased")

    def _unwrap(self, slot: Slot, instance: str, name: str) -> AESGCM:
        return AESGCM(unwrap(self._master, slot, instance, name))


def unwrap(master: AESGCM, slot: Slot, instance: str, name: str) -> bytes:
    """The 32 bytes of a slot's key.

    Raises: KeyGoneError when the master key is another one, or the slot was tampered with.
    """
    try:
        return master.decrypt(slot.nonce, slot.wrapped, f"{instance}/{name}".encode())
    except InvalidTag as error:
        raise KeyGoneError(f"content key {name} of {instance} does not open under this master key") from error
