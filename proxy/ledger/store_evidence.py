"""Evidence in bulk: the canonical bytes of entries, in the order in which they were written, at bounded memory.

Read by windows of `seq` within each (instance, epoch), so that every query is short, whatever the ledger's size and however few of
its entries are wanted; a reader never holds a transaction longer than one of them. Entries that are shipped meanwhile may or may
not be seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, tuple_

from proxy.ledger.store import Store
from proxy.ledger.store_rows import DAY_US
from proxy.ledger.tables import entries

WINDOW = 4096
"""Entries of one query."""


@dataclass(frozen=True)
class Window:
    """Entries of one epoch, ascending: `rows` of (kind, canonical bytes). `passed` of `total`: entries gone through so far, wanted
    or not, of those that were there at the start.
    """

    rows: list[tuple[str, bytes]]
    passed: int
    total: int


@dataclass(frozen=True)
class _Span:
    """An epoch, and its first and last `seq` at the start."""

    instance: str
    epoch: int
    first: int
    last: int


async def windows(
    store: Store, kinds: Collection[str], *, since: int | None = None, until: int | None = None, window: int = WINDOW
) -> AsyncIterator[Window]:
    """All entries of these kinds whose `at` (microseconds since 1970) is in [`since`, `until`).

    Raises: StoreUnavailableError.
    """
    spans = await _spans(store)
    total = sum(span.last - span.first + 1 for span in spans)
    wanted = _conditions(kinds, since, until)
    columns = entries.c
    before = 0
    for span in spans:
        for start in range(span.first, span.last + 1, window):
            end = min(start + window - 1, span.last)
            place = (columns.instance == span.instance, columns.epoch == span.epoch, columns.seq.between(start, end))
            query = select(columns.kind, columns.evidence).where(*place, *wanted).order_by(columns.seq)
            async with store.read() as connection:
                rows = [(kind, bytes(evidence)) for kind, evidence in await connection.execute(query)]
            yield Window(rows, before + end - span.first + 1, total)
        before += span.last - span.first + 1


def _conditions(kinds: Collection[str], since: int | None, until: int | None) -> list[ColumnElement[bool]]:
    """The day says the same as the time, in the index, and names the partitions on PostgreSQL."""
    columns = entries.c
    found: list[ColumnElement[bool]] = [columns.kind.in_(sorted(kinds))]
    if since is not None:
        found += [columns.day >= since // DAY_US, columns.at >= since]
    if until is not None:
        found += [columns.day <= until // DAY_US, columns.at < until]
    return found


async def _spans(store: Store) -> list[_Span]:
    """Every epoch, found by stepping from one to the next in the index: a ledger has few of them and very many entries."""
    key = (entries.c.instance, entries.c.epoch)
    after: tuple[str, int] = ("", -1)
    found: list[_Span] = []
    async with store.read() as connection:
        while True:
            step = select(*key).where(tuple_(*key) > after).order_by(*key).limit(1)
            row = (await connection.execute(step)).first()
            if row is None:
                return found
            after = (row[0], row[1])
            ends = select(func.min(entries.c.seq), func.max(entries.c.seq)).where(key[0] == row[0], key[1] == row[1])
            first, last = (await connection.execute(ends)).one()
            found.append(_Span(row[0], row[1], first, last))
