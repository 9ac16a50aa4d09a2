"""The short forms of the ledger's torture runs, and the same with a planted fault, which must turn them red."""

from __future__ import annotations

import pytest

from tests.torture import diskfull, iofault, powercut, spoolgone


def test_power_cuts_lose_nothing_that_was_acknowledged() -> None:
    """120 power cuts at random calls: every acknowledged entry is there, and no state is called damaged that is not."""
    result = powercut.run(120, seed=7)
    assert not result.wrong, result.line()
    assert result.promised > 1000


@pytest.mark.long
def test_a_thousand_power_cuts_lose_nothing() -> None:
    """The long form: 1,000 cuts."""
    result = powercut.run(1000, seed=11)
    assert not result.wrong, result.line()


@pytest.mark.parametrize("sabotage", powercut.SABOTAGES)
def test_power_cuts_tell_a_writer_that_cheats(sabotage: str) -> None:
    """With a planted fault the same cuts show losses."""
    # A frame torn in its middle is rare: without checksums about one cut in forty shows it.
    cuts = 400 if sabotage == "no_crc" else 60
    assert powercut.run(cuts, seed=7, sabotage=sabotage).lost


def test_io_faults_are_survived_at_every_kind_of_call() -> None:
    """A sample of calls, each failing in each way: nothing forwarded without intent, work goes on when the fault clears."""
    result = iofault.run(step=29)
    assert not result.wrong, result.line()
    assert result.slowest < 2.0


@pytest.mark.long
def test_io_faults_are_survived_at_every_call() -> None:
    """The long form: every call, every way."""
    result = iofault.run(step=1)
    assert not result.wrong, result.line()


def test_io_faults_tell_a_writer_that_overlooks_errors() -> None:
    """A writer that swallows EIO acknowledges what is not there."""
    assert iofault.run(step=13, sabotage="swallow_eio", faults=("EIO",)).wrong


def test_a_full_disk_refuses_and_recovers() -> None:
    """503 at once, exchanges under way end on record, work goes on within two seconds of space coming back."""
    result = diskfull.run()
    assert not result.wrong, result.line()
    assert result.refused


def test_a_full_disk_tells_a_writer_that_forwards_anyway() -> None:
    """A body that went upstream although the ledger refused it is found."""
    assert diskfull.run("forward_anyway").wrong


def test_a_spool_that_is_tampered_with_is_noticed() -> None:
    """Deleted, moved, replaced, truncated, or the whole spool removed: an incident on record within a second."""
    result = spoolgone.run()
    assert not result.wrong, result.line()


def test_a_writer_that_does_not_look_at_its_files_is_told() -> None:
    """Without the check the same run shows entries acknowledged into the void."""
    assert spoolgone.run("never_look", ["deleted"]).wrong
