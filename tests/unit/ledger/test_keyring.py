"""Content keys in their file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.ledger import keyring
from proxy.ledger.content_keys import ContentKeys
from proxy.ledger.disk import Disk
from proxy.ledger.keyring import KeyGoneError, Keys
from proxy.ledger.sealing import Sealer, unseal
from tests.unit.ledger.key_parts import MASTER, Clock, content_keys, store


def test_a_key_is_read_back_by_who_opens(tmp_path: Path) -> None:
    """From the file, by instance and id, under the master key."""
    keys = content_keys(tmp_path)
    key = keys.current("someone with \ud800 in the name")
    store(keys)
    sealed = Sealer().seal(key.cipher, b"content", "rec_1")
    assert unseal(Keys(tmp_path, MASTER).cipher("instance-0", key.name), sealed, "rec_1") == b"content"


def test_an_erased_key_is_gone_for_good(tmp_path: Path) -> None:
    """No byte of it is left in the file, the others still open, and a running writer makes a new one."""
    keys = content_keys(tmp_path)
    gone, kept = keys.current("gone").name, keys.current("kept").name
    store(keys)
    path = tmp_path / "keyring" / "instance-0" / f"{gone[:7]}.keys"
    slots = keyring.parse_slots(path.read_bytes())
    slot = next(slot for slot in slots if slot.principal == keyring.principal_digest("gone"))
    keyring.erase_slots(Disk(), path, [slot.place])
    assert slot.wrapped not in path.read_bytes()
    reader = Keys(tmp_path, MASTER)
    reader.cipher("instance-0", kept)
    with pytest.raises(KeyGoneError):
        reader.cipher("instance-0", gone)
    keys.watch()
    assert keys.current("gone").name != gone
    assert keys.current("kept").name == kept


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    """And a writer that has another one goes on with new keys."""
    keys = content_keys(tmp_path)
    name = keys.current("p").name
    store(keys)
    with pytest.raises(KeyGoneError):
        Keys(tmp_path, bytes(32)).cipher("instance-0", name)
    assert ContentKeys(tmp_path, "instance-0", bytes(32), Clock(), Disk()).current("p").name != name


def test_a_missing_keyring_is_told_as_gone(tmp_path: Path) -> None:
    """As after the month's file was removed."""
    with pytest.raises(KeyGoneError):
        Keys(tmp_path, MASTER).cipher("instance-0", "2026-01.00000000000000ff")


def test_a_torn_slot_is_overwritten_by_the_next(tmp_path: Path) -> None:
    """A crash while a key was appended costs that key alone, which no frame names."""
    keys = content_keys(tmp_path)
    first = keys.current("a").name
    store(keys)
    path = tmp_path / "keyring" / "instance-0" / f"{first[:7]}.keys"
    path.write_bytes(path.read_bytes() + os.urandom(70))
    second = keys.current("b").name
    store(keys)
    assert path.stat().st_size == 3 * keyring.SLOT_BYTES
    for name in (first, second):
        Keys(tmp_path, MASTER).cipher("instance-0", name)
