"""Queries of those who go through the whole ledger, entry by entry: rows come as the driver gives them.

What SQLAlchemy and its hand-overs between threads add to a row is more than the row costs the database. SQLite is asked on a
connection of its own in a thread, once for all rows; PostgreSQL by its driver.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.ledger.store import Store

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class Query:
    """A SELECT with parameters `:name`; `postgresql` where that needs another text."""

    def __init__(self, sqlite: str, postgresql: str = "") -> None:
        written = postgresql or sqlite
        self.sqlite = sqlite
        self.names = tuple(dict.fromkeys(_PARAMETER.findall(written)))
        self.postgresql = _PARAMETER.sub(lambda found: f"${self.names.index(found[1]) + 1}", written)


async def rows(store: Store, query: Query, parameters: Mapping[str, Any]) -> list[Sequence[Any]]:
    """All rows, each to be read by position. Raises: StoreUnavailableError."""
    if store.dialect == "sqlite":
        return await store.read_directly(lambda connection: connection.execute(query.sqlite, parameters).fetchall())
    async with store.read() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        found: list[Sequence[Any]] = await driver.fetch(query.postgresql, *[parameters[name] for name in query.names])
        return found
