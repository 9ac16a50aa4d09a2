"""What the ledger knows of usage: answered calls and their tokens by UTC day, principal, key and model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import case, func, select

from proxy.ledger.store import Store
from proxy.ledger.store_rows import DAY_US
from proxy.ledger.tables import exchanges


@dataclass(frozen=True)
class Recorded:
    """Calls that an upstream answered with less than 400, and tokens of all that it answered. `day`: days since 1970 UTC."""

    day: int
    principal: str
    key: str
    model: str
    requests: int
    input: int
    output: int


async def by_day(store: Store, first: int, last: int, upstreams: Collection[str] = ()) -> list[Recorded]:
    """Usage of these days, both included, by these upstreams (all where none is named). Raises: StoreUnavailableError."""
    columns = exchanges.c
    # computed within and grouped without: PostgreSQL would take two expressions with bound values for different ones
    day = (columns.at - columns.at % DAY_US).label("began")
    model = case((columns.model_returned != "", columns.model_returned), else_=columns.model_requested).label("model")
    answered = case((columns.status.between(1, 399), 1), else_=0)
    inner = select(
        day, columns.principal, columns.key, model, answered.label("answered"), columns.usage_input, columns.usage_output
    )
    inner = inner.where(columns.at >= first * DAY_US, columns.at < (last + 1) * DAY_US)
    if upstreams:
        inner = inner.where(columns.upstream.in_(sorted(upstreams)))
    rows = inner.subquery()
    told = (func.sum(rows.c.answered), func.sum(rows.c.usage_input), func.sum(rows.c.usage_output))
    group = (rows.c.began, rows.c.principal, rows.c.key, rows.c.model)
    async with store.read() as connection:
        found = await connection.execute(select(*group, *told).group_by(*group).order_by(*group))
        return [Recorded(int(row[0]) // DAY_US, row[1], row[2], row[3], int(row[4]), int(row[5]), int(row[6])) for row in found]


async def first_day(store: Store) -> int | None:
    """The day of the oldest exchange; None when there is none. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        at = (await connection.execute(select(func.min(exchanges.c.at)))).scalar()
    return None if at is None else int(at) // DAY_US
