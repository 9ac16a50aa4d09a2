"""Keys as fingerprints."""

from __future__ import annotations

from pathlib import Path

from proxy.settings.compiling import compile_configuration


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
