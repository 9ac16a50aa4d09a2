"""Secrets, content keys and what is sealed under them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.ledger import keyring
from proxy.ledger.content_keys import ContentKeys
from proxy.ledger.disk import Disk
from proxy.ledger.keyring import KeyGoneError, Keys
from proxy.ledger.sealing import SEAL_BYTES, SealBrokenError, Sealer, unseal
from proxy.ledger.secrets import SecretError, load

MASTER = bytes(range(32))
NOVEMBER = 1_795_000_000_000_000
DECEMBER = NOVEMBER + 40 * 86_400_000_000


class Clock:
    """Stands still until told."""

    def __init__(self, now: int = NOVEMBER) -> None:
        self.now = now

    def utc_us(self) -> int:
        """Microseconds."""
        return self.now

    def monotonic_ns(self) -> int:
        """Nanoseconds."""
        return self.now * 1000


def content_keys(data_dir: Path, clock: Clock | None = None) -> ContentKeys:
    """A writer's keys."""
    return ContentKeys(data_dir, "instance-0", MASTER, clock or Clock(), Disk())


def store(keys: ContentKeys) -> None:
    """As the spool's thread does before a commit."""
    slots = keys.take()
    assert slots is not None
    keys.store(slots)


def test_secrets_are_made_once_and_only_for_us(tmp_path: Path) -> None:
    """Two files of 64 hex digits, 0600; the second start reads the same."""
    first = load(tmp_path, {})
    assert load(tmp_path, {}) == first
    for name in ("identity.key", "master.key"):
        path = tmp_path / "secrets" / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert len(path.read_text().strip()) == 64
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == ["identity.key", "master.key"]


def test_the_environment_wins_over_the_files(tmp_path: Path) -> None:
    """And no file is made for what it gives."""
    given = load(tmp_path, {"TOS_PROXY_MASTER_KEY": "ab" * 32})
    assert given.master == b"\xab" * 32
    assert not (tmp_path / "secrets" / "master.key").exists()


@pytest.mark.parametrize("text", ["", "ab" * 31, "zz" * 32, "ab" * 33])
def test_a_secret_of_the_wrong_form_is_named_but_not_shown(tmp_path: Path, text: str) -> None:
    """The message says where it stands and how long it is."""
    with pytest.raises(SecretError, match="TOS_PROXY_IDENTITY_KEY: expected 64 hex digits") as caught:
        load(tmp_path, {"TOS_PROXY_IDENTITY_KEY": text})
    assert not text or text not in str(caught.value)


def test_secrets_do_not_show_in_tracebacks(tmp_path: Path) -> None:
    """Their text is an ellipsis."""
    assert repr(load(tmp_path, {})) == "Secrets(…)"


def test_what_is_sealed_opens_only_for_its_record() -> None:
    """Another record id, another key or a changed byte: it does not open."""
    cipher, sealer = AESGCM(MASTER), Sealer()
    sealed = sealer.seal(cipher, b"content", "rec_1")
    assert unseal(cipher, sealed, "rec_1") == b"content"
    assert len(sealed) == len(b"content") + SEAL_BYTES
    for key, part, record in (
        (cipher, sealed, "rec_2"),
        (AESGCM(bytes(32)), sealed, "rec_1"),
        (cipher, sealed[:-1] + b"?", "rec_1"),
    ):
        with pytest.raises(SealBrokenError):
            unseal(key, part, record)


def test_nonces_and_salts_never_repeat() -> None:
    """Over two processes' sealers too."""
    cipher = AESGCM(MASTER)
    sealers = Sealer(), Sealer()
    nonces = {sealer.seal(cipher, b"", "r")[:12] for sealer in sealers for _ in range(1000)}
    salts = {sealer.salt() for sealer in sealers for _ in range(1000)}
    assert len(nonces) == len(salts) == 2000


def test_a_key_is_read_back_by_who_opens(tmp_path: Path) -> None:
    """From the file, by instance and id, under the master key."""
    keys = content_keys(tmp_path)
    key = keys.current("someone with \ud800 in the name")
    store(keys)
    sealed = Sealer().seal(key.cipher, b"content", "rec_1")
    assert unseal(Keys(tmp_path, MASTER).cipher("instance-0", key.name), sealed, "rec_1") == b"content"


def test_a_principal_keeps_its_key_over_restarts_in_a_month(tmp_path: Path) -> None:
    """And has another one in the next month."""
    keys = content_keys(tmp_path)
    first = keys.current("p").name
    store(keys)
    clock = Clock()
    again = content_keys(tmp_path, clock)
    assert again.current("p").name == first
    assert again.take() is None
    clock.now = DECEMBER
    assert again.current("p").name[:7] != first[:7]


def test_principals_do_not_share_keys(tmp_path: Path) -> None:
    """One each."""
    keys = content_keys(tmp_path)
    assert keys.current("a").name != keys.current("b").name
    assert keys.current("a") is keys.current("a")


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


def test_slots_that_could_not_be_stored_wait_for_the_next_commit(tmp_path: Path) -> None:
    """Given back, they go first."""
    keys = content_keys(tmp_path)
    keys.current("a")
    slots = keys.take()
    assert slots is not None
    keys.current("b")
    keys.give_back(slots)
    (waiting,) = (keys.take() or {}).values()
    assert [keyring.parse_slot(0, raw).principal for raw in waiting] == [keyring.principal_digest(name) for name in "ab"]  # type: ignore[union-attr] # sound
