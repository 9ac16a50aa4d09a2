"""The record of a session: what its client said is durable piece by piece, and the outcome commits to all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import opening
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Intent, Outcome, Turn, commitment
from proxy.ledger.secrets import load
from tests.torture.ledger_load import filled
from tests.unit.ledger.ledger_parts import end, read, recorder_in, wrong
from tests.unit.ledger.session_parts import opened, turn


async def test_what_a_client_said_opens_to_the_outcomes_commitment(tmp_path: Path) -> None:
    """In its order, beside the answer, with turns as entries between them and no gap in their numbers."""
    recorder = recorder_in(tmp_path)
    stream, asked = await opened(recorder)
    for piece in (b"first ", b"second ", b"third"):
        await filled(stream.client_piece(piece))
    begun = turn(asked.id)
    await filled(stream.turn(begun))
    stream.answer(b"answer")
    await filled(stream.turn(turn(asked.id, name=begun.id, outcome="completed")))
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    ledger, keys = read(tmp_path), Keys(tmp_path, load(tmp_path).master)
    (intent, question), (outcome, part) = next(iter(ledger.of(Intent))), next(iter(ledger.of(Outcome)))
    assert isinstance(intent, Intent)
    assert isinstance(outcome, Outcome)
    pieces = ledger.pieces[asked.id]
    assert opening.said(intent, outcome, question, pieces, keys.cipher) == b"first second third"
    assert opening.question(intent, question, pieces, keys.cipher).received == b""
    assert opening.answer(outcome, part, pieces, keys.cipher) == b"answer"
    turns = [entry for entry, _ in ledger.entries if isinstance(entry, Turn)]
    assert [(one.id, one.outcome, one.carrier) for one in turns] == [(begun.id, "", asked.id), (begun.id, "completed", asked.id)]
    assert not wrong(tmp_path, b"")


async def test_only_the_commitment_is_kept_where_only_digests_are(tmp_path: Path) -> None:
    """Each piece's evidence has it up to there; no byte of the client's is on disk."""
    recorder = recorder_in(tmp_path)
    stream, asked = await opened(recorder, "digests")
    for piece in (b"said in ", b"confidence"):
        await filled(stream.client_piece(piece))
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    ledger, keys = read(tmp_path), Keys(tmp_path, load(tmp_path).master)
    (intent, question), (outcome, _) = next(iter(ledger.of(Intent))), next(iter(ledger.of(Outcome)))
    assert isinstance(intent, Intent)
    assert isinstance(outcome, Outcome)
    salt = opening.salt_of(intent, question, keys.cipher)
    assert (outcome.request_bytes, outcome.received) == (18, commitment(salt, b"said in confidence"))
    assert all(len(piece.sealed) == 28 and not piece.key for piece in ledger.pieces[asked.id])


async def test_nothing_is_taken_without_an_open_record(tmp_path: Path) -> None:
    """Before the intent, and after the outcome."""
    recorder = recorder_in(tmp_path)
    early = recorder.session("rec_early", "product-chat", "full")
    with pytest.raises(LedgerUnavailableError):
        await filled(early.client_piece(b"?"))
    stream, asked = await opened(recorder)
    await filled(stream.outcome(end(stream)))
    for refused in (stream.client_piece(b"?"), early.turn(turn(asked.id))):
        with pytest.raises(LedgerUnavailableError):
            await filled(refused)
    await recorder.close()


async def test_with_serve_the_outcome_commits_to_what_no_disk_took(tmp_path: Path) -> None:
    """The piece fails, is sent on all the same, and is part of what was said."""
    recorder = recorder_in(tmp_path, on_failure="serve")
    stream, _ = await opened(recorder)
    await filled(stream.client_piece(b"kept "))
    stream._broken = "EIO"
    with pytest.raises(LedgerUnavailableError):
        await filled(stream.client_piece(b"not kept"))
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    (outcome, _) = next(iter(read(tmp_path).of(Outcome)))
    assert isinstance(outcome, Outcome)
    assert outcome.request_bytes == len(b"kept not kept")
