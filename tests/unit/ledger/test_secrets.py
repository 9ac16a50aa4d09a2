"""Identity and master key: where they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.ledger.secrets import SecretError, load


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
