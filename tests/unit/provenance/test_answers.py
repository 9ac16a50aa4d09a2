"""Answers by the record ids that came with them, from a store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.core.facts import RequestFacts
from proxy.core.references import Refer
from proxy.ledger import store_results
from proxy.ledger.record import Line, Refusal, Turn, decode, leaf
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from proxy.provenance.answers import answers, answers_with_origins
from tests.ledgers import Writer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/store.db")
    yield opened
    await opened.close()


async def test_an_exchange_with_its_end(store: Store) -> None:
    """What was asked, how it ended, and the leaves of both; one that is open has no end, a refusal no answer."""
    writer = Writer()
    record = writer.exchange()
    waiting = writer.intent(writer.new_id())
    values = {name: getattr(waiting, name) for name in waiting.__struct_fields__}
    refused = Refusal(**values | {"id": writer.new_id(), "seq": writer.next_seq()}, status=403, error="policy_violation")
    writer.entry(refused)
    await ship(store, writer.batch())
    found = await answers(store, [record, waiting.id, refused.id, "rec_" + "0" * 32])
    done = found[record]
    assert (done.outcome, done.status, done.model, done.refused) == ("completed", 200, "gpt-5-2026", False)
    assert [done.leaf, done.answer_leaf] == [leaf(frame.evidence).hex() for frame in writer.frames[:2]]
    assert (found[waiting.id].outcome, found[waiting.id].answer_leaf) == ("", "")
    assert found[refused.id].refused
    assert len(found) == 3


async def test_a_line_is_answered_by_a_download(store: Store) -> None:
    """One whose result has not come has no answer, though its carrier has one."""
    writer = Writer()
    carrier = writer.carrier([b"{}"] * 2, host="batch.example")
    download = writer.exchange()
    await ship(store, writer.batch())
    lines = [entry.id for frame in writer.frames if isinstance(entry := decode(frame.evidence), Line)]
    await store_results.keep(store, download, "rec_batch", carrier, lines[:1])
    found = await answers(store, lines)
    assert [found[line].outcome for line in lines] == ["completed", ""]
    carried = found[lines[0]].carrier
    assert carried is not None
    assert carried.host == "batch.example"
    assert found[lines[0]].answer_leaf == (await answers(store, [download]))[download].answer_leaf


async def test_a_turn_rests_on_its_session(store: Store) -> None:
    """And has ended or not by itself."""
    writer = Writer()
    session = writer.session([b"x"])
    await ship(store, writer.batch())
    written = [decode(frame.evidence) for frame in writer.frames if frame.seq]
    turns = list(dict.fromkeys(entry.id for entry in written if isinstance(entry, Turn)))
    found = await answers_with_origins(store, turns)
    assert [found[turn].outcome for turn in turns] == ["completed", ""]
    assert found[turns[0]].rests_on == [session]
    assert session in found


async def test_what_an_answer_rests_on_comes_with_it(store: Store) -> None:
    """Through any number of calls, in circles as well."""
    writer = Writer()
    ids = [writer.new_id() for _ in range(4)]
    for at, record in enumerate(ids):
        refers = (Refer("response:x", record=ids[(at + 1) % len(ids)]), Refer("file:y", miss=True))
        intent = writer.intent(record, refers=refers, facts=RequestFacts(references=["response:x", "file:y"]))
        writer.outcome(intent)
    await ship(store, writer.batch())
    assert set(await answers_with_origins(store, ids[:1])) == set(ids)
