"""Slow clients, in short."""

from __future__ import annotations

from pathlib import Path

from tests.hostile import slow


def test_slow_clients(tmp_path: Path) -> None:
    """Slow connections of every kind are ended after their deadline, and nobody else waits for them."""
    assert slow.run(tmp_path, 120) == []


def test_slow_clients_without_deadlines(tmp_path: Path) -> None:
    """A proxy that looks at no deadline is found out."""
    found = slow.run(tmp_path, 12, "no_deadlines", slack=4.0)
    assert {finding.split()[0] for finding in found if "never ended" in finding} == {kind.__name__ for kind in slow.KINDS}
