"""The short form of the kill -9 torture with sessions open, and that it can fail."""

from __future__ import annotations

from tests.torture.kill9 import torture
from tests.torture.sessions_load import SessionLoad


def test_nothing_that_was_said_is_lost() -> None:
    """Every frame that an upstream saw is in the ledger, every session has its outcome and every turn that began its end."""
    tally = torture(6, seed=3, load=SessionLoad)
    assert tally.wrong == []
    assert tally.whole > 15


def test_what_leaves_before_it_is_durable_is_found() -> None:
    """A client's frames that go upstream too early turn the run red."""
    assert any("said upstream" in each for each in torture(6, seed=4, sabotage="said_before_durable", load=SessionLoad).wrong)
