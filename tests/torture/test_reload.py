"""The short form of the reload torture, and that it can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.reload import torture
from tests.torture.reload_worker import FAULTS


def test_no_request_is_judged_by_a_mixed_set(tmp_path: Path) -> None:
    """While sets come into force, and broken ones do not, nothing fails and every record names the set that decided it."""
    found = torture(25, tmp_path, seed=3)
    assert found.wrong == []
    assert (found.taken, found.refused) == (23, 2)
    assert min(found.judged, found.lines) > 50


@pytest.mark.long
def test_a_thousand_reloads(tmp_path: Path) -> None:
    """The same for as long as it takes."""
    found = torture(1000, tmp_path)
    assert found.wrong == []
    assert (found.taken, found.refused) == (900, 100)


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault: str, tmp_path: Path) -> None:
    """Rules that are exchanged under a walk, and a set that comes into force in two steps, turn the same run red."""
    assert any(torture(12, tmp_path / f"{seed}", seed=seed, fault=fault).wrong for seed in range(1, 6))
