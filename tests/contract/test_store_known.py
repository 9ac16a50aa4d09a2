"""What pages ask of the store about some principals and records, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from proxy.ledger import store_known, store_traits
from proxy.ledger.store import Store
from proxy.ledger.store_known import HOUR_US
from proxy.ledger.store_ship import ship
from tests.ledgers import NOON, Writer


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


async def test_hours_and_records_of_a_principal(store: Store) -> None:
    """An hour in which nothing was asked counts nought; records come in the order of time, unknown ones are left out."""
    writer = Writer()
    first = writer.exchange()
    writer.at += 2 * HOUR_US
    later = [writer.exchange(), writer.exchange()]
    writer.exchange(principal="another")
    await ship(store, writer.batch())
    assert await store_known.hours_of(store, "chat", NOON, NOON + 3 * HOUR_US) == [1, 0, 2, 0]
    assert [row["id"] for row in await store_known.records(store, [later[0], "rec_0", first])] == [first, later[0]]


async def test_what_is_known_of_principals(store: Store) -> None:
    """Of those that are asked for; a trait that was taken back is known no more."""
    await store_traits.keep(store, [("a", "payment", "k1"), ("b", "payment", "k1"), ("c", "payment", "k1")], NOON)
    await store_traits.keep(store, [("b", "payment", "")], NOON + 1)
    assert await store_known.traits_of(store, ["a", "b"]) == [("a", "payment", "k1")]
    assert await store_known.standings_of(store, ["a"]) == {}
