"""Queries of exchanges: pages by keyset, newest first, and one record with its evidence.

A page is found by the index of its filter and ends where its cursor says, so that page 10,000 costs what page 1 does and rows that
are shipped meanwhile shift nothing. A cursor is opaque to clients: `<at>.<id>` of the last row, in base64url.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, and_, func, literal_column, or_, select, tuple_

from proxy.core.errors import TosProxyError
from proxy.ledger.store import Store
from proxy.ledger.tables import UNCOMMON, entries, exchanges

MOST_OF_A_PAGE = 500
MOST_LOOKED_AT = 20_000
"""Rows of one index that one page of several filters goes through."""

_COMMON = frozenset({"completed", "allow"})

_NARROWEST_FIRST = ("principal", "outcome", "decision", "model_requested", "endpoint", "purpose", "upstream")
"""Columns with an index, by how few rows one of their values has as a rule."""

_LISTS = ("flags", "clauses", "rules")
_USAGE = {"input": "usage_input", "output": "usage_output", "cached": "usage_cached", "reasoning": "usage_reasoning"}
_PLACE = {"outcome_instance", "outcome_epoch", "outcome_seq"}
_NOT_SHOWN = _PLACE | {"request_content", "answer_content", "usage_estimated", *_USAGE.values()}

Exchange = dict[str, Any]


class BadCursorError(TosProxyError):
    """A cursor that was not made here."""


@dataclass(frozen=True)
class Wanted:
    """Which exchanges: `equal` by column name (`dialect` and those that have an index); times in microseconds.

    `until` itself is excluded. `outcome` may be asked for as `open`: those without one.
    """

    equal: dict[str, str] = field(default_factory=dict)
    since: int | None = None
    until: int | None = None


def cursor_of(at: int, record_id: str) -> str:
    """The cursor that continues after this row."""
    return base64.urlsafe_b64encode(f"{at}.{record_id}".encode()).decode().rstrip("=")


def _parse_cursor(cursor: str) -> tuple[int, str]:
    try:
        at, _, record_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(".")
        return int(at), record_id
    except (binascii.Error, ValueError):
        raise BadCursorError("this cursor was not made by this API; begin again without one") from None


def _conditions(wanted: Wanted, cursor: str | None, beside: Collection[str] = ()) -> list[ColumnElement[bool]]:
    """`beside`: columns whose index is not to be gone by."""
    columns = exchanges.c
    found: list[ColumnElement[bool]] = [columns.at.is_not(None)]
    for name, value in wanted.equal.items():
        column = columns[name].concat("") if name in beside else columns[name]
        found.append(columns.outcome.is_(None) if (name, value) == ("outcome", "open") else column == value)
        if name in UNCOMMON and value not in _COMMON and name not in beside:
            found.append(literal_column(UNCOMMON[name]))  # of no type: SQLite has no booleans, and would miss the index by `= 1`
    if wanted.since is not None:
        found.append(columns.at >= wanted.since)
    if wanted.until is not None:
        found.append(columns.at < wanted.until)
    if cursor:
        at, record_id = _parse_cursor(cursor)
        # the first condition bounds the index, the second sorts out the rows of that microsecond
        found.append(and_(columns.at <= at, or_(columns.at < at, columns.id < record_id)))
    return found


async def page(store: Store, wanted: Wanted, *, limit: int = 50, cursor: str | None = None) -> tuple[list[Exchange], str | None]:
    """At most `limit` exchanges, newest first, and the cursor of the next page (None after the last).

    Of several filters no more than the newest `MOST_LOOKED_AT` rows of the narrowest are looked at: a page may be short, or empty,
    and go on. Raises: BadCursorError, StoreUnavailableError.
    """
    order = (exchanges.c.at.desc(), exchanges.c.id.desc())
    narrowest, column, floor = _narrowest(wanted), exchanges.c.at, None
    # SQLite would take the index of any filter, whichever has how many rows
    beside = wanted.equal.keys() - narrowest.equal.keys() if narrowest is not None and store.dialect == "sqlite" else ()
    query = select(exchanges).where(*_conditions(wanted, cursor, beside)).order_by(*order).limit(limit + 1)
    async with store.read() as connection:
        # what is frequent is found among a few, without counting off the many
        for most in (MOST_LOOKED_AT // 10, MOST_LOOKED_AT) if narrowest is not None else (0,):
            if narrowest is not None:
                far = select(column).where(*_conditions(narrowest, cursor)).order_by(column.desc()).offset(most).limit(1)
                floor = (await connection.execute(far)).scalar()
            rows = (await connection.execute(query if floor is None else query.where(column >= floor))).mappings().all()
            if floor is None or len(rows) > limit:
                break
    if len(rows) > limit:
        return [shown(row) for row in rows[:limit]], cursor_of(rows[limit - 1]["at"], rows[limit - 1]["id"])
    return [shown(row) for row in rows], None if floor is None else cursor_of(floor, "")


def _narrowest(wanted: Wanted) -> Wanted | None:
    """What of a search one index finds, where that is not the whole of it."""
    told = [name for name, value in wanted.equal.items() if value not in _COMMON]
    found = next((name for name in _NARROWEST_FIRST if name in told), None)
    if len(wanted.equal) < 2 and (found is not None or not told):
        return None
    return Wanted({found: wanted.equal[found]} if found is not None else {}, wanted.since, wanted.until)


def shown(row: RowMapping) -> Exchange:
    """A row by the names of the record: lists as lists, usage as one object, what was not given left at its empty value."""
    found: Exchange = {name: value for name, value in row.items() if name not in _NOT_SHOWN}
    for name in _LISTS:
        found[name] = msgspec.json.decode(found[name]) if found[name] else []
    found["stream"] = bool(found["stream"])
    found["usage"] = {name: row[column] for name, column in _USAGE.items()} | {"estimated": bool(row["usage_estimated"])}
    return found


@dataclass(frozen=True)
class Evidence:
    """One record: its row, and the canonical bytes of its entries as far as they are shipped and kept."""

    row: RowMapping
    intent: bytes | None
    outcome: bytes | None


async def record(store: Store, record_id: str) -> Evidence | None:
    """The record with this id; None when the store has none. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        row = (await connection.execute(select(exchanges).where(exchanges.c.id == record_id))).mappings().first()
        if row is None:
            return None
        places = [(row["instance"], row["epoch"], row["seq"]), (row["outcome_instance"], row["outcome_epoch"], row["outcome_seq"])]
        key = (entries.c.instance, entries.c.epoch, entries.c.seq)
        query = select(*key, entries.c.evidence).where(tuple_(*key).in_(places), entries.c.record_id == record_id)
        found = {tuple(entry[:3]): bytes(entry[3]) for entry in await connection.execute(query)}
    return Evidence(row, found.get(places[0]), found.get(places[1]))


async def count(store: Store, wanted: Wanted, *, most: int) -> int:
    """How many exchanges there are of this kind, counted no further than `most`. Raises: StoreUnavailableError."""
    within = select(exchanges.c.id).where(*_conditions(wanted, None)).limit(most).subquery()
    async with store.read() as connection:
        return (await connection.execute(select(func.count()).select_from(within))).scalar_one()
