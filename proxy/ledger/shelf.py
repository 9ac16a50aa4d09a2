"""What the workers of one machine hand each other for a short time: small sealed files, gone after two hours.

No record: the bytes are in the records of the requests that brought them. So nothing is synced, a file that is lost, damaged or
does not fit is not there, and whoever asks for it says that it is missing. Names are keyed, contents sealed (AES-256-GCM) under a
key of the deployment.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from threading import Thread

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.clock import Clock

LARGEST = 512 * 1024
"""Bytes of one thing: to seal and to write more takes longer than a turn of the loop may."""
KEPT_SECONDS = 2 * 3600
"""A provider lets go of an upload that is not completed after an hour."""
MOST = 4096
"""Files; the oldest go first."""

_SWEPT_EVERY = 256
_NONCE_BYTES = 12


class Shelf:
    """One worker's end of it. `folder` is made with the first thing that is put there."""

    def __init__(self, folder: Path, identity_key: bytes, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._names = blake2b(b"shelf names", key=identity_key, digest_size=32).digest()
        self._cipher = AESGCM(blake2b(b"shelf", key=identity_key, digest_size=32).digest())
        self._puts = 0

    def put(self, name: str, content: bytes) -> None:
        """Have it there for the others, unless it is too large or the disk does not take it."""
        if len(content) > LARGEST:
            return
        if self._puts % _SWEPT_EVERY == 0:
            with suppress(OSError):
                self._folder.mkdir(mode=0o700, exist_ok=True)
            Thread(target=self._sweep, name="shelf", daemon=True).start()  # thousands of files take longer than a turn of the loop
        self._puts += 1
        path = self._path(name)
        nonce = os.urandom(_NONCE_BYTES)
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        with suppress(OSError):
            beside.write_bytes(nonce + self._cipher.encrypt(nonce, content, name.encode("utf-8", "surrogatepass")))
            beside.replace(path)

    def get(self, name: str) -> bytes | None:
        """What is there by this name."""
        try:
            path = self._path(name)
            if path.stat().st_mtime < self._now() - KEPT_SECONDS:
                return None
            sealed = path.read_bytes()
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode("utf-8", "surrogatepass"))
        except (OSError, InvalidTag, ValueError):
            return None

    def _path(self, name: str) -> Path:
        return self._folder / blake2b(name.encode("utf-8", "surrogatepass"), key=self._names, digest_size=16).hexdigest()

    def _now(self) -> float:
        return self._clock.utc_us() / 1e6

    def _sweep(self) -> None:
        """Let go of what is too old, and of the oldest where there is too much. Another worker may do the same."""
        with suppress(OSError):
            found = sorted((entry.stat().st_mtime, entry.path) for entry in os.scandir(self._folder))
            kept = [path for at, path in found if at >= self._now() - KEPT_SECONDS][-MOST:]
            for path in {path for _, path in found}.difference(kept):
                with suppress(OSError):
                    Path(path).unlink()
