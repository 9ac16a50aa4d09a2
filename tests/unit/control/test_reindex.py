"""The store rebuilt, on both kinds of store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from proxy.control.reindex import reindex
from proxy.control.shipper import Shipper
from proxy.ledger import secrets, store_exchanges
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from tests import servers
from tests.spools import exchange, open_recorder

postgres, store_url = servers.postgres, servers.store_url


def unnoted(*_: object, **__: object) -> None:
    """Nobody reads diagnostics here."""


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


def shipper_of(store: Store, data_dir: Path) -> Shipper:
    return Shipper(store, data_dir, KeyringReader(data_dir, secrets.load(data_dir).master), unnoted)


async def count(store: Store, table: str, where: str = "1 = 1") -> int:
    async with store.read() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"))).scalar() or 0)


async def test_reindex_rebuilds_the_store_from_segments(store: Store, tmp_path: Path) -> None:
    """After tables were emptied or damaged, entries, projections, contents and places are as they were."""
    recorder = open_recorder(tmp_path)
    for _ in range(5):
        await exchange(recorder)
    await recorder.close()
    await shipper_of(store, tmp_path).pass_once()
    page, _ = await store_exchanges.page(store, store_exchanges.Wanted())
    async with store.write() as connection:
        await connection.execute(text("DELETE FROM entries WHERE seq > 4"))
        await connection.execute(text("UPDATE exchanges SET outcome = 'invented', principal = 'nobody'"))
        await connection.execute(text("DELETE FROM contents"))
    told: list[str] = []
    entries = await reindex(store, tmp_path, secrets.load(tmp_path).master, lambda what, _count: told.append(what))
    assert entries == await count(store, "entries") == 12
    assert (await store_exchanges.page(store, store_exchanges.Wanted()))[0] == page
    assert await count(store, "contents") == 10
    assert told == ["segments", "entries"]
