"""Signed manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proxy.provenance.manifest import FORMAT, ManifestError, canonical, check, digest, public, signed, signing_key

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MANIFEST = {"purpose": "train.general", "rows": [{"row": 1, "sha256": "ab"}], "by": "Zoë", "counts": {"b": 1, "a": 2}}


def test_what_was_signed_is_read_back() -> None:
    """With the key that it holds under, in whatever layout the file has come to."""
    file = signed(MANIFEST, KEY)
    assert check(file) == (MANIFEST, public(KEY))
    assert check(json.dumps(json.loads(file), indent=4).encode(), public(KEY)).manifest == MANIFEST


def change(file: dict[str, Any], what: str) -> None:
    """Tamper with a manifest."""
    match what:
        case "row":
            file["manifest"]["rows"][0]["row"] = 2
        case "member":
            file["manifest"]["more"] = ""
        case "less":
            del file["manifest"]["by"]
        case "type":
            file["manifest"]["rows"][0]["row"] = "1"
        case "key":
            file["key"] = public(Ed25519PrivateKey.generate())
        case "signature":
            file["signature"] = "00" * 64


@pytest.mark.parametrize("what", ["row", "member", "less", "type", "key", "signature"])
def test_whatever_is_changed_shows(what: str) -> None:
    """The signature is over every value of it, and over its types."""
    file = json.loads(signed(MANIFEST, KEY))
    change(file, what)
    with pytest.raises(ManifestError, match="does not hold"):
        check(json.dumps(file).encode())


def test_another_signer_is_told_from_the_trusted_one() -> None:
    """A manifest that holds under its own key says nothing of who has that key."""
    with pytest.raises(ManifestError, match="another key"):
        check(signed(MANIFEST, Ed25519PrivateKey.generate()), public(KEY))


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        signed(MANIFEST, KEY).replace(FORMAT.encode(), b"tos-proxy/release/v2"),
        signed(MANIFEST, KEY).replace(b'"row":1', b'"row":1,"row":1'),
        signed(MANIFEST, KEY).replace(b'"signature":"', b'"signature":"zz'),
        signed(MANIFEST, KEY).replace(b"ed25519:", b"rsa:"),
        signed(MANIFEST, KEY).replace(b'"row":1', b'"row":1.0'),
    ],
)
def test_what_is_no_manifest_is_an_error_of_one_line(file: bytes) -> None:
    """Never a traceback: no JSON, another shape, another format, a member twice, a fraction."""
    with pytest.raises(ManifestError) as raised:
        check(file)
    assert "\n" not in str(raised.value)


def test_canonical_bytes_do_not_depend_on_order() -> None:
    """Members by name, no white space, text as it is."""
    assert canonical({"b": 1, "a": ["ü", None, True]}) == '{"a":["ü",null,true],"b":1}'.encode()


def test_the_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    """The same key at each release; a file that is not one is named."""
    first = signing_key(tmp_path)
    assert public(signing_key(tmp_path)) == public(first)
    file = tmp_path / "secrets" / "release.key"
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("short")
    with pytest.raises(ManifestError, match=r"release\.key"):
        signing_key(tmp_path)


def test_the_digest_of_a_file(tmp_path: Path) -> None:
    """SHA-256, as sha256sum says."""
    (tmp_path / "file").write_bytes(b"abc")
    assert digest(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
