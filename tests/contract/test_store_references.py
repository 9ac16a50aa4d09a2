"""The reference index on SQLite and on PostgreSQL: what ended records made, the first maker, stamps that skip nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from proxy.control.reindex import reindex
from proxy.core.facts import AnswerFacts
from proxy.core.references import Origin, Refer, reference_key, subkey
from proxy.ledger import secrets, store_references, store_results
from proxy.ledger.record import Intent
from proxy.ledger.store import Store
from proxy.ledger.store_references import after, count, forget, newest, settle
from proxy.ledger.store_retention import forget_evidence
from proxy.ledger.store_ship import ship
from tests.ledgers import Writer
from tests.spools import begin, end, exchange, open_recorder

KEY = subkey(b"k" * 32)
RESULTS = ("file_content",)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


def call(writer: Writer, created: list[str], *refers: Refer, answer: dict[str, Any] | None = None, **changes: Any) -> Intent:
    """An exchange that refers to something and makes something."""
    intent = writer.intent(writer.new_id(), refers=refers, **changes)
    writer.outcome(intent, facts=AnswerFacts(created=created), **(answer or {}))
    return intent


def known(ref: str, intent: Intent, **changes: Any) -> Refer:
    """A reference as a gateway resolved it."""
    return Refer(ref, intent.id, intent.principal, intent.purpose, changes.get("verdict", intent.verdict))


def key(ref: str, upstream: str = "openai") -> bytes:
    return reference_key(KEY, upstream, ref)


async def index(store: Store) -> dict[bytes, Origin]:
    """All of it."""
    return {key: origin async for page in newest(store, 10**6) for key, origin in page}


async def shipped(store: Store, writer: Writer) -> store_references.Settled:
    """What settling does once everything that was written is in the store."""
    await ship(store, writer.batch())
    return await settle(store, KEY, RESULTS)


async def test_what_a_record_made_is_found_with_its_maker(store: Store) -> None:
    """The maker's record, principal, purpose and verdict stand beside the object's key; a response is made by its own id."""
    writer = Writer()
    upload = call(writer, ["file:in"], principal="alice", purpose="train.general", verdict="review", endpoint="file_upload")
    writer.outcome(response := writer.intent(writer.new_id()), facts=AnswerFacts(upstream_id="resp_1"))
    done = await shipped(store, writer)
    assert done.records == 2
    whole = ("file", "alice", "", "train.general", "review", "file_upload", "gpt-5")
    assert (await index(store))[key("file:in")] == Origin(upload.id, upload.at, *whole)
    assert (await index(store))[key("response:resp_1")].record == response.id
    assert (await settle(store, KEY, RESULTS)).records == 0


async def test_a_batch_inherits_and_hands_on(store: Store) -> None:
    """A batch is as strict as the file it reads, its output file comes from the batch, whoever first saw that it is there."""
    writer = Writer()
    upload = call(writer, ["file:in"], principal="alice", verdict="forbid", endpoint="file_upload")
    batch = call(writer, ["batch:b"], known("file:in", upload), principal="alice", endpoint="batch_create")
    asked = known("batch:b", batch, verdict="forbid")
    call(writer, ["batch:b", "file:out"], asked, principal="bob", method="GET", endpoint="batch")
    await shipped(store, writer)
    found = await index(store)
    assert found[key("batch:b")].verdict == "forbid"
    assert found[key("file:out")] == found[key("batch:b")]
    assert found[key("file:out")].record == batch.id


async def test_the_first_maker_stays(store: Store) -> None:
    """An id that comes again, from another record or in a batch that is shipped again, changes nothing."""
    writer = Writer()
    first = call(writer, ["file:f"], principal="alice")
    await shipped(store, writer)
    call(writer, ["file:f"], principal="bob")
    await shipped(store, writer)
    assert (await index(store))[key("file:f")].record == first.id
    await shipped(store, writer)
    assert len(await index(store)) == 1


async def test_what_failed_or_is_unknown_makes_nothing(store: Store) -> None:
    """An error makes no object, and neither does reading what no record made."""
    writer = Writer()
    call(writer, ["file:f"], answer={"status": 400})
    call(writer, ["batch:b", "file:out"], Refer("batch:b", miss=True), method="GET")
    call(writer, ["file:g"], method="GET")
    await shipped(store, writer)
    assert await index(store) == {}


async def test_an_exchange_under_way_waits(store: Store) -> None:
    """What a record refers to is settled when it has ended, however long that takes."""
    writer = Writer()
    intent = writer.intent(writer.new_id(), refers=(Refer("file:x", miss=True),))
    assert (await shipped(store, writer)).records == 0
    writer.outcome(intent, facts=AnswerFacts(created=["batch:b"]))
    assert (await shipped(store, writer)).records == 1
    assert key("batch:b") in await index(store)


async def test_a_maker_that_is_not_shipped_yet_is_taken_from_the_intent(store: Store) -> None:
    """Another gateway's spool may lag: what the asking gateway knew of the maker is enough."""
    writer = Writer()
    asked = Refer("batch:b", "rec_" + "7" * 32, "alice", "train.general", "forbid")
    call(writer, ["batch:b", "file:out"], asked, method="GET", principal="bob")
    await shipped(store, writer)
    origin = (await index(store))[key("file:out")]
    assert (origin.record, origin.principal, origin.purpose, origin.verdict, origin.kind) == (*_of(asked), "batch")


def _of(refer: Refer) -> tuple[str, str, str, str]:
    return refer.record, refer.principal, refer.purpose, refer.verdict


async def test_following_by_stamp_skips_nobody(store: Store) -> None:
    """Whoever follows the stamps has, at each step, all that there is; nothing new leaves the stamp where it is."""
    writer = Writer()
    had: dict[bytes, Origin] = {}
    stamp = 0
    for number in range(5):
        call(writer, [f"file:{number}"])
        await shipped(store, writer)
        found = await after(store, stamp)
        assert found is not None
        had |= dict(found[0])
        stamp = found[1]
        assert had == await index(store)
    objects, whole = await count(store)
    assert objects == 5
    assert await after(store, whole) is not None
    if store.dialect == "sqlite":
        assert await after(store, stamp) == ([], stamp)


async def test_an_emptied_index_gives_no_stamp_twice(store: Store) -> None:
    """Whoever followed before retention or a reindex emptied the index sees all that comes after."""
    writer = Writer()
    call(writer, ["file:a"])
    await shipped(store, writer)
    found = await after(store, 0)
    assert found is not None
    await forget_evidence(store, writer.at + 2 * 86_400_000_000)
    await shipped(store, writer)
    again = await after(store, found[1])
    assert again is not None
    assert dict(again[0]) == dict(found[0])


async def test_records_of_an_earlier_form_are_taken_in_by_a_reindex(store_url: str, tmp_path: Path) -> None:
    """A populated store of before is migrated with nothing lost; what its records made is known once it was reindexed."""
    store = await Store.open(store_url, head="0001")
    recorder = open_recorder(tmp_path)
    record = await exchange(recorder)
    made = await end(await begin(recorder, b"ask"), facts=AnswerFacts(created=["file:f"]))
    await recorder.close()
    async with store.write() as connection:  # as the earlier version shipped it, which knew of no objects
        await connection.execute(text("INSERT INTO exchanges (id, at) VALUES (:id, 1)"), [{"id": record}, {"id": made}])
    await store.close()
    store = await Store.open(store_url)
    assert (await settle(store, KEY, RESULTS)).records == 0
    await reindex(store, tmp_path, secrets.load(tmp_path).master, lambda *_: None)
    await settle(store, KEY, RESULTS)
    assert (await index(store))[key("file:f")].record == made
    await store.close()


async def test_a_transaction_that_commits_late_is_followed(store: Store) -> None:
    """On PostgreSQL rows of an older transaction may become visible after those of a newer one: they are not skipped."""
    if store.dialect == "sqlite":
        pytest.skip("one writer, whose transactions become visible in their order")
    writer, other = Writer(), Writer(instance="00000000000000bb-0")
    call(writer, ["file:late"])
    call(other, ["file:soon"])
    await ship(store, writer.batch())
    async with store.write() as connection:
        await connection.execute(text("SELECT pg_current_xact_id()"))
        await connection.execute(text(_LATE), {"key": key("file:late").hex(), "record": "rec_" + "0" * 32})
        await ship(store, other.batch())
        await connection.execute(text("SAVEPOINT before"))
        await settle_beside(store)
        found = await after(store, 0)
        assert found is not None
        assert key("file:late") not in dict(found[0])
    later = await after(store, found[1])
    assert later is not None
    assert key("file:late") in dict(later[0])


_LATE = """INSERT INTO reference_index (key, stamp, record_id, at)
           VALUES (:key, pg_current_xact_id()::text::bigint, :record, 1)"""


async def settle_beside(store: Store) -> None:
    """Settle everything but the object that the open transaction is about to make."""
    async with store.write() as connection:
        await connection.execute(text("DELETE FROM mentions WHERE created LIKE '%late%'"))
    await settle(store, KEY, RESULTS)


async def test_too_much_to_follow_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past a bound, whoever follows is told to read the newest instead, which come newest first."""
    monkeypatch.setattr(store_references, "_MOST_AFTER", 2)
    monkeypatch.setattr(store_references, "_PAGE", 2)
    writer = Writer()
    intents = [call(writer, [f"file:{number}"]) for number in range(5)]
    await shipped(store, writer)
    assert await after(store, 0) is None
    pages = [[origin.record for _, origin in page] async for page in newest(store, 3)]
    assert pages == [[intents[4].id, intents[3].id], [intents[2].id]]


async def test_a_download_waits_until_it_is_tied(store: Store) -> None:
    """A download of a batch's results is named with where they come from, again and again until it was dealt with."""
    writer = Writer()
    batch = call(writer, ["batch:b"], endpoint="batch_create")
    call(writer, ["batch:b", "file:out"], known("batch:b", batch), method="GET", endpoint="batch")
    got = call(writer, [], known("file:out", batch), method="GET", endpoint="file_content")
    done = await shipped(store, writer)
    (download,) = done.downloads
    assert (download.record, download.origin.record, download.origin.kind) == (got.id, batch.id, "batch")
    assert (await settle(store, KEY, RESULTS)).downloads == [download]
    await forget(store, [got.id])
    assert (await settle(store, KEY, RESULTS)).downloads == []


async def test_results_are_tied_once(store: Store) -> None:
    """The first download of a result stays the line's; each download counts its own."""
    batch, carrier = "rec_" + "1" * 32, "rec_" + "2" * 32
    for _ in range(2):
        await store_results.keep(store, "rec_a", batch, carrier, ["rec_l1", "rec_l2"])
    await store_results.keep(store, "rec_b", batch, carrier, ["rec_l2", "rec_l3"])
    assert await store_results.result_of(store, "rec_a") == store_results.ResultOf(batch, carrier, 2)
    assert await store_results.result_of(store, "rec_b") == store_results.ResultOf(batch, carrier, 1)
    assert await store_results.result_of(store, "rec_c") is None
    assert await store_results.downloads_of(store, batch) == ["rec_a", "rec_b"]
    found = await store_results.results_of(store, ["rec_l2", "rec_l3", "rec_l4"])
    assert found == {"rec_l2": "rec_a", "rec_l3": "rec_b"}


async def test_retention_lets_go_of_what_was_made(store: Store) -> None:
    """Objects go with the evidence of the record that made them."""
    writer = Writer()
    call(writer, ["file:f"])
    await shipped(store, writer)
    await forget_evidence(store, writer.at + 2 * 86_400_000_000)
    assert await index(store) == {}


async def test_what_a_gateway_missed_is_understood_by_what_the_store_knows(store: Store) -> None:
    """Upload, batch and result file at three gateways, each before the others' knowledge came: all comes from the batch."""
    writer = Writer()
    upload = call(writer, ["file:in"], principal="alice", verdict="forbid", endpoint="file_upload")
    batch = call(writer, ["batch:b"], Refer("file:in", miss=True), principal="alice", endpoint="batch_create")
    call(writer, ["batch:b", "file:out"], Refer("batch:b", miss=True), principal="alice", method="GET", endpoint="batch")
    call(writer, [], Refer("file:out", miss=True), method="GET", endpoint="file_content")
    done = await shipped(store, writer)
    found = await index(store)
    assert (found[key("batch:b")].record, found[key("batch:b")].verdict) == (batch.id, "forbid")
    assert found[key("file:out")] == found[key("batch:b")]
    assert [download.origin for download in done.downloads] == [found[key("batch:b")]]

    async def known_here(ref: str) -> Origin | None:
        return await store_references.find(store, key(ref))

    assert await store_results.batch_of(store, found[key("file:out")], known_here) == (batch.id, upload.id)
    assert await store_results.batch_of(store, found[key("file:out")], store_results.nobody) == (batch.id, "")


async def test_a_maker_that_comes_later_is_waited_for(store: Store) -> None:
    """A young record that refers to what nobody knows stays noted for a moment; what came after it was not what it referred to."""
    writer = Writer()
    upload = writer.intent(writer.new_id(), endpoint="file_upload")
    early = call(writer, ["batch:b"], Refer("file:in", miss=True), endpoint="batch_create")
    await ship(store, writer.batch())
    young = early.at + store_references.GRACE_US - 1
    assert (done := await settle(store, KEY, RESULTS, young)).kept == [early.id]
    assert (await settle(store, KEY, RESULTS, young, done.kept)).records == 0
    writer.outcome(upload, facts=AnswerFacts(created=["file:in"]))
    call(writer, ["file:after"], endpoint="file_upload")
    await ship(store, writer.batch())
    assert (await settle(store, KEY, RESULTS, young + 1)).kept == []
    assert await index(store)
    assert (await settle(store, KEY, RESULTS, young + 1)).records == 0
