"""How much of what there was: exchanges counted by what they have in common, for the pages that people look at."""

from __future__ import annotations

from sqlalchemy import RowMapping, func, select, text

from proxy.ledger import store_hourly, tables
from proxy.ledger.review_tables import findings
from proxy.ledger.store import Store
from proxy.ledger.tables import cursors, exchanges

GROUPS = ("upstream", "purpose", "decision", "outcome", "principal")


async def since(store: Store, at: int) -> dict[str, list[tuple[str, int]]]:
    """For each of `GROUPS`: values and how many exchanges have them, from the hour of `at` (microseconds since 1970) on, most
    frequent first.

    An exchange without an outcome counts as `open`. Raises: StoreUnavailableError.
    """
    return totals_of(await store_hourly.since(store, at))


def totals_of(counts: store_hourly.Counts) -> dict[str, list[tuple[str, int]]]:
    """The same of counts that are at hand."""
    found: dict[str, dict[str, int]] = {name: {} for name in GROUPS}
    for (_, *values), number in counts.kinds.items():
        for name, value in zip(GROUPS, values, strict=False):
            found[name][value] = found[name].get(value, 0) + number
    found["principal"] = dict(counts.principals)
    return {name: sorted(counted.items(), key=lambda item: (-item[1], item[0])) for name, counted in found.items()}


async def by_hour(store: Store, at: int) -> list[tuple[int, str, int]]:
    """(hour as microseconds since 1970, decision, exchanges), from the hour of `at` on, in the order of time. Raises:
    StoreUnavailableError.
    """
    found: dict[tuple[int, str], int] = {}
    for (hour, _, _, decision, _), number in (await store_hourly.since(store, at, principals=False)).kinds.items():
        found[hour, decision] = found.get((hour, decision), 0) + number
    return [(hour, decision, number) for (hour, decision), number in sorted(found.items())]


async def anything(store: Store) -> bool:
    """Whether there is any exchange at all. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        return (await connection.execute(select(exchanges.c.id).limit(1))).first() is not None


async def epochs(store: Store, *, limit: int = 50) -> list[RowMapping]:
    """How far each epoch is shipped, the newest first. Raises: StoreUnavailableError."""
    query = select(cursors).order_by(cursors.c.epoch.desc(), cursors.c.instance).limit(limit)
    async with store.read() as connection:
        return list((await connection.execute(query)).mappings())


async def incidents(store: Store, *, limit: int = 50) -> list[RowMapping]:
    """What should never happen and did, the newest first. Raises: StoreUnavailableError."""
    query = select(tables.incidents).order_by(tables.incidents.c.id.desc()).limit(limit)
    async with store.read() as connection:
        return list((await connection.execute(query)).mappings())


async def incident_count(store: Store) -> int:
    """How many incidents there are. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        return (await connection.execute(select(func.count()).select_from(tables.incidents))).scalar_one()


_MATCHED = {
    "sqlite": text(
        "SELECT r.value, count(*) FROM exchanges x, json_each(x.rules) r "
        "WHERE x.at >= :at AND x.decision <> 'allow' AND x.rules <> '' GROUP BY r.value"
    ),
    "postgresql": text(
        "SELECT r.value, count(*) FROM exchanges x, json_array_elements_text(CAST(nullif(x.rules, '') AS json)) AS r(value) "
        "WHERE x.at >= :at AND x.decision <> 'allow' AND x.rules <> '' GROUP BY r.value"
    ),
}


async def by_rule(store: Store, at: int) -> dict[str, tuple[int, int]]:
    """For each rule: exchanges from `at` (microseconds since 1970) on that were not simply allowed and for which it counted, and
    records of findings that it raised in shadow, last seen since then. Raises: StoreUnavailableError.
    """
    columns = findings.c
    shadow = select(columns.rule, func.sum(columns["count"])).where(columns.shadow, columns.last_at >= at, columns.rule != "")
    async with store.read() as connection:
        found = {row[0]: (int(row[1]), 0) for row in await connection.execute(_MATCHED[store.dialect], {"at": at})}
        for rule, many in await connection.execute(shadow.group_by(columns.rule)):
            found[rule] = (found.get(rule, (0, 0))[0], int(many))
    return found
