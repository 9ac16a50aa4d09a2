"""Exchanges while the disk hangs or is down: who is told what, what is kept, what is written in the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.core.oneshot import drive
from proxy.ledger import opening
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Intent, Outcome, commitment
from proxy.ledger.secrets import load
from tests.torture.fault_disk import FaultDisk, StuckDisk
from tests.torture.ledger_load import filled, settled
from tests.unit.ledger.ledger_parts import begin, end, exchange, read, recorder_in, refused, wrong
from tests.waiting import PATIENCE, until


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.ledger.recorder.STALL_SECONDS", 0.2)
    monkeypatch.setattr("proxy.ledger.recorder.LOOK_SECONDS", 0.02)


@pytest.mark.usefixtures("_impatient")
async def test_a_disk_that_does_not_answer_keeps_no_client_waiting(tmp_path: Path) -> None:
    """Whoever waits is refused in time; what becomes durable after all gets an outcome, and work goes on."""
    disk = StuckDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    disk.stick()
    (one, asked), (other, also) = begin(recorder), begin(recorder)
    with pytest.raises(LedgerUnavailableError, match="has not answered"):
        await filled(one.intent(asked, b"question"))
    with pytest.raises(LedgerUnavailableError, match="has not answered"):
        await filled(other.intent(also, b""))
    disk.free()
    await until(lambda: not recorder.blocked)
    await exchange(recorder)
    await recorder.close()
    outcomes = {entry.id: entry for entry, _ in read(tmp_path).of(Outcome)}
    ended = outcomes[one.id]
    assert isinstance(ended, Outcome)
    assert (ended.outcome, ended.error) == ("unknown_after_crash", "ledger_unavailable")
    assert other.id not in outcomes
    assert not wrong(tmp_path)


@pytest.mark.usefixtures("_impatient")
async def test_refusals_are_not_heaped_up_while_the_disk_hangs(tmp_path: Path) -> None:
    """What cannot become durable is not kept, however many clients are refused meanwhile."""
    disk = StuckDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    disk.stick()
    stream, asked = begin(recorder)
    with pytest.raises(LedgerUnavailableError, match="has not answered"):
        await filled(stream.intent(asked, b"question"))
    entries = recorder.stats["entries"]
    for _ in range(50):
        stream, asked = begin(recorder)
        with pytest.raises(LedgerUnavailableError, match="has not answered"):
            await filled(stream.refusal(refused(asked), b"x" * 60_000))
    assert (recorder.spool._batch.size, recorder.stats["entries"]) == (0, entries)
    disk.free()
    await until(lambda: not recorder.blocked)
    await exchange(recorder)
    await recorder.close()
    assert not wrong(tmp_path)


@pytest.mark.usefixtures("_impatient")
async def test_an_exchange_has_one_question(tmp_path: Path) -> None:
    """Refused because its intent hung, an exchange leaves that intent, and the outcome points there; no refusal beside it."""
    disk = StuckDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    disk.stick()
    stream, asked = begin(recorder)
    told: list[str] = []

    async def walk() -> None:
        try:
            await stream.intent(asked, b"question")
        except LedgerUnavailableError:
            disk.free()
            try:
                await stream.refusal(refused(asked), b"question")
            except LedgerUnavailableError as error:
                told.append(str(error))

    drive(walk(), lambda error: told.append(repr(error)))
    await until(lambda: told and not recorder.blocked)
    with pytest.raises(LedgerUnavailableError, match="has its entry"):
        await filled(stream.refusal(refused(asked), b"question"))
    await recorder.close()
    assert len(told) == 1
    assert "has not answered" in told[0]
    (intent, _), *_ = read(tmp_path).of(Intent)
    (outcome, _), *more = read(tmp_path).of(Outcome)
    assert isinstance(outcome, Outcome)
    assert (outcome.intent.seq, outcome.outcome, more) == (intent.seq, "unknown_after_crash", [])
    assert not wrong(tmp_path)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("sick", [False, True])
async def test_an_outcome_waits_as_long_as_the_disk_hangs(tmp_path: Path, sick: bool) -> None:
    """Nobody is told no while the frame may land and say `completed`; if the disk fails in the end, it says `cut`."""
    disk = StuckDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"question"))
    disk.stick()
    stream.answer(b"hello")
    ended = end(stream)
    ended.delivered_bytes = 5
    slot = stream.outcome(ended, withheld=1)
    await asyncio.sleep(0.5)
    assert not slot.done
    disk.sick = sick
    disk.free()
    if sick:
        with pytest.raises(LedgerUnavailableError, match="EIO"):
            await filled(slot)
        disk.sick = False
        await settled(recorder)
    else:
        await filled(slot)
    await recorder.close()
    (outcome, _), *more = read(tmp_path).of(Outcome)
    assert isinstance(outcome, Outcome)
    assert (outcome.outcome, outcome.delivered_bytes, more) == (("cut", 4, []) if sick else ("completed", 5, []))


@pytest.mark.usefixtures("_impatient")
async def test_with_serve_a_disk_that_hangs_holds_no_answer(tmp_path: Path) -> None:
    """The answer flows, its end is let go after the bound, and what is written in the end is what the client got."""
    disk = StuckDisk()
    recorder = recorder_in(tmp_path, disk=disk, on_failure="serve")
    (one, asked), (other, also), (late, too) = begin(recorder), begin(recorder), begin(recorder)
    await filled(one.intent(asked, b""))
    await filled(other.intent(also, b""))
    disk.stick()
    flows = asyncio.Event()
    one.on_synced = flows.set
    assert one.answer(b"x" * 100_000) == 100_000
    with pytest.raises(LedgerUnavailableError, match="has not answered"):
        await filled(other.outcome(end(other)))
    with pytest.raises(LedgerUnavailableError, match="has not answered"):
        await filled(late.intent(too, b""))
    assert late.answer(b"x" * 100_000) == 0
    assert flows.is_set()
    assert one.answer(b"y" * 100_000) == 0
    disk.free()
    await filled(one.outcome(end(one)))
    assert late.answer(b"x" * 100_000) == 0
    await recorder.close()
    ledger = read(tmp_path)
    found = {entry.id: entry for entry, _ in ledger.of(Outcome)}
    assert isinstance(ended := found[one.id], Outcome)
    assert isinstance(kept := found[other.id], Outcome)
    assert (ended.outcome, ended.answer_bytes, ended.content and ended.content.mode) == ("completed", 200_000, "digests")
    assert (kept.outcome, len(found)) == ("completed", 2)
    assert not wrong(tmp_path)


async def test_an_answer_that_serve_let_pass_is_committed_to(tmp_path: Path) -> None:
    """With `serve` a paused answer goes on while the disk is down: its bytes are not kept, nor in memory, its digest is."""
    disk = FaultDisk()
    recorder = recorder_in(tmp_path, disk=disk, on_failure="serve")
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"question"))
    disk.fall_ill("EIO")
    flows = asyncio.Event()
    stream.on_synced = flows.set
    assert stream.answer(b"a" * 70_000) == 70_000
    await asyncio.wait_for(flows.wait(), PATIENCE)
    assert [stream.answer(b"b" * 70_000) for _ in range(3)] == [0, 0, 0]
    assert (stream._answer, stream.carried) == ([], None)
    disk.heal()
    await settled(recorder)
    stream.answer(b"c")
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    (outcome, part), *_ = read(tmp_path).of(Outcome)
    assert isinstance(outcome, Outcome)
    salt = opening.salt_of(outcome, part, Keys(tmp_path, load(tmp_path).master).cipher)
    assert outcome.answered == commitment(salt, b"a" * 70_000 + b"b" * 210_000 + b"c")
    assert outcome.answer_bytes == 280_001


async def test_an_answer_pauses_while_the_disk_is_down(tmp_path: Path) -> None:
    """Without `serve` nothing of an answer is given up: it waits, and goes on when its bytes are durable."""
    disk = FaultDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"question"))
    disk.fall_ill("EIO")
    flows = asyncio.Event()
    stream.on_synced = flows.set
    assert stream.answer(b"a" * 70_000) == 70_000
    await asyncio.sleep(0.1)
    assert not flows.is_set()
    disk.heal()
    await asyncio.wait_for(flows.wait(), PATIENCE)
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    (outcome, part), *_ = read(tmp_path).of(Outcome)
    assert isinstance(outcome, Outcome)
    keys = Keys(tmp_path, load(tmp_path).master)
    assert opening.answer(outcome, part, read(tmp_path).pieces[stream.id], keys.cipher) == b"a" * 70_000
