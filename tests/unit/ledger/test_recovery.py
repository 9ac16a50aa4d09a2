"""What the next start makes of an epoch that was left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

from proxy.core.facts import AnswerFacts
from proxy.ledger import opening, reader
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Outcome
from proxy.ledger.secrets import load
from tests.unit.ledger.ledger_parts import exchange, left_open, marks, read, recorder_in, restarted, wrong


async def test_an_open_exchange_ends_as_unknown_after_crash(tmp_path: Path) -> None:
    """With what had been received, which opens."""
    record = await left_open(tmp_path)
    await restarted(tmp_path)
    ledger = read(tmp_path)
    (outcome, part) = next(pair for pair in ledger.of(Outcome) if pair[0].id == record)
    assert isinstance(outcome, Outcome)
    assert (outcome.outcome, outcome.epoch, outcome.intent.epoch, outcome.facts) == (
        "unknown_after_crash",
        2,
        1,
        AnswerFacts(unread=True),
    )
    keys = Keys(tmp_path, load(tmp_path).master)
    assert opening.answer(outcome, part, ledger.pieces[record], keys.cipher) == b"half an answer"
    assert not wrong(tmp_path, b"question")


async def test_a_torn_tail_is_counted_and_ignored(tmp_path: Path) -> None:
    """Bytes that were never acknowledged are no incident."""
    await left_open(tmp_path)
    epoch = reader.epochs(tmp_path / "spool")[0]
    mark = reader.watermark(epoch.folder)
    with (epoch.folder / "00000001.seg").open("r+b") as file:
        file.seek(mark.offset)
        file.write(b"TPF1 half a frame")
    await restarted(tmp_path)
    assert marks(tmp_path, "recovered")[0].detail["torn_bytes"] == 17
    assert not marks(tmp_path, "incident")
    assert not wrong(tmp_path, b"question")


async def test_damage_before_the_watermark_is_an_incident(tmp_path: Path) -> None:
    """An acknowledged entry that is bad is named, also when it is the last."""
    await left_open(tmp_path)
    epoch = reader.epochs(tmp_path / "spool")[0]
    mark = reader.watermark(epoch.folder)
    with (epoch.folder / "00000001.seg").open("r+b") as file:
        file.seek(mark.offset - 20)
        file.write(b"?")
    await restarted(tmp_path)
    (incident,) = marks(tmp_path, "incident")
    assert (incident.detail["epoch"], incident.detail["cause"]) == (1, "damaged")


async def test_an_old_worker_and_its_successor_write_side_by_side(tmp_path: Path) -> None:
    """Each has its own epoch, and both are whole."""
    old, new = recorder_in(tmp_path), recorder_in(tmp_path)
    await asyncio.gather(exchange(old), exchange(new))
    await new.close()
    await old.close()
    assert (old.epoch, new.epoch, wrong(tmp_path)) == (1, 2, [])
