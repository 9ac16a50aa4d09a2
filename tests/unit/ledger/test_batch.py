"""Frames that go to disk together."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.ledger import reader
from proxy.ledger.reader import Cursor
from tests.unit.ledger.ledger_parts import begin, exchange, filled, recorder_in


async def test_a_batch_counts_its_frames_for_the_next(tmp_path: Path) -> None:
    """Each frame says which commit it belongs to, and how many frames the one before had: that tells a torn tail from damage."""
    recorder = recorder_in(tmp_path)
    streams = [begin(recorder) for _ in range(5)]
    await asyncio.gather(*(filled(stream.intent(asked, b"")) for stream, asked in streams))
    await exchange(recorder)
    await recorder.close()
    frames = reader.read(reader.epochs(tmp_path / "spool")[0], Cursor()).frames
    assert [(frame.commit, frame.before) for frame in frames[:7]] == [(0, 0), *[(1, 1)] * 5, (2, 5)]
