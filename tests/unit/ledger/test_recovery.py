"""What the next start makes of an epoch that was left behind."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from proxy.core.facts import AnswerFacts
from proxy.ledger import opening, reader
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Outcome
from proxy.ledger.recorder import Recorder
from proxy.ledger.secrets import load
from tests.torture.ledger_load import filled, settled
from tests.unit.ledger.ledger_parts import begin, exchange, marks, read, recorder_in, wrong


async def killed(recorder: Recorder) -> None:
    """End as a killed process does: the lock is free, nothing was said."""
    done = asyncio.get_running_loop().create_future()

    def drop() -> None:
        recorder._committer.close(whole=False)
        recorder._loop.call_soon_threadsafe(done.set_result, None)

    while not recorder.spool.idle:  # noqa: ASYNC110 - the thread sets it
        await asyncio.sleep(0.001)
    recorder.spool.finish(drop)
    await done


async def left_open(tmp_path: Path, answer: bytes = b"half an answer") -> str:
    """A record whose process died in mid-answer."""
    recorder = recorder_in(tmp_path)
    await exchange(recorder)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"question"))
    stream.answer(answer)
    await asyncio.sleep(0.03)
    await killed(recorder)
    return stream.id


async def restarted(tmp_path: Path) -> None:
    """One start and stop."""
    recorder = recorder_in(tmp_path)
    await settled(recorder)
    await recorder.close()


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


async def test_an_epoch_whose_writer_lives_is_left_alone(tmp_path: Path) -> None:
    """An old worker that still drains keeps its epoch; the new one starts beside it."""
    old = recorder_in(tmp_path)
    stream, asked = begin(old)
    await filled(stream.intent(asked, b"question"))
    await restarted(tmp_path)
    assert not list(read(tmp_path).of(Outcome))
    await old.close()


async def test_an_old_worker_and_its_successor_write_side_by_side(tmp_path: Path) -> None:
    """Each has its own epoch, and both are whole."""
    old, new = recorder_in(tmp_path), recorder_in(tmp_path)
    await asyncio.gather(exchange(old), exchange(new))
    await new.close()
    await old.close()
    assert (old.epoch, new.epoch, wrong(tmp_path)) == (1, 2, [])


async def test_recovery_of_a_large_spool_neither_takes_long_nor_holds_the_loop(tmp_path: Path) -> None:
    """20 MB take a fraction of a second (the bounds leave room for a busy machine) while the loop goes on turning."""
    recorder = recorder_in(tmp_path)
    for _ in range(20):
        await asyncio.gather(*(exchange(recorder, b"x" * 1000, b"y" * 1000) for _ in range(256)))
    await killed(recorder)
    start = time.perf_counter()
    recorder = recorder_in(tmp_path)
    ready, longest, last = time.perf_counter() - start, 0.0, time.perf_counter()
    while recorder.mending:
        await asyncio.sleep(0.001)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    took = time.perf_counter() - start
    await recorder.close()
    assert marks(tmp_path, "recovered")[0].detail["entries"] == 1 + 20 * 256 * 2
    assert ready < 0.5
    assert took < 4
    assert longest < 0.25
