"""What the store lets go of: contents with their keys first, evidence later, each in short transactions.

Record ids begin with the time, so a bound in time is a bound on the id; months bound the keys. Content goes in two ways: its rows
are deleted, and once a whole month is past the bound its keys are destroyed, so that copies of the rows (backups, segments)
cannot be opened either.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Table, delete, select, tuple_, update

from proxy.ledger.store import Store
from proxy.ledger.store_days import drop_days
from proxy.ledger.store_rows import DAY_US
from proxy.ledger.tables import (
    batch_results,
    content_keys,
    contents,
    entries,
    exchanges,
    line_results,
    lines,
    mentions,
    reference_index,
    turns,
)

_SLICE = 2000
"""Rows deleted in one transaction: some milliseconds, so that shipping goes on between."""


def id_bound(at: int) -> str:
    """The lowest id a record that began at `at` (microseconds) may have."""
    return f"rec_{max(at, 0) // 1000:012x}"


def month_bound(at: int) -> str:
    """`YYYY-MM` of `at`; the months before it ended before `at`."""
    return f"{datetime.fromtimestamp(at / 1_000_000, UTC):%Y-%m}"


async def _delete_below(store: Store, table: Table, name: str, bound: str | int) -> int:
    """Delete the rows whose column is below the bound, slice by slice; gives how many."""
    column = table.c[name]
    deleted = 0
    while True:
        async with store.write() as connection:
            # the slice ends at a value of the column: every database deletes a range by its index
            last = select(column).where(column < bound).order_by(column).offset(_SLICE - 1).limit(1)
            until = (await connection.execute(last)).scalar()
            chosen = column <= until if until is not None else column < bound
            deleted += (await connection.execute(delete(table).where(chosen))).rowcount
        if until is None:
            return deleted


async def _delete_carried(store: Store, table: Table, bound: str) -> int:
    """Delete lines or turns of carriers whose id is below the bound; gives how many. A carrier may have more than a slice."""
    place = tuple_(table.c.carrier, table.c.number)
    deleted = 0
    while True:
        async with store.write() as connection:
            last = select(table.c.carrier, table.c.number).where(table.c.carrier < bound)
            last = last.order_by(table.c.carrier, table.c.number).offset(_SLICE - 1).limit(1)
            until = (await connection.execute(last)).first()
            chosen = place <= tuple_(*until) if until is not None else table.c.carrier < bound
            deleted += (await connection.execute(delete(table).where(chosen))).rowcount
        if until is None:
            return deleted


async def forget_contents(store: Store, before: int, now: int) -> tuple[int, int]:
    """Delete contents of records that began before `before` (microseconds), destroy the keys of months that ended before it.

    Gives rows deleted and keys destroyed. Raises: StoreUnavailableError; what was done stays done.
    """
    deleted = await _delete_below(store, contents, "record_id", id_bound(before))
    old = (content_keys.c.month < month_bound(before)) & content_keys.c.wrapped.is_not(None)
    async with store.write() as connection:
        done = await connection.execute(update(content_keys).where(old).values(wrapped=None, destroyed_at=now))
    return deleted, done.rowcount


async def forget_evidence(store: Store, before: int) -> int:
    """Delete exchanges and entries of days that ended before `before` (microseconds); gives rows and partitions that went.

    Raises: StoreUnavailableError; what was done stays done.
    """
    day = before // DAY_US
    deleted = await _delete_below(store, exchanges, "id", id_bound(day * DAY_US))
    for table in (lines, turns):
        deleted += await _delete_carried(store, table, id_bound(day * DAY_US))
    for table in (mentions, reference_index, batch_results, line_results):
        await _delete_below(store, table, "record_id", id_bound(day * DAY_US))
    if store.dialect == "postgresql":
        deleted += await drop_days(store, day)
    return deleted + await _delete_entries(store, day)


async def _delete_entries(store: Store, day: int) -> int:
    """Entries of days before `day`. Their place is the index, so what is deleted is the head of each epoch."""
    place = (entries.c.instance, entries.c.epoch)
    async with store.read() as connection:
        epochs = (await connection.execute(select(*place).distinct())).all()
    deleted = 0
    for instance, epoch in epochs:
        mine = (entries.c.instance == instance) & (entries.c.epoch == epoch)
        async with store.read() as connection:
            kept = select(entries.c.seq).where(mine, entries.c.day >= day).order_by(entries.c.seq).limit(1)
            first_kept = (await connection.execute(kept)).scalar()
        old = mine & (entries.c.day < day)
        if first_kept is not None:
            old &= entries.c.seq < first_kept
        while True:
            async with store.write() as connection:
                last = select(entries.c.seq).where(old).order_by(entries.c.seq).offset(_SLICE - 1).limit(1)
                until = (await connection.execute(last)).scalar()
                done = await connection.execute(delete(entries).where(old & (entries.c.seq <= until) if until is not None else old))
                deleted += done.rowcount
            if until is None:
                break
    return deleted
