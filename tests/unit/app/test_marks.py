"""Entries that commands write."""

from __future__ import annotations

from pathlib import Path

from proxy.app.marks import COMMAND_WRITER, record_mark
from proxy.ledger.record import Mark
from proxy.settings.described import Running
from tests.ledger_oracle import written


async def test_a_mark_is_durable_and_its_epoch_closed(tmp_path: Path) -> None:
    """Each command has an epoch of its own, which ends in order; the second finds nothing to mend."""
    running = Running(str(tmp_path), "", None, 10**9, 1.0, 1.0, copied=False, ship_seconds=1.0)
    for count in (1, 2):
        await record_mark(running, "release", {"rows": count})
    found = written(tmp_path / "spool")
    marks = [entry for entry, _ in found.entries if isinstance(entry, Mark)]
    assert [(mark.event, mark.epoch) for mark in marks] == [
        (event, epoch) for epoch in (1, 2) for event in ("boot", "release", "stop")
    ]
    assert {mark.instance.rpartition("-")[2] for mark in marks} == {str(COMMAND_WRITER)}
    assert not found.faults
