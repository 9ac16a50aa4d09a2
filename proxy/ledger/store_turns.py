"""Queries of turns: pages of a session's, in their order."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import func, select

from proxy.ledger.store import Store
from proxy.ledger.store_exchanges import BadCursorError
from proxy.ledger.tables import turns

_USAGE = {"input": "usage_input", "output": "usage_output", "cached": "usage_cached", "reasoning": "usage_reasoning"}


async def count(store: Store, carrier: str) -> int:
    """How many turns of a session are shipped. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        found = await connection.execute(select(func.count()).select_from(turns).where(turns.c.carrier == carrier))
        return int(found.scalar_one())


async def page(
    store: Store, carrier: str, *, limit: int = 50, cursor: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """At most `limit` turns of a session by the names of the record, and the cursor of the next page (None after the last).

    Raises: BadCursorError, StoreUnavailableError.
    """
    if cursor is not None and (not cursor.isdecimal() or len(cursor) > 18):
        raise BadCursorError("this cursor was not made by this API; begin again without one")
    query = select(turns).where(turns.c.carrier == carrier, turns.c.number > int(cursor or 0))
    async with store.read() as connection:
        rows = (await connection.execute(query.order_by(turns.c.number).limit(limit + 1))).mappings().all()
    after = str(rows[limit - 1]["number"]) if len(rows) > limit else None
    shown = [{name: value for name, value in row.items() if name != "carrier"} for row in rows[:limit]]
    for turn in shown:
        turn["usage"] = {name: turn.pop(column) for name, column in _USAGE.items()}
        turn["flags"] = msgspec.json.decode(turn["flags"]) if turn["flags"] else []
        turn["outcome"] = turn["outcome"] or None
    return shown, after
