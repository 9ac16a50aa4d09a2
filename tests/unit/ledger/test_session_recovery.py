"""What a crash left of a session: what was said up to there, and turns that nobody ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.ledger import opening
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Intent, Outcome, Turn, commitment
from proxy.ledger.secrets import load
from tests.torture.ledger_load import filled
from tests.unit.ledger.ledger_parts import killed, read, recorder_in, restarted, wrong
from tests.unit.ledger.session_parts import opened, turn
from tests.waiting import until


@pytest.mark.parametrize("content", ["full", "digests"])
async def test_session_and_open_turns_end_as_unknown_after_crash(tmp_path: Path, content: str) -> None:
    """The outcome commits to all that the client had said durably; turns that had ended are left alone."""
    recorder = recorder_in(tmp_path)
    stream, asked = await opened(recorder, content)
    ended, begun = turn(asked.id, 1), turn(asked.id, 2)
    await filled(stream.turn(ended))
    await filled(stream.client_piece(b"how "))
    await filled(stream.turn(turn(asked.id, 1, ended.id, outcome="completed")))
    await filled(stream.turn(begun))
    await filled(stream.client_piece(b"far?"))
    stream.answer(b"so far")
    await until(lambda: not stream.unsynced)
    await killed(recorder)
    await restarted(tmp_path)
    ledger, keys = read(tmp_path), Keys(tmp_path, load(tmp_path).master)
    (intent, question), (outcome, _) = next(iter(ledger.of(Intent))), next(iter(ledger.of(Outcome)))
    assert isinstance(intent, Intent)
    assert isinstance(outcome, Outcome)
    salt = opening.salt_of(intent, question, keys.cipher)
    assert (outcome.outcome, outcome.request_bytes) == ("unknown_after_crash", 8)
    assert outcome.received == commitment(salt, b"how far?")
    if content == "full":
        assert opening.said(intent, outcome, question, ledger.pieces[asked.id], keys.cipher) == b"how far?"
    last = {entry.id: entry for entry, _ in ledger.entries if isinstance(entry, Turn)}
    assert (last[ended.id].outcome, last[begun.id].outcome) == ("completed", "unknown_after_crash")
    assert (last[begun.id].number, last[begun.id].carrier, last[begun.id].epoch) == (2, asked.id, 2)
    assert not wrong(tmp_path, b"")


async def test_a_second_start_ends_nothing_twice(tmp_path: Path) -> None:
    """The epoch that was dealt with is closed."""
    recorder = recorder_in(tmp_path)
    stream, asked = await opened(recorder)
    await filled(stream.turn(turn(asked.id)))
    await killed(recorder)
    await restarted(tmp_path)
    await restarted(tmp_path)
    turns = [entry for entry, _ in read(tmp_path).entries if isinstance(entry, Turn)]
    assert [one.outcome for one in turns] == ["", "unknown_after_crash"]
