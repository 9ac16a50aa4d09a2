"""How principals came to stand as they do: each move, its cause, and the finding or decision behind it; kept with the standing.

What caused a move shows in the rows before and after it: up is evidence, down is a decision that spares, time that has passed, or
a purpose that was declared; what a person sets names the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.core.principal import STANDINGS
from proxy.ledger import store_standings
from proxy.ledger.review_tables import findings
from proxy.ledger.standing_tables import standing_moves
from proxy.ledger.store import Store
from proxy.review.paging import cursor_of, parse_cursor
from proxy.review.standing import Stands

SPARING = ("dismissed", "exempt")
"""Decisions that put a standing back."""

Move = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which moves: of one principal, or of all; those since a time (microseconds since 1970 UTC)."""

    principal: str = ""
    since: int | None = None


def cause(before: Stands, after: Stands) -> str:
    """Why a row came to be another, by what both say."""
    if after.set_by or before.set_by:
        return "person"
    if STANDINGS.index(after.standing) > STANDINGS.index(before.standing):
        return "evidence"
    if after.spared_until > before.spared_until:
        return "decision"
    return "time" if before.until is not None and after.changed_at >= before.until else "purpose"


async def note(connection: AsyncConnection, rows: Sequence[Stands], *, by: str = "", case: str = "") -> list[tuple[Stands, str]]:
    """Note how these rows move those that the store holds, before they are kept, in the same transaction. `by`: the person who
    does it, `case`: for which case.

    Gives the rows whose standing is another, with what it was. Raises: StoreUnavailableError.
    """
    known = await store_standings.held(connection, [row.principal for row in rows])
    moved: list[tuple[Stands, str]] = []
    for row in rows:
        before = Stands(**known[row.principal]) if row.principal in known else Stands(row.principal)
        if before.standing == row.standing:
            continue
        moved.append((row, before.standing))
        why = "person" if by else cause(before, row)
        told: dict[str, Any] = {"principal": row.principal, "at": row.changed_at, "was": before.standing, "standing": row.standing}
        told |= {"cause": why, "group_key": row.group_key, "by": by, "case_id": case, "note": row.note if by else ""}
        found = await _finding(connection, row, before, why)
        if found is not None:
            told |= {"finding_id": found["id"], "case_id": found["case_id"]}
        if found is not None and why == "decision":
            told |= {"by": found["decided_by"], "note": found["note"]}
        await connection.execute(standing_moves.insert().values(**told))
    return moved


async def _finding(connection: AsyncConnection, row: Stands, before: Stands, why: str) -> RowMapping | None:
    """What was found or decided about a principal that moved it; None for nothing."""
    columns = findings.c
    mine: tuple[ColumnElement[bool], ...] = (columns.principal == row.principal, columns.kind == "extraction")
    query = select(columns.id, columns.case_id, columns.decided_by, columns.note)
    if why == "evidence":
        query = query.where(columns.dedup_key == f"extraction:{row.principal}:{before.round}")
    elif why == "decision":
        query = query.where(*mine, columns.decision.in_(SPARING)).order_by(columns.decided_at.desc()).limit(1)
    else:
        return None
    return (await connection.execute(query)).mappings().first()


async def page(store: Store, wanted: Wanted, *, limit: int = 50, cursor: str | None = None) -> tuple[list[Move], str | None]:
    """At most `limit` moves, newest first, and the cursor of the next page (None after the last).

    Raises: BadCursorError, StoreUnavailableError.
    """
    columns = standing_moves.c
    query = select(standing_moves).order_by(columns.id.desc()).limit(limit + 1)
    if wanted.principal:
        query = query.where(columns.principal == wanted.principal)
    if wanted.since is not None:
        query = query.where(columns.at >= wanted.since)
    if cursor:
        query = query.where(columns.id < parse_cursor(cursor)[0])
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    after = cursor_of(rows[limit - 1]["id"], "move") if len(rows) > limit else None
    return [dict(row) for row in rows[:limit]], after
