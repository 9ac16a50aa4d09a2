"""One exchange's way into the spool."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.core.oneshot import drive
from proxy.ledger import opening
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Intent, Outcome, Refusal, commitment
from proxy.ledger.secrets import load
from tests.torture.fault_disk import FaultDisk
from tests.torture.ledger_load import filled, settled
from tests.unit.ledger.ledger_parts import begin, end, exchange, read, recorder_in, refused, wrong
from tests.waiting import PATIENCE, until


async def test_an_exchange_leaves_an_intent_and_an_outcome_that_open(tmp_path: Path) -> None:
    """Question and answer open from the spool and match their commitments; the outcome names the intent's place."""
    recorder = recorder_in(tmp_path)
    asked, ended = await exchange(recorder, b"why?", b"because")
    await recorder.close()
    ledger, keys = read(tmp_path), Keys(tmp_path, load(tmp_path).master)
    (intent, question), (outcome, answer) = [pair for pair in ledger.entries if isinstance(pair[0], Intent | Outcome)]
    assert isinstance(intent, Intent)
    assert isinstance(outcome, Outcome)
    assert opening.question(intent, question, [], keys.cipher).received == b"why?"
    assert opening.answer(outcome, answer, [], keys.cipher) == b"because"
    assert (outcome.intent, outcome.answer_bytes, intent.request_bytes) == (asked, 7, 4)
    assert ended.seq == asked.seq + 1


async def test_an_entry_that_cannot_be_encoded_leaves_no_gap(tmp_path: Path) -> None:
    """Evidence with a lone surrogate raises where it is written, and the next entry takes the number."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder)
    asked.agent = "\ud800"
    with pytest.raises(UnicodeEncodeError):
        stream.intent(asked, b"")
    await exchange(recorder)
    await recorder.close()
    assert not wrong(tmp_path)


async def test_pieces_of_a_request_read_back_and_open(tmp_path: Path) -> None:
    """A body that came in pieces is read from disk in order, and the intent commits to all of it."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder)
    pieces = [bytes([number]) * 70_000 for number in range(4)]
    written = [stream.request_piece(piece) for piece in pieces]
    await filled(stream.intent(asked, b"the rest"))
    assert all(one.done for one in written)
    back = stream.read_back()
    assert [await filled(back.next()) for _ in range(5)] == [*pieces, b""]
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    assert not wrong(tmp_path, b"".join(pieces) + b"the rest")


async def test_pieces_are_there_for_whoever_waits_for_the_intent(tmp_path: Path) -> None:
    """A walk that goes on in the very call that fills its intent reads back pieces of the same commit."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder)
    piece = b"x" * 70_000
    read_back: list[bytes] = []
    errors: list[BaseException] = []

    async def walk() -> None:
        await stream.intent(asked, b"")
        read_back.append(await stream.read_back().next())

    stream.request_piece(piece)
    drive(walk(), errors.append)
    await until(lambda: read_back or errors)
    await recorder.close()
    assert (read_back, errors) == ([piece], [])


async def test_a_body_with_a_hole_gets_no_intent(tmp_path: Path) -> None:
    """A piece that was refused, whether or not anybody looked, refuses what comes after it and the intent, but no refusal."""
    recorder = recorder_in(tmp_path)
    (stream, asked), (first, also) = begin(recorder), begin(recorder)
    await filled(stream.request_piece(b"begin, "))
    recorder._committer.tight = True
    stream.request_piece(b"middle, ")
    first.request_piece(b"begin, ")
    recorder._committer.tight = False
    for slot in (stream.request_piece(b"end"), stream.intent(asked, b""), first.intent(also, b"")):
        with pytest.raises(LedgerUnavailableError, match="disk full"):
            await filled(slot)
    await filled(stream.refusal(refused(asked), b""))
    await recorder.close()
    (entry, part), *_ = read(tmp_path).of(Refusal)
    assert isinstance(entry, Refusal)
    keys = Keys(tmp_path, load(tmp_path).master)
    assert opening.question(entry, part, read(tmp_path).pieces[stream.id], keys.cipher).received == b"begin, "
    assert not list(read(tmp_path).of(Intent))
    assert not wrong(tmp_path)


async def test_a_piece_left_behind_by_its_epoch_refuses_the_intent(tmp_path: Path) -> None:
    """Pieces of an epoch that ended do not come together with those of the next."""
    disk = FaultDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    stream, asked = begin(recorder)
    await filled(stream.request_piece(b"begin"))
    disk.fall_ill("EIO")
    with pytest.raises(LedgerUnavailableError):
        await filled(stream.request_piece(b"middle"))
    disk.heal()
    await settled(recorder)
    for slot in (stream.request_piece(b"end"), stream.intent(asked, b"")):
        with pytest.raises(LedgerUnavailableError, match="epoch that ended"):
            await filled(slot)
    await recorder.close()


async def test_pieces_read_back_where_only_digests_are_kept(tmp_path: Path) -> None:
    """Without content in the ledger a long body still comes back from disk, under a key that only this process has."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder, content="digests")
    await filled(stream.request_piece(b"secret" * 1000))
    await filled(stream.intent(asked, b""))
    assert await filled(stream.read_back().next()) == b"secret" * 1000
    await recorder.close()
    assert [piece.key for piece in read(tmp_path).pieces[stream.id]] == [""]
    assert not wrong(tmp_path, b"secret" * 1000)


async def test_digests_keep_salts_only(tmp_path: Path) -> None:
    """With `digests` the commitments open to whoever has the bytes, and nothing else is there."""
    recorder = recorder_in(tmp_path)
    await exchange(recorder, b"short", content="digests")
    await recorder.close()
    keys = Keys(tmp_path, load(tmp_path).master)
    (intent, part), *_ = read(tmp_path).of(Intent)
    assert isinstance(intent, Intent)
    assert commitment(opening.salt_of(intent, part, keys.cipher), b"short") == intent.received
    with pytest.raises(opening.ContentGoneError):
        opening.question(intent, part, [], keys.cipher)


async def test_a_transform_keeps_what_came_and_what_was_sent(tmp_path: Path) -> None:
    """Both bodies open, each against its own commitment."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b"with logprobs", b"without"))
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    (intent, part), *_ = read(tmp_path).of(Intent)
    assert isinstance(intent, Intent)
    opened = opening.question(intent, part, [], Keys(tmp_path, load(tmp_path).master).cipher)
    assert (opened.received, opened.sent, intent.sent_bytes) == (b"with logprobs", b"without", 7)


async def test_a_refusal_is_one_entry_with_its_body(tmp_path: Path) -> None:
    """What we answer ourselves is recorded with what was asked."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder)
    await filled(stream.refusal(refused(asked), b"forbidden question"))
    await recorder.close()
    (entry, part), *_ = read(tmp_path).of(Refusal)
    assert isinstance(entry, Refusal)
    keys = Keys(tmp_path, load(tmp_path).master)
    assert opening.question(entry, part, [], keys.cipher).received == b"forbidden question"


async def test_an_answer_without_bytes_has_no_content_part(tmp_path: Path) -> None:
    """Nothing received, nothing committed to."""
    recorder = recorder_in(tmp_path)
    await exchange(recorder, answer=b"")
    await recorder.close()
    (entry, part), *_ = read(tmp_path).of(Outcome)
    assert isinstance(entry, Outcome)
    assert (entry.content, entry.answered, part) == (None, "", b"")


async def test_an_answer_goes_to_disk_while_it_passes(tmp_path: Path) -> None:
    """A tick makes the bytes durable, says so, and the outcome holds only what came after it."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder)
    await filled(stream.intent(asked, b""))
    said = asyncio.Event()
    stream.on_synced = said.set
    assert stream.answer(b"first ") == 6
    await asyncio.wait_for(said.wait(), PATIENCE)
    assert stream.answer(b"second") == 6
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    ledger = read(tmp_path)
    (outcome, part), *_ = ledger.of(Outcome)
    assert isinstance(outcome, Outcome)
    assert outcome.content is not None
    assert outcome.content.pieces == 6
    assert opening.answer(outcome, part, ledger.pieces[stream.id], Keys(tmp_path, load(tmp_path).master).cipher) == b"first second"


async def test_one_tick_carries_many_answers(tmp_path: Path) -> None:
    """Fifty dirty streams make one frame, not fifty."""
    recorder = recorder_in(tmp_path, tick_seconds=0.05)
    streams = []
    for _ in range(50):
        stream, asked = begin(recorder)
        await filled(stream.intent(asked, b""))
        stream.answer(b"token")
        streams.append(stream)
    before = recorder.stats["commits"]
    await until(lambda: not any(stream.unsynced for stream in streams))
    assert recorder.stats["commits"] - before <= 2
    await recorder.close()


async def test_an_exchange_without_intent_costs_nothing_more(tmp_path: Path) -> None:
    """Where the gateway serves without a record, the answer is neither kept nor counted as unsynced."""
    disk = FaultDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    disk.fall_ill("EIO")
    stream, asked = begin(recorder)
    with pytest.raises(LedgerUnavailableError):
        await filled(stream.intent(asked, b""))
    assert stream.answer(b"x" * 100_000) == 0
    disk.heal()
    await settled(recorder)
    await recorder.close()
