"""Keys as fingerprints."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.documents.problems import ConfigurationError
from proxy.settings.compiling import compile_configuration
from proxy.settings.identity import token_fingerprint


def test_keys_become_fingerprints(tmp_path: Path) -> None:
    """Keys reach the snapshot as fingerprints only; plain text is accepted with a warning that shows its hashed form."""
    text = "principals:\n  a: {keys: [sk-plain, 'env:K', tp_virtual], purpose: use.product}\n"
    (tmp_path / "tos-proxy.yaml").write_text(text)
    environ = {"K": "sk-from-env", "TOS_PROXY_IDENTITY_KEY": "00" * 32}
    compiled = compile_configuration(environ, tmp_path, make=True)
    entries = b"".join(compiled.entries)
    assert b"sk-plain" not in entries
    assert b"sk-from-env" not in entries
    hashed = str(compiled.warnings[0]).rpartition("write ")[2].split()[0]
    assert hashed.startswith("key:")
    (tmp_path / "tos-proxy.yaml").write_text(f"principals:\n  a: {{keys: [{hashed}, 'env:K'], purpose: use.product}}\n")
    again = compile_configuration(environ, tmp_path, make=True)
    assert again.warnings == []
    assert {line for line in again.entries if b"credential" in line} <= {line for line in compiled.entries if b"credential" in line}


def test_a_token_is_known_by_issuer_and_subject(tmp_path: Path) -> None:
    """`jwt:<issuer>#<subject>` is no plain key, and a subject may hold the mark that ends the issuer."""
    written = "jwt:https://sts.windows.net/tenant/#0a1b#2c"
    (tmp_path / "tos-proxy.yaml").write_text(f"principals:\n  batch: {{keys: ['{written}'], purpose: eval.private}}\n")
    compiled = compile_configuration({"TOS_PROXY_IDENTITY_KEY": "00" * 32}, tmp_path, make=True)
    assert compiled.warnings == []
    known = token_fingerprint("https://sts.windows.net/tenant/", "0a1b#2c", bytes(32))
    assert known.encode() in b"".join(line for line in compiled.entries if b"credential" in line)


@pytest.mark.parametrize("written", ["jwt:", "jwt:issuer", "jwt:#subject", "jwt:issuer#"])
def test_half_a_token_is_refused(tmp_path: Path, written: str) -> None:
    """Issuer and subject are both needed."""
    (tmp_path / "tos-proxy.yaml").write_text(f"principals:\n  batch: {{keys: ['{written}']}}\n")
    with pytest.raises(ConfigurationError, match="jwt:<issuer>#<subject>"):
        compile_configuration({}, tmp_path, make=False)
