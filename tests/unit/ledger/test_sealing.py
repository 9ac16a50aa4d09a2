"""What is sealed, and for whom it opens."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.ledger.sealing import SEAL_BYTES, SealBrokenError, Sealer, unseal
from tests.unit.ledger.key_parts import MASTER


def test_what_is_sealed_opens_only_for_its_record() -> None:
    """Another record id, another key or a changed byte: it does not open."""
    cipher, sealer = AESGCM(MASTER), Sealer()
    sealed = sealer.seal(cipher, b"content", "rec_1")
    assert unseal(cipher, sealed, "rec_1") == b"content"
    assert len(sealed) == len(b"content") + SEAL_BYTES
    for key, part, record in (
        (cipher, sealed, "rec_2"),
        (AESGCM(bytes(32)), sealed, "rec_1"),
        (cipher, sealed[:-1] + bytes([sealed[-1] ^ 1]), "rec_1"),
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
