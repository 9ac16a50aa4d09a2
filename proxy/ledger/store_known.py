"""What the store knows of some principals and records at once: how they stand, what the host knows of them, when they asked.

Every query is bounded by an index and by what it was asked for; pages are made of them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, func, literal_column, select

from proxy.ledger.standing_tables import standings, traits
from proxy.ledger.store import Store
from proxy.ledger.store_exchanges import Exchange, shown
from proxy.ledger.store_traits import Trait
from proxy.ledger.tables import exchanges

HOUR_US = 3_600_000_000
MOST_NAMES = 500


async def standings_of(store: Store, names: Collection[str]) -> dict[str, dict[str, Any]]:
    """Rows of how principals stand, by principal; without one it stands normal. The first `MOST_NAMES` names by their order.

    Raises: StoreUnavailableError.
    """
    query = select(standings).where(standings.c.principal.in_(sorted(names)[:MOST_NAMES]))
    async with store.read() as connection:
        return {row["principal"]: dict(row) for row in (await connection.execute(query)).mappings()}


async def traits_of(store: Store, names: Collection[str]) -> list[Trait]:
    """What the host knows of principals, values keyed; of the first `MOST_NAMES` names by their order.

    Raises: StoreUnavailableError.
    """
    columns = traits.c
    wanted = columns.principal.in_(sorted(names)[:MOST_NAMES]) & (columns.value != "")
    query = select(columns.principal, columns.trait, columns.value).where(wanted).order_by(columns.principal, columns.trait)
    async with store.read() as connection:
        return [(row[0], row[1], row[2]) for row in await connection.execute(query)]


async def records(store: Store, ids: Collection[str]) -> list[Exchange]:
    """The exchanges of these ids that are in the store, in the order of time; of the first `MOST_NAMES` ids by their order.

    Raises: StoreUnavailableError.
    """
    wanted = exchanges.c.id.in_(sorted(ids)[:MOST_NAMES]) & exchanges.c.at.is_not(None)
    query = select(exchanges).where(wanted).order_by(exchanges.c.at, exchanges.c.id)
    async with store.read() as connection:
        return [shown(row) for row in (await connection.execute(query)).mappings()]


async def hours_of(store: Store, principal: str, since: int, until: int) -> list[int]:
    """How many exchanges a principal began in each hour from that of `since` to that of `until` (microseconds since 1970).

    Raises: StoreUnavailableError.
    """
    first, last = since // HOUR_US, until // HOUR_US
    columns = exchanges.c
    hour = literal_column(f"at - at % {HOUR_US}", BigInteger)  # no parameter: PostgreSQL would take the two for different
    mine = (columns.principal == principal) & (columns.at >= first * HOUR_US) & (columns.at < (last + 1) * HOUR_US)
    counts = [0] * (last - first + 1)
    async with store.read() as connection:
        for at, number in await connection.execute(select(hour, func.count()).where(mine).group_by(hour)):
            counts[int(at) // HOUR_US - first] = int(number)
    return counts
