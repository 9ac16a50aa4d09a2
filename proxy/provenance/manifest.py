"""The signed manifest of a release: canonical JSON under Ed25519 (RFC 8032), made here and verified by whoever has the file alone.

A file is one JSON object `{"format", "key", "manifest", "signature"}`. The signature is over `format`, a line feed, and the
canonical bytes of `manifest`: UTF-8, members in the order of their names, no white space, integers only. What a manifest says is
`proxy.provenance.releasing`'s business; here it is any JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.core.errors import TosProxyError
from proxy.ledger.disk import Disk, make_once

FORMAT = "tos-proxy/release/v1"
KEY_FILE = "release.key"

_KEY = re.compile(r"ed25519:[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_MEMBERS = {"format", "key", "manifest", "signature"}


class ManifestError(TosProxyError):
    """A manifest that does not hold, or a key that cannot be used; the text says why."""


class Checked(NamedTuple):
    """A manifest whose signature holds, and the public key (`ed25519:` and 64 hex digits) that it holds under."""

    manifest: dict[str, Any]
    key: str


def signing_key(data_dir: Path) -> Ed25519PrivateKey:
    """The deployment's release key, `data_dir/secrets/release.key`, 0600, made at the first release.

    Raises: ManifestError when it has the wrong form, OSError when it can be neither read nor made.
    """
    path = data_dir / "secrets" / KEY_FILE
    if not path.exists():
        make_once(Disk(), path, os.urandom(32).hex().encode() + b"\n")
    text = path.read_text("ascii", errors="replace").strip()
    if _HEX.fullmatch(text) is None:
        raise ManifestError(f"{path}: expected 64 hex digits (32 bytes), found {len(text)} characters")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))


def public(key: Ed25519PrivateKey) -> str:
    """The public key as it is shown and kept: `ed25519:` and 64 hex digits."""
    return f"ed25519:{key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()}"


def canonical(value: Any) -> bytes:
    """The one way to write this value (RFC 8785 for what has neither fractions nor names beyond ASCII).

    Raises: ManifestError for fractions, which have many ways.
    """
    _refuse_fractions(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def signed(manifest: dict[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The file of a manifest."""
    signature = key.sign(_to_sign(manifest)).hex()
    return canonical({"format": FORMAT, "key": public(key), "manifest": manifest, "signature": signature}) + b"\n"


def check(file: bytes, trusted: str = "") -> Checked:
    """The manifest in a file, if its signature holds under the key that it names, and that is the `trusted` one if one is given.

    Raises: ManifestError.
    """
    told = _parsed(file)
    key, signature = told["key"], told["signature"]
    if trusted and key != trusted:
        raise ManifestError(f"signed by another key: {key}, not {trusted}")
    try:
        by = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.removeprefix("ed25519:")))
        by.verify(bytes.fromhex(signature), _to_sign(told["manifest"]))
    except InvalidSignature:
        raise ManifestError("the signature does not hold: the manifest was changed after it was signed") from None
    return Checked(told["manifest"], key)


def _parsed(file: bytes) -> dict[str, Any]:
    try:
        told = json.loads(file, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"this is not a manifest: {error}") from None
    if not isinstance(told, dict) or told.keys() != _MEMBERS or not isinstance(told["manifest"], dict):
        raise ManifestError("this is not a manifest: expected the members format, key, manifest and signature")
    if told["format"] != FORMAT:
        raise ManifestError(f"this manifest has format {told['format']!r}, this version knows {FORMAT!r}")
    for member, form in (("key", _KEY), ("signature", _SIGNATURE)):
        if not isinstance(told[member], str) or form.fullmatch(told[member]) is None:
            raise ManifestError(f"this is not a manifest: {member} has another form")
    return told


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands there twice")
    return found


def _to_sign(manifest: dict[str, Any]) -> bytes:
    return FORMAT.encode() + b"\n" + canonical(manifest)


def _refuse_fractions(value: Any) -> None:
    if isinstance(value, float):
        raise ManifestError("a manifest holds no fractions")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_fractions(each)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits. Raises: OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
