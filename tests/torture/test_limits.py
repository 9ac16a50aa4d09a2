"""The short form of the limits torture, and that it can fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.torture.limits import CALM, FLUSH, leases_alone, slots_alone, two_hosts

pytestmark = pytest.mark.skipif(not shutil.which("redis-server"), reason="apt-get install -y redis-server")

FAULTS = {"outlived": (CALM,), "forgot": (FLUSH,), "late": (CALM,)}
"""Each with what befalls Redis that brings it to light."""
TRIES = range(8)
"""A fault shows at the first, unless the machine has no time for as much as is let through."""


def test_no_window_lets_more_through_than_its_limit(tmp_path: Path) -> None:
    """Eight workers take all they can get, while their Redis is flushed, frozen, killed and started again."""
    counted = leases_alone(5.0, tmp_path, seed=1)
    assert counted.wrong == []
    assert len(counted.admitted) > 1600


def test_two_hosts_of_two_workers(tmp_path: Path) -> None:
    """Real proxies with clients that do not hold back: the limit holds, and there is no 5xx."""
    counted = two_hosts(8.0, tmp_path, seed=2)
    assert counted.wrong == []
    assert len(counted.admitted) >= 30
    assert counted.refused


@pytest.mark.long
def test_for_minutes(tmp_path: Path) -> None:
    """The same for as long as it takes."""
    assert leases_alone(120.0, tmp_path / "leases").wrong == []
    assert two_hosts(120.0, tmp_path / "hosts").wrong == []


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault: str, tmp_path: Path) -> None:
    """A lease that outlives its window, a window that is given twice, a lease that is counted from its arrival."""
    assert any(leases_alone(1.5, tmp_path / f"{seed}", seed, fault, FAULTS[fault]).wrong for seed in TRIES)


def test_hosts_that_count_alone_are_found(tmp_path: Path) -> None:
    """Without Redis each host lets the whole limit through."""
    assert any(two_hosts(4.0, tmp_path / f"{seed}", seed, alone=True).wrong for seed in TRIES)


def test_what_is_open_over_many_workers(tmp_path: Path) -> None:
    """Never more than the limit, also while Redis is silent; with what others have open left out, more."""
    counted = slots_alone(3.0, tmp_path, seed=1, events=(CALM, "freeze"))
    assert not counted.wrong
    assert len(counted.admitted) > 20
    assert any(slots_alone(1.0, tmp_path / f"{seed}", seed, "uncounted", (CALM,)).wrong for seed in TRIES)
