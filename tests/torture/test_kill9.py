"""The short form of the kill -9 torture, and that it can fail."""

from __future__ import annotations

import pytest

from tests.torture.kill9 import ROLES, TRIES, torture

pytestmark = pytest.mark.timeout(300)  # it starts many processes, which a busy machine takes its time for


def test_nothing_is_lost() -> None:
    """Kills at random instants under load lose no record, no outcome and no entry of the store, whoever is killed."""
    tally = torture(5, seed=7)
    assert tally.wrong == []
    assert tally.kills.keys() == set(ROLES)
    assert tally.whole > 5


@pytest.mark.parametrize(("fault", "killed"), [("ack_before_write", "gateway"), ("drop_outcome", "control")])
def test_planted_faults_are_found(fault: str, killed: str) -> None:
    """A fault planted in the ledger's writer turns the same run red, and soonest where that is killed which shows it."""
    assert any(torture(3, seed=seed, sabotage=fault, roles=(killed,)).wrong for seed in TRIES)
