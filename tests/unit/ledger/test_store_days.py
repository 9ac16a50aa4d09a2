"""Partitions of days on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from proxy.ledger.store import Store
from proxy.ledger.store_days import drop_days, prepare_days
from proxy.ledger.store_ship import ship
from tests import servers
from tests.ledgers import NOON, Writer

postgres = servers.postgres
_DAY = 86_400_000_000


@pytest.fixture
async def store(postgres: servers.Postgres) -> AsyncIterator[Store]:
    opened = await Store.open(postgres.database())
    yield opened
    await opened.close()


async def held(store: Store) -> dict[str, int]:
    """Rows of `entries` by partition."""
    async with store.read() as connection:
        found = await connection.execute(text("SELECT tableoid::regclass::text, count(*) FROM entries GROUP BY 1"))
        return {row[0]: row[1] for row in found}


async def test_each_day_has_its_partition(store: Store) -> None:
    """Entries go to the partition of their day, old days are dropped whole, later days stay."""
    writer = Writer()
    writer.exchange()
    writer.at += _DAY
    writer.exchange()
    await ship(store, writer.batch())
    day = NOON // _DAY
    assert await held(store) == {f"entries_day_{day}": 2, f"entries_day_{day + 1}": 2}
    assert await drop_days(store, day + 1) == 1
    assert await held(store) == {f"entries_day_{day + 1}": 2}


async def test_a_day_without_partition_is_kept_all_the_same(store: Store) -> None:
    """When a partition cannot be made, the default one takes the day's entries, now and later."""
    store.days.add(NOON // _DAY)
    writer = Writer()
    writer.exchange()
    await ship(store, writer.batch())
    store.days.clear()
    await prepare_days(store, [NOON // _DAY])
    writer.exchange()
    await ship(store, writer.batch())
    assert await held(store) == {"entries_default": 4}
