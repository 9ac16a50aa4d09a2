"""How principals stand, as the store keeps it: rows written when evidence, time or a person moves one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.ledger.standing_tables import standings
from proxy.ledger.store import Store

_AT_ONCE = 500
_COLUMNS = tuple(column.name for column in standings.columns)
_KEPT = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "principal")
# SQLAlchemy's own form of it would bring the modules of both databases into the process
_UPSERT = text(
    f"INSERT INTO standings ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + name for name in _COLUMNS)}) "  # noqa: S608 - constants of this file
    f"ON CONFLICT (principal) DO UPDATE SET {_KEPT}"
)


async def listed(store: Store) -> list[dict[str, Any]]:
    """Every row, by principal. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        rows = (await connection.execute(select(standings).order_by(standings.c.principal))).mappings().all()
    return [dict(row) for row in rows]


async def telling(store: Store, now: int, *, after: str = "", most: int | None = None) -> list[dict[str, Any]]:
    """Rows of principals that were moved, or are spared at `now`, by principal, those behind `after`.

    What time has put back since is among them. Raises: StoreUnavailableError.
    """
    columns = standings.c
    query = select(standings).where((columns.standing != "normal") | (columns.spared_until > now), columns.principal > after)
    async with store.read() as connection:
        return [dict(row) for row in (await connection.execute(query.order_by(columns.principal).limit(most))).mappings()]


async def stamp(store: Store) -> tuple[int, int]:
    """Changes whenever a row does: how many there are, and when the last was changed. Raises: StoreUnavailableError."""
    query = select(func.count(), func.coalesce(func.max(standings.c.changed_at), 0)).select_from(standings)
    async with store.read() as connection:
        found = (await connection.execute(query)).one()
    return int(found[0]), int(found[1])


async def named(connection: AsyncConnection, principal: str) -> RowMapping | None:
    """The row of a principal, held until the transaction ends; None where there is none."""
    query = select(standings).where(standings.c.principal == principal).with_for_update()
    return (await connection.execute(query)).mappings().first()


async def held(connection: AsyncConnection, principals: Sequence[str]) -> dict[str, RowMapping]:
    """The rows of some principals, by name, as far as they have one."""
    found: dict[str, RowMapping] = {}
    for begin in range(0, len(principals), _AT_ONCE):
        query = select(standings).where(standings.c.principal.in_(principals[begin : begin + _AT_ONCE]))
        found.update({row["principal"]: row for row in (await connection.execute(query)).mappings()})
    return found


async def keep(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows, in the transaction that `connection` is in."""
    if rows:
        await connection.execute(_UPSERT, sorted(rows, key=lambda row: row["principal"]))
