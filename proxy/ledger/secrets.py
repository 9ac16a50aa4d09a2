"""The deployment's two secrets: 32 bytes each, from the environment or from `data_dir/secrets`, made at the first start.

`identity` keys what must be recognised but not kept (credentials, end users). `master` wraps the content keys: whoever has it
and the keyring can read what was asked and answered. Neither is ever part of a record, a message or a snapshot.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from proxy.core.errors import TosProxyError
from proxy.ledger.disk import Disk, make_once

SECRET_BYTES = 32
IDENTITY_VARIABLE = "TOS_PROXY_IDENTITY_KEY"
MASTER_VARIABLE = "TOS_PROXY_MASTER_KEY"

_HEX = re.compile(r"[0-9a-fA-F]{64}")


class SecretError(TosProxyError):
    """A secret is there but cannot be used; the message names where it is, never what it is."""


class Secrets(msgspec.Struct, frozen=True):
    """`identity` and `master`, 32 bytes each."""

    identity: bytes
    master: bytes

    def __repr__(self) -> str:
        return "Secrets(…)"


def load(data_dir: Path, environment: Mapping[str, str] = os.environ, disk: Disk | None = None) -> Secrets:
    """Both secrets; those that are neither in the environment nor on disk are made, 0600, and are durable on return.

    Raises: SecretError when one has the wrong form, OSError when the folder cannot be read or written.
    """
    disk = disk or Disk()
    folder = data_dir / "secrets"
    return Secrets(
        identity=_secret(environment.get(IDENTITY_VARIABLE), IDENTITY_VARIABLE, folder / "identity.key", disk),
        master=_secret(environment.get(MASTER_VARIABLE), MASTER_VARIABLE, folder / "master.key", disk),
    )


def _secret(given: str | None, variable: str, path: Path, disk: Disk) -> bytes:
    if given is not None:
        return _parse(given, variable)
    if not path.exists():
        make_once(disk, path, os.urandom(SECRET_BYTES).hex().encode() + b"\n")
    return _parse(path.read_text("ascii", errors="replace"), str(path))


def _parse(text: str, where: str) -> bytes:
    if _HEX.fullmatch(text.strip()) is None:
        raise SecretError(f"{where}: expected 64 hex digits (32 bytes), found {len(text.strip())} characters")
    return bytes.fromhex(text.strip())
