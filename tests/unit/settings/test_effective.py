"""The configuration as people see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.settings.effective import effective, unused
from tests.unit.settings.written import complaints, loaded


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Tokens, keys, passwords and header values appear as fingerprints only."""
    text = (
        "admin: {token: very-secret-token-1}\ndatabase_url: postgresql://u:secretpw@h/n\n"
        "principals: {a: {keys: [sk-secret]}}\nupstreams: {openai: {headers: {x-team: secretheader}}}\n"
    )
    for identity in (None, b"k" * 32):
        shown = {each.path: str(each.value) for each in effective(loaded(tmp_path, text), identity)}
        for hidden in ("very-secret", "secretpw", "sk-secret", "secretheader"):
            assert hidden not in repr(shown)
    assert shown["admin.token"].startswith("(secret, key:")


def test_accepted_yet_unused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys without a capability are accepted, checked, and told to be without effect."""
    monkeypatch.setattr("proxy.settings.effective.UNUSED", ("detection", "principals.*.content"))
    text = "detection: {enforce: shadow}\nprincipals: {a: {content: full}}\n"
    lines = [str(problem) for problem in unused(loaded(tmp_path, text))]
    assert len(lines) == 2
    assert all("accepted, not used by this version" in line for line in lines)
    assert complaints(tmp_path, "detection: {enforce: perhaps}")
