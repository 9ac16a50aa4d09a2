"""Workers that do not come back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.core.snapshot import LedgerOptions
from proxy.ledger import reader
from proxy.ledger.adoption import adopt
from proxy.ledger.record import Outcome
from tests.torture.ledger_load import clock, filled
from tests.unit.ledger.ledger_parts import begin, exchange, killed, read, recorder_in, wrong


async def test_what_an_absent_worker_left_open_is_closed_in_its_name(tmp_path: Path) -> None:
    """With four workers once and one now, the first closes what the others left; its own and live ones are left alone."""
    first, gone, living = (recorder_in(tmp_path, worker=number) for number in (0, 3, 2))
    stream, asked = begin(gone)
    await filled(stream.intent(asked, b"question"))
    await killed(gone)
    assert await adopt(tmp_path, LedgerOptions(), clock, asyncio.get_running_loop()) == [3]
    assert await adopt(tmp_path, LedgerOptions(), clock, asyncio.get_running_loop()) == []
    await exchange(first)
    await first.close()
    await living.close()
    outcome = next(entry for entry, _ in read(tmp_path).of(Outcome) if entry.id == stream.id)
    assert (outcome.instance, outcome.epoch) == (gone.instance, 2)
    assert not wrong(tmp_path, b"question")
    assert all(reader.closed(epoch.folder) for epoch in reader.epochs(tmp_path / "spool"))
