"""The short form of the kill -9 torture of uploads, and that it can fail."""

from __future__ import annotations

import pytest

from tests.torture.carriers import Uploads
from tests.torture.kill9 import ROLES, TRIES, torture

pytestmark = pytest.mark.timeout(300)  # it starts many processes, which a busy machine takes its time for


def test_no_line_of_a_carrier_is_lost() -> None:
    """Kills at random instants leave every line of whatever the upstream saw, before its intent, and nothing without one."""
    tally = torture(5, seed=7, load=Uploads)
    assert tally.wrong == []
    assert tally.kills.keys() == set(ROLES)
    assert tally.whole > 3


@pytest.mark.parametrize("fault", ["drop_lines", "lines_after_intent", "ack_before_write"])
def test_planted_faults_are_found(fault: str) -> None:
    """A line that is lost, lines that come too late, and an intent that is not on disk yet turn kills of the gateway red."""
    assert any(torture(2, seed=seed, sabotage=fault, load=Uploads, roles=("gateway",)).wrong for seed in TRIES)
