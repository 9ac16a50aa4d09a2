"""What every store keeps of a batch, on SQLite and on PostgreSQL: each entry once, forks found, projections whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from proxy.ledger.reader import Cursor, Fault
from proxy.ledger.record import leaf
from proxy.ledger.store import Store
from proxy.ledger.store_batch import BatchBuilder, Resealer
from proxy.ledger.store_rows import INTENT_COLUMNS, OUTCOME_COLUMNS
from proxy.ledger.store_ship import _MANY, place_of, ship, ship_keys
from tests.ledgers import NOON, Writer


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


async def rows(store: Store, query: str) -> list[Any]:
    async with store.read() as connection:
        return list((await connection.execute(text(query))).all())


async def count(store: Store, table: str) -> int:
    return int((await rows(store, f"SELECT count(*) FROM {table}"))[0][0])


async def test_a_batch_is_kept_as_it_was_written(store: Store) -> None:
    """Canonical bytes, leaf hashes, place and projection of a batch are in the store after one transaction."""
    writer = Writer()
    for _ in range(3):
        writer.exchange(b"question" * 20, b"answer" * 20)
    batch = writer.batch()
    shipped = await ship(store, batch)
    assert (shipped.new, shipped.forks) == (6, 0)
    kept = await rows(store, "SELECT seq, evidence, leaf, day FROM entries ORDER BY seq")
    assert [bytes(row[1]) for row in kept] == [frame.evidence for frame in writer.frames]
    assert all(bytes(row[2]) == leaf(bytes(row[1])) and row[3] == NOON // 86_400_000_000 for row in kept)
    assert await place_of(store, writer.instance, 1) == Cursor(1, writer.frames[-1].end, 6)
    assert await rows(store, "SELECT count(*), min(outcome), min(usage_output), min(model_returned) FROM exchanges") == [
        (3, "completed", 5, "gpt-5-2026")
    ]


@pytest.mark.parametrize(("size", "agent"), [(1, "über"), (3, ""), (_MANY, "odd\0one'"), (_MANY, "long'" * 100)])
async def test_what_rows_have_in_common_is_theirs(store: Store, size: int, agent: str) -> None:
    """Whether all exchanges of a batch have a value or only one of them has it, each row has its own, with quotes and all."""
    if "\0" in agent and store.dialect == "postgresql":
        agent = "?"  # PostgreSQL has no such text
    writer = Writer()
    common = {"dialect": "o'penai''", "verdict": "", "purpose": "use.product", "target": "it's; --", "agent": agent}
    for _ in range(size):
        writer.exchange(**common, end_user="'")
    writer.exchange(**common | {"retry": 2, "end_user": "", "dialect": "openai", "decision": "flag"})
    for _ in range(size - 1):
        writer.exchange(**common, end_user="'")
    batch = writer.batch()
    await ship(store, batch)
    names = ("id", *INTENT_COLUMNS, *OUTCOME_COLUMNS)
    kept = await rows(store, "SELECT " + ", ".join(f'"{name}"' for name in names) + " FROM exchanges ORDER BY id")
    assert [tuple(row) for row in kept] == sorted(batch.projection.whole.values())


async def test_shipping_twice_changes_nothing(store: Store) -> None:
    """A batch whose commit was not heard of is written again without a trace."""
    writer = Writer()
    writer.exchange()
    writer.exchange()
    tables = ("entries", "exchanges", "contents", "cursors", "incidents")
    await ship(store, writer.batch())
    before = [await rows(store, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables[:2]]
    counts = [await count(store, table) for table in tables]
    again = await ship(store, writer.batch())
    assert (again.new, again.forks) == (0, 0)
    assert [await rows(store, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables[:2]] == before
    assert [await count(store, table) for table in tables] == counts


@pytest.mark.parametrize("size", [4, _MANY + 3])
async def test_an_overlapping_batch_adds_only_what_is_new(store: Store, size: int) -> None:
    """A batch that begins before the stored place adds the entries behind it, counts them, and moves the place on."""
    writer = Writer()
    for _ in range(size):
        writer.exchange()
    await ship(store, writer.batch(until=size))
    shipped = await ship(store, writer.batch(Cursor(1, 0, 2), taken=2))
    assert (shipped.new, shipped.forks) == (size, 0)
    assert [await count(store, table) for table in ("entries", "exchanges")] == [2 * size, size]
    assert (await place_of(store, writer.instance, 1)).seq == 2 * size


@pytest.mark.parametrize("other_day", [False, True])
async def test_another_leaf_at_a_taken_place_is_a_fork(store: Store, other_day: bool) -> None:
    """Both entries of a fork are kept, also when the second claims another day, and the first one's projection stands."""
    writer = Writer()
    first = writer.exchange(b"true")
    await ship(store, writer.batch())
    forger = Writer(ring=writer.ring, at=NOON + 86_400_000_000 * other_day, count=5)
    forger.exchange(b"false", project="forged")
    assert (await ship(store, forger.batch())).forks == 2
    assert (await ship(store, forger.batch())).forks == 2
    found = await rows(store, "SELECT kind, seq, evidence, leaf FROM incidents ORDER BY seq")
    assert [(kind, seq) for kind, seq, *_ in found] == [("fork", 1), ("fork", 2)]
    assert [bytes(row[2]) for row in found] == [frame.evidence for frame in forger.frames]
    kept = {bytes(row[0]) for row in await rows(store, "SELECT evidence FROM entries")}
    assert {frame.evidence for frame in writer.frames} <= kept
    assert await rows(store, "SELECT id, project FROM exchanges") == [(first, "")]


async def test_an_outcome_may_come_later_or_first(store: Store) -> None:
    """Intent and outcome meet in one row whichever batch is written first; until then the exchange is open."""
    writer = Writer()
    intent = writer.intent(writer.new_id())
    await ship(store, writer.batch())
    assert await rows(store, "SELECT outcome, upstream FROM exchanges") == [(None, "openai")]
    writer.outcome(intent)
    early = Writer(epoch=2, ring=writer.ring)
    orphan = early.intent(early.new_id())
    early.outcome(orphan)
    await ship(store, writer.batch(Cursor(1, 0, 1), taken=1))
    await ship(store, early.batch(Cursor(1, 0, 1), taken=1))
    assert await rows(store, "SELECT outcome, at IS NULL FROM exchanges ORDER BY id") == [("completed", False), ("completed", True)]
    await ship(store, early.batch(until=1))
    found = await rows(store, "SELECT outcome, upstream, at FROM exchanges WHERE epoch = 2")
    assert found == [("completed", "openai", orphan.at)]
    assert (await place_of(store, early.instance, 2)).seq == 2


async def test_an_assumed_outcome_gives_way_to_the_true_one(store: Store) -> None:
    """`unknown_after_crash` is replaced by a real outcome and never replaces one."""
    writer = Writer()
    intent = writer.intent(writer.new_id())
    await ship(store, writer.batch())
    recovered = Writer(epoch=2, ring=writer.ring)
    recovered.outcome(intent, outcome="unknown_after_crash")
    await ship(store, recovered.batch())
    assert await rows(store, "SELECT outcome FROM exchanges") == [("unknown_after_crash",)]
    writer.outcome(intent)
    await ship(store, writer.batch(Cursor(1, 0, 1), taken=1))
    await ship(store, recovered.batch())
    assert await rows(store, "SELECT outcome, outcome_epoch FROM exchanges") == [("completed", 1)]


async def test_what_the_spool_lost_is_an_incident(store: Store) -> None:
    """Damage that the reader met is kept once, with the numbers that are missing."""
    writer = Writer()
    for _ in range(2):
        builder = BatchBuilder(writer.instance, 1, Cursor(), Resealer(writer.ring.cipher))
        builder.fault(Fault("damaged", 1, 640, 3, 4))
        await ship(store, builder.finish(Cursor(1, 900, 4)))
    assert await rows(store, "SELECT kind, seq, detail FROM incidents") == [
        ("damaged", 3, '{"what":"damaged","segment":1,"offset":640,"first":3,"last":4}')
    ]


async def test_a_destroyed_key_does_not_come_back(store: Store) -> None:
    """Shipping the keyring again does not restore a key that retention destroyed in the store."""
    row = ("i/2026-09.01", "i", "p", "2026-09", b"wrapped")
    await ship_keys(store, [row])
    async with store.write() as connection:
        await connection.execute(text("UPDATE content_keys SET wrapped = NULL, destroyed_at = 1"))
    await ship_keys(store, [row, ("i/2026-09.02", "i", "q", "2026-09", b"other")])
    assert await rows(store, "SELECT key_id, wrapped IS NULL FROM content_keys ORDER BY 1") == [
        ("i/2026-09.01", True),
        ("i/2026-09.02", False),
    ]
