"""What is on its way to others: kept before it is sent, tried again for a day, sent under the same id each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from proxy.ledger.delivery_tables import deliveries
from proxy.ledger.store import Store
from proxy.review.paging import behind

WAITS = (5, 60, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600)
"""Seconds after each failed try until the next; after the last it is given up."""

KEPT_US = 30 * 86_400_000_000
_SECOND_US = 1_000_000


@dataclass(frozen=True)
class Delivery:
    """One thing to tell one target. `id` is `<target>:<event's id>`; times in microseconds since 1970 UTC."""

    id: str
    target: str
    event: str
    at: int
    body: str
    attempts: int = 0


async def keep(store: Store, new: Sequence[Delivery], now: int) -> int:
    """Keep what is to be told, once each; gives how many are new. Raises: StoreUnavailableError."""
    if not new:
        return 0
    ids = [one.id for one in new]
    async with store.write() as connection:
        found = await connection.execute(select(deliveries.c.id).where(deliveries.c.id.in_(ids)))
        known = set(found.scalars())
        fresh = [vars(one) | {"next_at": now} for one in new if one.id not in known]
        if fresh:
            await connection.execute(insert(deliveries), fresh)
        await connection.execute(delete(deliveries).where(deliveries.c.at < now - KEPT_US))
    return len(fresh)


async def due(store: Store, now: int, *, limit: int = 100) -> list[Delivery]:
    """What is to be sent now, the oldest first. Raises: StoreUnavailableError."""
    waiting = deliveries.c.done_at.is_(None) & (deliveries.c.next_at <= now)
    query = select(deliveries).where(waiting).order_by(deliveries.c.next_at).limit(limit)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [Delivery(row["id"], row["target"], row["event"], row["at"], row["body"], row["attempts"]) for row in rows]


async def sent(store: Store, delivery: Delivery, now: int) -> None:
    """It has arrived. Raises: StoreUnavailableError."""
    async with store.write() as connection:
        values = {"done_at": now, "attempts": delivery.attempts + 1, "error": ""}
        await connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(**values))


async def failed(store: Store, delivery: Delivery, now: int, error: str) -> bool:
    """It has not; gives whether it is tried again. Raises: StoreUnavailableError."""
    again = delivery.attempts < len(WAITS)
    values: dict[str, object] = {"attempts": delivery.attempts + 1, "error": error[:500]}
    if again:
        values["next_at"] = now + WAITS[delivery.attempts] * _SECOND_US
    else:
        values["done_at"] = now
    async with store.write() as connection:
        await connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(**values))
    return again


async def page(store: Store, *, limit: int = 100, cursor: str | None = None) -> list[dict[str, Any]]:
    """The latest deliveries as people see them, without their bodies; those behind `cursor`. Raises: BadCursorError,
    StoreUnavailableError.
    """
    columns = [column for column in deliveries.c if column.name != "body"]
    query = select(*columns).order_by(deliveries.c.at.desc(), deliveries.c.id.desc()).limit(limit)
    if cursor:
        query = query.where(behind(cursor, deliveries.c.at, deliveries.c.id))
    async with store.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]
