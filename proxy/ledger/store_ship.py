"""Writes a batch into the store with exactly-once effect: rows and place in one transaction, a replay changes nothing.

An entry's place is written once. When a place is taken, the leaf hashes are compared: the same hash is a replay, another one a
fork; then the first entry stays, the second is kept whole as an incident, and its projection is not written.
SQLite gets the driver's own `executemany`, PostgreSQL COPY into temporary tables and `INSERT … SELECT`: SQLAlchemy's statements
would cost more processor time than everything else in this file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from proxy.ledger.reader import Cursor
from proxy.ledger.store import Store
from proxy.ledger.store_batch import Batch
from proxy.ledger.store_days import prepare_days
from proxy.ledger.store_rows import (
    CONTENT_COLUMNS,
    CREATED_COLUMNS,
    ENTRY_COLUMNS,
    INCIDENT_COLUMNS,
    INTENT_COLUMNS,
    KEY_COLUMNS,
    LINE_COLUMNS,
    OUTCOME_COLUMNS,
    REFERS_COLUMNS,
    TURN_COLUMNS,
    Projection,
    Row,
    json_text,
)
from proxy.ledger.tables import cursors

_WHOLE = ("id", *INTENT_COLUMNS, *OUTCOME_COLUMNS)
_OPENED = ("id", *INTENT_COLUMNS)
_ENDED = ("id", *OUTCOME_COLUMNS)


_MANY = 128
"""Rows from which on it pays to have a statement made for them: some 0.1 ms and tens of KB for exchanges."""

_TOGETHER, _MOST_BOUND = 32, 512
"""Most rows and most bound values of one statement; older builds of SQLite take no more than 999 values."""

_SHORT, _MOST_INTEGER = 256, (1 << 63) - 1


@dataclass(frozen=True)
class Shipped:
    """What a batch changed: rows of `entries` that were new, and forks found."""

    new: int
    forks: int


@dataclass(frozen=True)
class _Statement:
    """One way to write rows of one table; `conflict` is what follows ON CONFLICT."""

    table: str
    columns: tuple[str, ...]
    conflict: str

    @property
    def quoted(self) -> str:
        return ", ".join(f'"{column}"' for column in self.columns)

    def sqlite(self, values: Sequence[str] = (), together: int = 1) -> str:
        """For `together` rows. `values`: an expression for each column; without them every one is bound."""
        row = f"({', '.join(values or '?' * len(self.columns))})"
        rows = ", ".join([row] * together)
        return f"INSERT INTO {self.table} ({self.quoted}) VALUES {rows} ON CONFLICT {self.conflict}"  # noqa: S608 - constants of this file, and `_literal`

    def postgres(self) -> str:
        # the condition tells the parser that ON belongs to the conflict, and costs nothing
        source = f"SELECT {self.quoted} FROM pg_temp.ship_{self.table} WHERE true"  # noqa: S608 - constants of this file
        return f"INSERT INTO {self.table} ({self.quoted}) {source} ON CONFLICT {self.conflict}"


def _update(columns: Iterable[str]) -> str:
    assigned = ", ".join(f'"{column}" = excluded."{column}"' for column in columns)
    return f"(id) DO UPDATE SET {assigned}"


_ENTRIES = _Statement("entries", ENTRY_COLUMNS, "DO NOTHING")
_EXCHANGES_WHOLE = _Statement("exchanges", _WHOLE, _update(_WHOLE[1:]))
_EXCHANGES_OPENED = _Statement("exchanges", _OPENED, _update(_OPENED[1:]))
# an outcome that recovery had to assume gives way to the true one, never the other way round
_EXCHANGES_ENDED = _Statement(
    "exchanges", _ENDED, _update(_ENDED[1:]) + " WHERE exchanges.outcome IS NULL OR exchanges.outcome = 'unknown_after_crash'"
)
_REFERS = _Statement("mentions", REFERS_COLUMNS, "(record_id) DO UPDATE SET refers = excluded.refers")
_CREATED = _Statement("mentions", CREATED_COLUMNS, "(record_id) DO UPDATE SET created = excluded.created")
_BEGUN = _Statement("turns", TURN_COLUMNS, "DO NOTHING")
# as with exchanges: what recovery assumed gives way to the true end
_TURNED = _Statement(
    "turns",
    TURN_COLUMNS,
    "(carrier, number) DO UPDATE SET "
    + ", ".join(f'"{column}" = excluded."{column}"' for column in TURN_COLUMNS[4:])
    + " WHERE turns.outcome = '' OR turns.outcome = 'unknown_after_crash'",
)
_LINES = _Statement("lines", LINE_COLUMNS, "DO NOTHING")
_CONTENTS = _Statement("contents", CONTENT_COLUMNS, "DO NOTHING")
_KEYS = _Statement("content_keys", KEY_COLUMNS, "DO NOTHING")
_INCIDENTS = _Statement("incidents", INCIDENT_COLUMNS, "DO NOTHING")

_CURSOR = _Statement(
    "cursors",
    ("instance", "epoch", "segment", "offset_bytes", "seq", "commit_number", "commit_frames", "at"),
    "(instance, epoch) DO UPDATE SET segment = excluded.segment, offset_bytes = excluded.offset_bytes, "
    "seq = excluded.seq, commit_number = excluded.commit_number, commit_frames = excluded.commit_frames, at = excluded.at "
    "WHERE cursors.seq <= excluded.seq",
)
_PLACE = "SELECT seq FROM cursors WHERE instance = {} AND epoch = {}"
_LEAVES = "SELECT seq, leaf FROM entries WHERE instance = {} AND epoch = {} AND seq BETWEEN {} AND {}"


async def ship(store: Store, batch: Batch) -> Shipped:
    """Write the batch and its place.

    Raises: StoreUnavailableError; then nothing is written, or everything is and the same batch may be written again.
    """
    if store.dialect == "sqlite":
        return await store.write_directly(lambda connection: _ship_sqlite(connection, batch))
    await prepare_days(store, batch.days())
    async with _driver(store) as driver:
        return await _ship_postgres(driver, batch)


@asynccontextmanager
async def _driver(store: Store) -> AsyncIterator[Any]:
    """Asyncpg's own connection, in a transaction of its own: SQLAlchemy begins one only before statements of its own."""
    async with store.write() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        async with driver.transaction():
            yield driver


def _literal(column: tuple[Any, ...]) -> str | None:
    """What all rows have in a column as SQL, None where they differ or it is not short and plain."""
    value = column[0]
    if value != column[-1] or column.count(value) < len(column):
        return None
    if isinstance(value, str) and len(value) <= _SHORT and "\0" not in value:
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, int) and abs(value) <= _MOST_INTEGER:
        return str(int(value))
    return None


def _executemany(connection: sqlite3.Connection, statement: _Statement, rows: Sequence[Row]) -> int:
    """Write rows; gives how many were written. Many go in statements of many rows each, which open the indexes once, and what all
    have in common stands in the statement: a text that is bound is copied for each row into memory of its own, and most columns of
    an exchange are like those of the one before.
    """
    if len(rows) < _MANY:
        return connection.executemany(statement.sqlite(), rows).rowcount if rows else 0
    columns = list(zip(*rows, strict=True))
    literals = [_literal(column) for column in columns]
    own = [column for column, literal in zip(columns, literals, strict=True) if literal is None]
    if not own:
        return connection.executemany(statement.sqlite(), rows).rowcount
    values = [literal or "?" for literal in literals]
    width, together = len(own), max(1, min(_TOGETHER, _MOST_BOUND // len(own)))
    bound: list[Any] = [None] * (len(rows) * width)
    for at, column in enumerate(own):
        bound[at::width] = column
    step = together * width
    end = len(bound) // step * step
    written = connection.executemany(
        statement.sqlite(values, together), (bound[at : at + step] for at in range(0, end, step))
    ).rowcount
    if end < len(bound):
        left = (bound[at : at + width] for at in range(end, len(bound), width))
        written += connection.executemany(statement.sqlite(values), left).rowcount
    return written


def _ship_sqlite(connection: sqlite3.Connection, batch: Batch) -> Shipped:
    def write(statement: _Statement, rows: Sequence[Row]) -> int:
        return _executemany(connection, statement, rows)

    known = connection.execute(_PLACE.format("?", "?"), (batch.instance, batch.epoch)).fetchone()
    new = write(_ENTRIES, batch.entries)
    forks: list[Row] = []
    if _taken(batch, new, known):
        forks = _forks(batch, connection.execute(_LEAVES.format("?", "?", "?", "?"), _bounds(batch)))
    for statement, rows in _after_entries(batch, forks):
        write(statement, rows)
    return Shipped(new, len(forks))


async def _ship_postgres(driver: Any, batch: Batch) -> Shipped:
    known = await driver.fetchrow(_PLACE.format("$1", "$2") + " FOR UPDATE", batch.instance, batch.epoch)
    staging = _Staging(driver)
    await staging.make(statement.table for statement, rows in ((_ENTRIES, batch.entries), *_after_entries(batch, ())) if rows)
    new = await staging.write(_ENTRIES, batch.entries)
    forks: list[Row] = []
    if _taken(batch, new, known):
        forks = _forks(batch, await driver.fetch(_LEAVES.format("$1", "$2", "$3", "$4"), *_bounds(batch)))
    for statement, rows in _after_entries(batch, forks):
        await staging.write(statement, rows)
    return Shipped(new, len(forks))


class _Staging:
    """Temporary tables of one transaction, which end empty with it: made together, and emptied before only where a second statement
    needs the same one. Each round trip is some 0.1 ms of this process.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._made: set[str] = set()
        self._filled: set[str] = set()

    async def make(self, tables: Iterable[str]) -> None:
        if missing := sorted(set(tables) - self._made):
            shape = "(LIKE {0} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
            made = (f"CREATE TEMP TABLE IF NOT EXISTS ship_{table} {shape.format(table)}" for table in missing)
            await self._driver.execute("; ".join(made))
            self._made.update(missing)

    async def write(self, statement: _Statement, rows: Sequence[Row]) -> int:
        """Gives how many rows were written."""
        if not rows:
            return 0
        table, driver = statement.table, self._driver
        await self.make([table])
        if table in self._filled:
            await driver.execute(f"TRUNCATE pg_temp.ship_{table}")
        self._filled.add(table)
        await driver.copy_records_to_table(f"ship_{table}", records=rows, columns=list(statement.columns), schema_name="pg_temp")
        done: str = await driver.execute(statement.postgres())
        return int(done.rsplit(" ", 1)[1])


def _taken(batch: Batch, new: int, known: Sequence[int] | None) -> bool:
    """Whether places of this batch may have been written before: a row was refused, or the store is ahead of us.

    The latter finds what the former cannot: PostgreSQL's key holds the day, so a fork with another day is not refused.
    """
    return new < len(batch.entries) or (bool(batch.entries) and known is not None and known[0] > batch.start.seq)


def _bounds(batch: Batch) -> Row:
    seqs = [row[2] for row in batch.entries]
    return batch.instance, batch.epoch, min(seqs), max(seqs)


def _forks(batch: Batch, found: Iterable[Sequence[Any]]) -> list[Row]:
    """Entries whose place holds another leaf: the row of the incident that keeps each, followed by the record's id."""
    held: dict[int, set[bytes]] = {}
    for seq, leaf in found:
        held.setdefault(seq, set()).add(bytes(leaf))
    forks: list[Row] = []
    for instance, epoch, seq, _day, kind, record_id, at, evidence, leaf in batch.entries:
        if others := held[seq] - {leaf}:
            detail = json_text({"id": record_id, "kind": kind, "held": min(others).hex()})
            forks.append((at, "fork", instance, epoch, seq, detail, evidence, leaf, record_id))
    return forks


def _after_entries(batch: Batch, forks: Sequence[Row]) -> Iterator[tuple[_Statement, Sequence[Row]]]:
    """What is written after the entries, in order; the projection of a fork is not."""
    yield from _projected(batch.projection, {row[-1] for row in forks})
    yield _CONTENTS, batch.contents
    yield _INCIDENTS, [*batch.incidents, *(row[:-1] for row in forks)]
    end = batch.end
    yield _CURSOR, [(batch.instance, batch.epoch, end.segment, end.offset, end.seq, end.commit, end.frames, batch.last_at)]


def _projected(projection: Projection, forked: Collection[str] = ()) -> Iterator[tuple[_Statement, Sequence[Row]]]:
    parts = (
        (_EXCHANGES_WHOLE, projection.whole),
        (_EXCHANGES_OPENED, projection.opened),
        (_EXCHANGES_ENDED, projection.ended),
        (_LINES, projection.lines),
        (_BEGUN, projection.begun),
        (_TURNED, projection.turned),
        (_REFERS, projection.refers),
        (_CREATED, projection.created),
    )
    for statement, rows in parts:
        yield statement, [row for record_id, row in rows.items() if record_id not in forked] if forked else list(rows.values())


async def ship_projection(store: Store, projection: Projection) -> None:
    """Write a projection alone, for whoever computes it again from stored entries. Raises: StoreUnavailableError."""
    if store.dialect == "sqlite":

        def write(connection: sqlite3.Connection) -> None:
            for statement, rows in _projected(projection):
                _executemany(connection, statement, rows)

        await store.write_directly(write)
        return
    async with _driver(store) as driver:
        staging = _Staging(driver)
        for statement, rows in _projected(projection):
            await staging.write(statement, rows)


async def ship_keys(store: Store, rows: Sequence[Row]) -> None:
    """Write wrapped content keys (`KEY_COLUMNS`) that the store does not have; a destroyed one stays destroyed."""
    if store.dialect == "sqlite":
        await store.write_directly(lambda connection: connection.executemany(_KEYS.sqlite(), rows))
        return
    async with _driver(store) as driver:
        await _Staging(driver).write(_KEYS, rows)


async def place_of(store: Store, instance: str, epoch: int) -> Cursor:
    """How far the epoch is shipped; the start when nothing is. Raises: StoreUnavailableError."""
    named = ("segment", "offset_bytes", "seq", "commit_number", "commit_frames")
    query = select(*(cursors.c[name] for name in named)).where(cursors.c.instance == instance, cursors.c.epoch == epoch)
    async with store.read() as connection:
        row = (await connection.execute(query)).first()
    return Cursor(*row) if row is not None else Cursor()
