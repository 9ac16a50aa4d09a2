"""Principals and credentials, as records and people see them."""

from __future__ import annotations

from proxy.core.principal import PURPOSES, UNDECLARED, Credential, Principal


def test_shown() -> None:
    """A credential is shown by the beginning of its fingerprint, an absent one not at all."""
    assert Credential("bearer", "0123456789abcdef" * 4).shown == "key:0123456789ab"
    assert Credential("none", "").shown == ""


def test_undeclared_by_default() -> None:
    """Whoever declares nothing declares nothing else."""
    principal = Principal("x")
    assert (principal.purpose, principal.purposes) == (UNDECLARED, (UNDECLARED,))
    assert UNDECLARED in PURPOSES
    assert len(set(PURPOSES)) == len(PURPOSES)
