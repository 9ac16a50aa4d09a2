"""Days on PostgreSQL: `entries` has a partition for each, made when the day's first entry is shipped, dropped when it is too old.

A day whose partition cannot be made (the default partition holds rows of it already, another process is faster, a lock takes too
long) goes to the default partition: nothing depends on a partition being there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from sqlalchemy import text

from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreUnavailableError

_PARTITIONS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'entries'::regclass")


def _partition(day: int) -> str:
    return f"entries_day_{day}"


async def prepare_days(store: Store, days: Iterable[int]) -> None:
    """See to it that these days have partitions, as far as possible. Only on PostgreSQL. Never raises for the database's sake."""
    for day in sorted(set(days) - store.days):
        store.days.add(day)
        with contextlib.suppress(StoreUnavailableError):
            async with store.write() as connection:
                await connection.execute(text("SET LOCAL lock_timeout = '2s'"))
                what = f"{_partition(day)} PARTITION OF entries FOR VALUES FROM ({day}) TO ({day + 1})"
                await connection.execute(text(f"CREATE TABLE IF NOT EXISTS {what}"))


async def drop_days(store: Store, before: int) -> int:
    """Drop the partitions of days before `before`; gives how many. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        names = [name for (name,) in await connection.execute(_PARTITIONS)]
    old = [name for name in names if name.startswith("entries_day_") and int(name.rpartition("_")[2]) < before]
    for name in old:
        async with store.write() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            await connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    return len(old)
