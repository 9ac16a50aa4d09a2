"""Queries for both drivers: how parameters are named to each."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreUnavailableError
from proxy.ledger.store_query import Query, rows


def test_parameters_are_numbered_for_postgresql() -> None:
    """A name that comes twice has one number, and a cast is no parameter."""
    query = Query("SELECT :a", "SELECT :a::text, :b WHERE x = :a")
    assert query.sqlite == "SELECT :a"
    assert (query.postgresql, query.names) == ("SELECT $1::text, $2 WHERE x = $1", ("a", "b"))


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """The connection that readers share is for reading alone, and is gone once the store is closed."""
    store = await Store.open(f"sqlite:///{tmp_path}/store.sqlite")
    assert await rows(store, Query("SELECT count(*) FROM entries WHERE epoch = :epoch"), {"epoch": 1}) == [(0,)]
    with pytest.raises(StoreUnavailableError, match="readonly"):
        await rows(store, Query("DELETE FROM entries WHERE epoch = :epoch"), {"epoch": 1})
    await store.close()
    assert not (tmp_path / "store.sqlite-wal").exists()
