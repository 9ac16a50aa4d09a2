"""What ties the accounts of a linked group by text: which pieces of text they share, how rare those are, who shares how many with
whom. Kept when something is found about the group, so that people see why accounts were linked, and whether they agree.

No text stands in it: a piece is named by a keyed mark. What the host knows of accounts is looked up when it is shown.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.ledger.standing_tables import group_ties
from proxy.ledger.store import Store

_UPSERT = text(
    "INSERT INTO group_ties (group_key, at, ties) VALUES (:group_key, :at, :ties) "
    "ON CONFLICT (group_key) DO UPDATE SET at = excluded.at, ties = excluded.ties"
)


class Account(msgspec.Struct, frozen=True):
    """A member: `prompts` with a shared piece, of `sent` in all; `repeated` were sent word for word by another as well."""

    name: str
    prompts: int
    sent: int
    repeated: int


class Piece(msgspec.Struct, frozen=True):
    """A piece of text that members share: its keyed mark, how many `members` use it, and in how many `prompts`."""

    mark: str
    members: int
    prompts: int


class Pair(msgspec.Struct, frozen=True):
    """Two members and how many of the group's pieces both use."""

    one: str
    other: str
    pieces: int


class Ties(msgspec.Struct, frozen=True):
    """A group as it was at `at` (microseconds since 1970 UTC): `pieces` in all, the most used ones in `shared`, the strongest
    `pairs` of each account; `everyone`: accounts among which the pieces are that rare.
    """

    accounts: list[Account]
    shared: list[Piece]
    pairs: list[Pair]
    pieces: int = 0
    everyone: int = 0
    at: int = 0


async def keep(connection: AsyncConnection, found: dict[str, Ties], at: int) -> None:
    """Keep what ties groups now, by their names, in the transaction that `connection` is in."""
    rows = [
        {"group_key": name, "at": at, "ties": msgspec.json.encode(msgspec.structs.replace(ties, at=at)).decode()}
        for name, ties in sorted(found.items())
    ]
    if rows:
        await connection.execute(_UPSERT, rows)


async def of_group(store: Store, name: str) -> Ties | None:
    """What tied a group when something was last found about it; None where nobody kept it. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        kept = (await connection.execute(select(group_ties.c.ties).where(group_ties.c.group_key == name))).scalar()
    return msgspec.json.decode(kept, type=Ties) if kept else None
