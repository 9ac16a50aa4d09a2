"""Sealing: AES-256-GCM over content parts, `nonce (12) ‖ ciphertext ‖ tag (16)`, bound to the record by its id.

A nonce is 6 random bytes of this process and a 6-byte counter, so that no pair of key and nonce comes twice, whatever
restarts. Randomness is drawn from the system in blocks: one `urandom` call costs as much as sealing a kilobyte.
"""

from __future__ import annotations

import os
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.errors import TosProxyError

NONCE_BYTES = 12
SEAL_BYTES = NONCE_BYTES + 16
SALT_BYTES = 16
PLAIN = b"\x01"
"""First byte of a content part: salt and bytes follow."""
TRANSFORMED = b"\x02"
"""First byte of a content part: salt, u32 length, bytes received, bytes sent follow."""

_POOL_BYTES = 4096


class SealBrokenError(TosProxyError):
    """A content part does not open: other key, other record, or damaged bytes."""


class Sealer:
    """Makes salts and nonces; one per process and thread."""

    __slots__ = ("_at", "_counter", "_pool", "_prefix")

    def __init__(self) -> None:
        self._prefix = os.urandom(6)
        self._counter = count()
        self._pool = b""
        self._at = 0

    def salt(self) -> bytes:
        """16 random bytes."""
        at = self._at
        if at == len(self._pool):
            self._pool = os.urandom(_POOL_BYTES)
            at = 0
        self._at = at + SALT_BYTES
        return self._pool[at : self._at]

    def seal(self, cipher: AESGCM, content: bytes, record_id: str) -> bytes:
        """The sealed form of `content`, 28 bytes longer."""
        nonce = self._prefix + next(self._counter).to_bytes(6, "big")
        return nonce + cipher.encrypt(nonce, content, record_id.encode())


def unseal(cipher: AESGCM, sealed: bytes, record_id: str) -> bytes:
    """What was sealed.

    Raises: SealBrokenError when it was not sealed under this key for this record, or was changed since.
    """
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], record_id.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError(f"{record_id}: the sealed content does not open") from error
