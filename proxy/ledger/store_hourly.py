"""Exchanges counted by the hour: kept as they end, so that nothing that people look at has to go through all of them.

Counted is what has ended, once, by a reader of the ledger with a durable place (`store_following`); what it has not reached yet,
and what is still open, is counted when it is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.ledger import store_following
from proxy.ledger.store import Store
from proxy.ledger.store_following import Place
from proxy.ledger.summary_tables import hourly, hourly_principals
from proxy.ledger.tables import exchanges

READER = "hourly"
"""The name of its places in the store."""

HOUR_US = 3_600_000_000
KEPT_US = 400 * 24 * HOUR_US
MOST_PRINCIPALS = 500
"""Principals that are counted by name in one hour."""

MOST_SHOWN = 500
"""Principals that are told of, the most frequent ones."""

OTHERS = "(others)"
MOST_UNCOUNTED = 50_000
"""Entries that are counted when it is asked; a reader that is further behind shows in what it counts."""

_ENDED = text(
    "SELECT x.at - x.at % 3600000000, x.upstream, x.purpose, x.decision, x.outcome, x.principal, count(*) "
    "FROM entries e JOIN exchanges x ON x.id = e.record_id "
    "WHERE e.instance = :instance AND e.epoch = :epoch AND e.seq > :after AND e.seq <= :upto "
    "AND e.kind IN ('outcome', 'refusal') AND x.at IS NOT NULL AND x.outcome IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6"
)
_ADD = text(
    "INSERT INTO hourly (hour, upstream, purpose, decision, outcome, exchanges) "
    "VALUES (:hour, :upstream, :purpose, :decision, :outcome, :exchanges) "
    "ON CONFLICT (hour, upstream, purpose, decision, outcome) DO UPDATE SET exchanges = hourly.exchanges + excluded.exchanges"
)
_ADD_PRINCIPAL = text(
    "INSERT INTO hourly_principals (hour, principal, exchanges) VALUES (:hour, :principal, :exchanges) "
    "ON CONFLICT (hour, principal) DO UPDATE SET exchanges = hourly_principals.exchanges + excluded.exchanges"
)

Kind = tuple[int, str, str, str, str]
"""Hour, upstream, purpose, decision, outcome."""


@dataclass
class Counts:
    """Exchanges by kind and by principal."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    principals: Counter[str] = field(default_factory=Counter)

    def add(self, rows: Iterable[tuple[int, str, str, str, str, str, int]]) -> None:
        """Rows of hour, upstream, purpose, decision, outcome, principal, number."""
        for hour, upstream, purpose, decision, outcome, principal, number in rows:
            self.kinds[hour, upstream, purpose, decision, outcome] += number
            self.principals[principal] += number


async def keep(store: Store, place: Place, upto: int, at: int) -> None:
    """Count the entries of an epoch from `place.after` to `upto`, and move the reader there, both or neither.

    Raises: OvertakenError, StoreUnavailableError.
    """
    async with store.write() as connection:
        await store_following.advance(connection, READER, place, upto, at)
        counts = Counts()
        rows = await _ended(connection, place, upto)
        counts.add(rows)
        principals = Counter[tuple[int, str]]()
        for hour, *_, principal, number in rows:
            principals[hour, principal] += number
        kinds = [dict(zip(_COLUMNS, (*kind, number), strict=True)) for kind, number in sorted(counts.kinds.items())]
        if kinds:
            await connection.execute(_ADD, kinds)
            await connection.execute(_ADD_PRINCIPAL, await _named(connection, principals))


_COLUMNS = ("hour", "upstream", "purpose", "decision", "outcome", "exchanges")


async def _ended(connection: AsyncConnection, place: Place, upto: int) -> list[tuple[int, str, str, str, str, str, int]]:
    asked = {"instance": place.instance, "epoch": place.epoch, "after": place.after, "upto": upto}
    return [tuple(row) for row in await connection.execute(_ENDED, asked)]


async def _named(connection: AsyncConnection, counted: Counter[tuple[int, str]]) -> list[dict[str, object]]:
    """Rows by principal; those who come when an hour has as many names as it may are counted together."""
    columns, found = hourly_principals.c, Counter[tuple[int, str]]()
    for hour in sorted({hour for hour, _ in counted}):
        known = set((await connection.execute(select(columns.principal).where(columns.hour == hour))).scalars())
        for (at, principal), number in sorted(counted.items()):
            if at != hour:
                continue
            if principal not in known and len(known) >= MOST_PRINCIPALS:
                principal = OTHERS  # noqa: PLW2901 - under which name it counts
            known.add(principal)
            found[hour, principal] += number
    return [{"hour": hour, "principal": principal, "exchanges": number} for (hour, principal), number in sorted(found.items())]


async def since(store: Store, at: int, *, principals: bool = True) -> Counts:
    """Exchanges that began in the hour of `at` (microseconds since 1970) or later; what is open has the outcome `open`. Of
    principals the most frequent, where they are asked for.

    Raises: StoreUnavailableError.
    """
    first = at - at % HOUR_US
    places = await store_following.places(store, READER)
    counts = Counts()
    async with store.read() as connection:
        kinds = select(hourly).where(hourly.c.hour >= first)
        for hour, upstream, purpose, decision, outcome, number in await connection.execute(kinds):
            counts.kinds[hour, upstream, purpose, decision, outcome] += number
        if principals:
            for row in await connection.execute(_of_principals(first)):
                counts.principals[row[0]] += int(row[1])
        counts.add(await _open(connection, first))
        left = MOST_UNCOUNTED
        for place in places:
            upto = min(place.upto, place.after + left)
            left -= upto - place.after
            counts.add(row for row in await _ended(connection, place, upto) if row[0] >= first)
    return counts


def _of_principals(first: int) -> Select[str, int]:
    columns = hourly_principals.c
    number = func.sum(columns.exchanges)
    found = select(columns.principal, number).where(columns.hour >= first).group_by(columns.principal)
    return found.order_by(number.desc()).limit(MOST_SHOWN)


async def _open(connection: AsyncConnection, first: int) -> list[tuple[int, str, str, str, str, str, int]]:
    columns = exchanges.c
    hour = columns.at - columns.at % HOUR_US
    named = (hour, columns.upstream, columns.purpose, columns.decision, columns.principal)
    # as the index of uncommon outcomes has it
    still = columns.outcome.is_(None) & text("(outcome IS NULL OR outcome <> 'completed')")
    query = select(*named, func.count()).where(still, columns.at >= first).group_by(*named)
    return [(row[0], row[1], row[2], row[3], "open", row[4], row[5]) for row in await connection.execute(query)]


async def forget(store: Store, before: int) -> None:
    """Drop the counts of hours before a time (microseconds since 1970). Raises: StoreUnavailableError."""
    async with store.write() as connection:
        for table in (hourly, hourly_principals):
            await connection.execute(delete(table).where(table.c.hour < before))
