"""Evidence in bulk and records by their ids, on every store: all of it, once, in order, beside whoever owns the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from proxy.ledger import store_results
from proxy.ledger.record import decode
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreError, StoreNewerError, StoreUnavailableError
from proxy.ledger.store_evidence import windows
from proxy.ledger.store_records import answered_lines, exchanges_named, lines_named, turns_named
from proxy.ledger.store_rows import DAY_US
from proxy.ledger.store_ship import ship
from tests.ledgers import NOON, Writer


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


async def ids(store: Store, window: int = 3, **bounds: int) -> list[str]:
    """Record ids of all intents, in the order in which they are handed out."""
    return [
        decode(evidence).id
        async for each in windows(store, ("intent",), window=window, **bounds)
        for kind, evidence in each.rows
        if kind == "intent"
    ]


@pytest.mark.parametrize("window", [1, 3, 1000])
async def test_every_entry_once_in_windows_of_any_size(store: Store, window: int) -> None:
    """Epochs and instances follow each other, and what was gone through adds up to the whole."""
    written = []
    for instance, epoch in (("a" * 16 + "-0", 1), ("a" * 16 + "-0", 2), ("b" * 16 + "-0", 1)):
        writer = Writer(instance=instance, epoch=epoch)
        written += [writer.exchange() for _ in range(5)]
        await ship(store, writer.batch())
    assert await ids(store, window) == written
    progress = [(each.passed, each.total) async for each in windows(store, ("intent",), window=window)]
    assert progress[-1] == (30, 30)
    assert progress == sorted(progress)


async def test_only_what_the_time_asks_for(store: Store) -> None:
    """The first moment is in it, the last is not; days are told apart as well."""
    writer = Writer()
    early = writer.exchange()
    writer.at = NOON + 3 * DAY_US
    at = writer.at + 1000
    later, last = writer.exchange(), writer.exchange()
    await ship(store, writer.batch())
    assert await ids(store, since=at) == [later, last]
    assert await ids(store, until=at) == [early]
    assert await ids(store, since=at, until=at + 1) == [later]


async def test_records_of_every_kind_by_their_ids(store: Store) -> None:
    """Exchanges with their outcomes, lines whose results came and those that wait for them, turns as they ended; no strangers."""
    writer = Writer()
    plain = writer.exchange()
    open_one = writer.intent(writer.new_id()).id
    carrier = writer.carrier([b"{}"] * 4)
    session = writer.session([b"x"])
    await ship(store, writer.batch())
    named = {decode(frame.evidence).id: frame.evidence for frame in writer.frames if frame.kind and b'"line"' in frame.evidence}
    of_session = {decode(frame.evidence).id: frame.evidence for frame in writer.frames if b'"kind":"turn"' in frame.evidence}
    some = list(named)
    await store_results.keep(store, plain, "rec_batch", carrier, some[:2])
    found = await exchanges_named(store, [plain, open_one, carrier, "rec_" + "0" * 32, *some])
    assert {record: outcome is not None for record, (_, outcome) in found.items()} == {plain: True, open_one: False, carrier: True}
    assert decode(found[plain][0]).id == plain
    assert await lines_named(store, [*some, "rec_" + "f" * 32, "nonsense"]) == named
    assert await answered_lines(store, some) == dict.fromkeys(some[:2], plain)
    assert await turns_named(store, [*of_session, session]) == of_session


async def test_a_reader_beside_the_owner(store: Store, store_url: str) -> None:
    """It sees what the owner ships meanwhile, and can change nothing."""
    reader = await Store.look(store_url)
    try:
        writer = Writer()
        record = writer.exchange()
        await ship(store, writer.batch())
        assert await ids(reader) == [record]
        if reader.dialect == "sqlite":
            with pytest.raises(StoreUnavailableError):
                async with reader.read() as connection:
                    await connection.execute(text("DELETE FROM entries"))
    finally:
        await reader.close()


async def test_a_store_of_another_form_is_not_read(store: Store, store_url: str) -> None:
    """An older one is to be upgraded first, a newer one asks for a newer program."""
    for form, error in (("0001", StoreError), ("9999", StoreNewerError)):
        async with store.write() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = :form"), {"form": form})
        with pytest.raises(error):
            await Store.look(store_url)


async def test_no_store_yet(tmp_path: Path) -> None:
    """Nothing is made where there is none."""
    with pytest.raises(StoreUnavailableError, match="no store"):
        await Store.look(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.glob("*")) == []  # noqa: ASYNC240 - a test waits for nobody


async def test_a_reader_of_a_store_at_rest(tmp_path: Path) -> None:
    """A file that nobody has open any more is read as well."""
    url = f"sqlite:///{tmp_path}/store.db"
    owner = await Store.open(url)
    writer = Writer()
    record = writer.exchange()
    await ship(owner, writer.batch())
    await owner.close()
    reader = await Store.look(url)
    assert await ids(reader) == [record]
    await reader.close()
