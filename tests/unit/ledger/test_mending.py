"""Recovery beside a running recorder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.ledger import reader
from proxy.ledger.record import Outcome
from tests.torture.ledger_load import filled
from tests.unit.ledger.ledger_parts import begin, exchange, killed, left_open, marks, read, recorder_in, restarted, wrong


async def test_a_dead_epoch_is_closed_once(tmp_path: Path) -> None:
    """The next start closes it and says so; the one after finds nothing to do."""
    await left_open(tmp_path)
    await restarted(tmp_path)
    await restarted(tmp_path)
    (mark,) = marks(tmp_path, "recovered")
    assert mark.detail == {"epoch": 1, "entries": 4, "closed": 1, "torn_bytes": 0}
    assert all(reader.closed(epoch.folder) for epoch in reader.epochs(tmp_path / "spool"))


async def test_a_crash_between_outcomes_and_closed_adds_none(tmp_path: Path) -> None:
    """Recovery that died before it could close the epoch is repeated without a second outcome."""
    await left_open(tmp_path)
    await restarted(tmp_path)
    for epoch in reader.epochs(tmp_path / "spool"):
        (epoch.folder / "closed").unlink()
    await restarted(tmp_path)
    assert not wrong(tmp_path, b"question")
    assert len(list(read(tmp_path).of(Outcome))) == 2


async def test_an_epoch_whose_writer_lives_is_left_alone(tmp_path: Path) -> None:
    """An old worker that still drains keeps its epoch; the new one starts beside it."""
    old = recorder_in(tmp_path)
    stream, asked = begin(old)
    await filled(stream.intent(asked, b"question"))
    await restarted(tmp_path)
    assert not list(read(tmp_path).of(Outcome))
    await old.close()


async def test_recovery_of_a_large_spool_holds_neither_the_start_nor_the_loop(tmp_path: Path) -> None:
    """20 MB are recovered after the recorder is ready, while the loop goes on turning."""
    recorder = recorder_in(tmp_path)
    for _ in range(20):
        await asyncio.gather(*(exchange(recorder, b"x" * 1000, b"y" * 1000) for _ in range(256)))
    await killed(recorder)
    recorder = recorder_in(tmp_path)
    assert recorder.mending
    turns = 0
    while recorder.mending:
        await asyncio.sleep(0.001)
        turns += 1
    await recorder.close()
    assert marks(tmp_path, "recovered")[0].detail["entries"] == 1 + 20 * 256 * 2
    assert turns > 10
