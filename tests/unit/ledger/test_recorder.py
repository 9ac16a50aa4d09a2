"""The recorder as a gateway worker has it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import opening, reader
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Outcome
from proxy.ledger.secrets import load
from tests.torture.fault_disk import FaultDisk
from tests.torture.ledger_load import filled, settled
from tests.unit.ledger.ledger_parts import begin, end, exchange, marks, read, recorder_in, wrong
from tests.waiting import until


async def test_entries_are_numbered_from_one_without_gap(tmp_path: Path) -> None:
    """The mark `boot` is entry 1, `stop` the last, nothing is missing in between."""
    recorder = recorder_in(tmp_path)
    await asyncio.gather(*(exchange(recorder) for _ in range(20)))
    await recorder.close()
    assert [entry.seq for entry, _ in read(tmp_path).entries] == list(range(1, 43))
    assert len(marks(tmp_path, "boot")) == len(marks(tmp_path, "stop")) == 1


async def test_an_outcome_after_the_epoch_changed_goes_to_the_new_one(tmp_path: Path) -> None:
    """A disk that fails in mid-answer costs neither the answer's first half nor the second, nor the outcome."""
    disk = FaultDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    stream, asked = begin(recorder)
    place = await filled(stream.intent(asked, b"question"))
    stream.answer(b"before, ")
    await until(lambda: not stream.unsynced)
    disk.fall_ill("EIO")
    stream.answer(b"during, ")
    await until(lambda: recorder.spool.down)
    disk.heal()
    await settled(recorder)
    stream.answer(b"after")
    ended = await filled(stream.outcome(end(stream)))
    await settled(recorder)
    await recorder.close()
    ledger = read(tmp_path)
    (outcome, part), *more = ledger.of(Outcome)
    assert isinstance(outcome, Outcome)
    assert (outcome.intent, ended.epoch, more) == (place, place.epoch + 1, [])
    keys = Keys(tmp_path, load(tmp_path).master)
    assert opening.answer(outcome, part, ledger.pieces[stream.id], keys.cipher) == b"before, during, after"
    assert all(reader.closed(epoch.folder) for epoch in reader.epochs(tmp_path / "spool"))


async def test_an_outcome_that_no_disk_takes_is_written_as_cut_later(tmp_path: Path) -> None:
    """The gateway is told no, cuts its client, and the ledger says so once it can."""
    disk = FaultDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"question"))
    stream.answer(b"answer")
    disk.fall_ill("EIO")
    with pytest.raises(LedgerUnavailableError):
        await filled(stream.outcome(end(stream)))
    disk.heal()
    await settled(recorder)
    await recorder.close()
    (outcome, _), *more = read(tmp_path).of(Outcome)
    assert isinstance(outcome, Outcome)
    assert (outcome.outcome, outcome.error, outcome.answer_bytes, more) == ("cut", "ledger_unavailable", 6, [])
    assert not wrong(tmp_path, b"question")


@pytest.mark.parametrize(
    ("on_failure", "was", "said", "delivered"),
    [
        ("refuse", "completed", "cut", 4),
        ("refuse", "upstream_error", "cut", 4),
        ("refuse", "client_gone", "client_gone", 6),
        ("serve", "completed", "completed", 6),
    ],
)
async def test_an_owed_outcome_says_what_the_client_got(
    tmp_path: Path, on_failure: str, was: str, said: str, delivered: int
) -> None:
    """The end that was withheld does not count where it never left; who had left before was not cut."""
    disk = FaultDisk()
    recorder = recorder_in(tmp_path, disk=disk, on_failure=on_failure)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"question"))
    stream.answer(b"answer")
    ended = end(stream)
    ended.outcome, ended.delivered_bytes = was, 6
    disk.fall_ill("EIO")
    with pytest.raises(LedgerUnavailableError):
        await filled(stream.outcome(ended, withheld=2))
    disk.heal()
    await settled(recorder)
    await recorder.close()
    outcomes = {entry.id: entry for entry, _ in read(tmp_path).of(Outcome)}
    assert isinstance(outcome := outcomes[stream.id], Outcome)
    assert (outcome.outcome, outcome.delivered_bytes) == (said, delivered)
    assert not wrong(tmp_path, b"question")


async def test_a_full_spool_refuses_new_exchanges_and_ends_old_ones(tmp_path: Path) -> None:
    """At 95 % of max_bytes intents fail, outcomes and refusals do not."""
    recorder = recorder_in(tmp_path, max_bytes=4 * 1024 * 1024)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"x" * 1024 * 1024))
    late, also = begin(recorder)
    with pytest.raises(LedgerUnavailableError, match="max_bytes"):
        await filled(late.intent(also, b"x" * 3 * 1024 * 1024))
    await filled(stream.outcome(end(stream)))
    await recorder.close()


async def test_a_start_on_a_sick_disk_refuses_until_it_is_well(tmp_path: Path) -> None:
    """The process starts, answers no, and goes on by itself."""
    await recorder_in(tmp_path).close()  # ids and secrets are there
    disk = FaultDisk("EROFS", at=0, lasting=-1)
    recorder = recorder_in(tmp_path, disk=disk)
    stream, asked = begin(recorder)
    with pytest.raises(LedgerUnavailableError):
        await filled(stream.intent(asked, b""))
    disk.heal()
    await settled(recorder)
    await exchange(recorder)
    await recorder.close()


async def test_two_workers_share_a_folder(tmp_path: Path) -> None:
    """Each has its instance, its epoch and its numbers."""
    one, two = recorder_in(tmp_path, worker=0), recorder_in(tmp_path, worker=1)
    await asyncio.gather(exchange(one), exchange(two))
    await one.close()
    await two.close()
    assert one.instance[:-1] == two.instance[:-1]
    assert [epoch.number for epoch in reader.epochs(tmp_path / "spool")] == [1, 1]
    assert not wrong(tmp_path)


async def test_epoch_numbers_are_never_used_twice(tmp_path: Path) -> None:
    """Even when the spool was taken away in between."""
    for _ in range(2):
        recorder = recorder_in(tmp_path)
        await recorder.close()
    (tmp_path / "spool").rename(tmp_path / "gone")
    recorder = recorder_in(tmp_path)
    await recorder.close()
    assert recorder.epoch == 3
