"""Adoptions: a named person has read rows of the terms as they are. Kept for good, each one an entry of the ledger; of several
adoptions of a row the newest is published, and it counts while the row is what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import insert, select

from proxy.core import snapshot
from proxy.core.terms import Adoption
from proxy.ledger.adoption_tables import adoptions
from proxy.ledger.store import Store
from proxy.ledger.store_principals import Record


async def adopt(store: Store, read: Sequence[Adoption], signed_in: str, record: Record) -> None:
    """Keep that rows were read; `signed_in`: as whom they who say so are known.

    Raises: StoreUnavailableError, whatever `record` raises; nothing is kept then.
    """
    async with store.write() as connection:
        for each in read:
            values = {"row_name": each.row, "at": each.at, "digest": each.digest, "adopted_by": each.by, "version": each.version}
            await connection.execute(insert(adoptions).values(values))
            detail: dict[str, str | int] = {"row": each.row, "digest": each.digest, "version": each.version, "by": each.by}
            await record("terms_adopted", detail | {"signed_in": signed_in})


async def listed(store: Store) -> list[Adoption]:
    """The newest adoption of each row, by row. Raises: StoreUnavailableError."""
    ordered = select(adoptions).order_by(adoptions.c.row_name, adoptions.c.at)
    async with store.read() as connection:
        rows = (await connection.execute(ordered)).mappings().all()
    newest = {row["row_name"]: row for row in rows}
    return [Adoption(name, row["digest"], row["adopted_by"], row["at"], row["version"]) for name, row in newest.items()]


def snapshot_entries(read: Sequence[Adoption]) -> Iterator[bytes]:
    """The snapshot's section `adoption`."""
    return (snapshot.put("adoption", each.row, each) for each in read)
