"""What the host knows of principals that they cannot choose themselves, as it was imported: one value of each trait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select, text

from proxy.ledger.standing_tables import traits
from proxy.ledger.store import Store

Trait = tuple[str, str, str]
"""Principal, name of the trait, keyed value; an empty value takes the trait away."""

NEVER = frozenset(
    {"nationality", "citizenship", "country", "language", "locale", "ethnicity", "religion", "origin", "gender", "race"}
)
"""Names of what is never evidence."""

_AT_ONCE = 500
_UPSERT = text(
    "INSERT INTO traits (principal, trait, value, at) VALUES (:principal, :trait, :value, :at) "
    "ON CONFLICT (principal, trait) DO UPDATE SET value = excluded.value, at = excluded.at"
)


async def keep(store: Store, found: Sequence[Trait], at: int) -> None:
    """Keep traits over those of the same name; all or none. Raises: StoreUnavailableError."""
    rows = [{"principal": principal, "trait": trait, "value": value, "at": at} for principal, trait, value in sorted(set(found))]
    async with store.write() as connection:
        for begin in range(0, len(rows), _AT_ONCE):
            await connection.execute(_UPSERT, rows[begin : begin + _AT_ONCE])


async def stamp(store: Store) -> tuple[int, int]:
    """Changes whenever traits do: how many there are, and when the last came. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        found = (await connection.execute(select(func.count(), func.coalesce(func.max(traits.c.at), 0)).select_from(traits))).one()
    return int(found[0]), int(found[1])


async def listed(store: Store) -> Iterable[Trait]:
    """Every trait that has a value. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        rows = await connection.execute(select(traits.c.principal, traits.c.trait, traits.c.value).where(traits.c.value != ""))
        return [(row[0], row[1], row[2]) for row in rows]
