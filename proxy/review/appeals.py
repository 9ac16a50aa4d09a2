"""What a principal says against a decision about it: kept with its case, which is opened again for it if it was decided."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import select, update

from proxy.ledger.review_tables import cases
from proxy.ledger.store import Store
from proxy.review.cases import NoSuchCaseError
from proxy.review.history import event

Record = Callable[[str, dict[str, str | int]], Awaitable[None]]


async def appeal(store: Store, name: str, words: str, by: str, at: int, record: Record) -> None:
    """Keep an appeal, an entry of the ledger before it counts. The decision stays until somebody decides anew.

    Raises: NoSuchCaseError, StoreUnavailableError, whatever `record` raises.
    """
    async with store.write() as connection:
        # held until the end, as in `dispositions`
        row = (await connection.execute(select(cases).where(cases.c.id == name).with_for_update())).mappings().first()
        if row is None:
            raise NoSuchCaseError(f"no case has the id {name}")
        values: dict[str, object] = {"changed_at": at}
        if row["state"] in {"decided", "closed"}:
            state = "assigned" if row["assignee"] else "open"
            values |= {"state": state, "reopened": row["reopened"] + 1, "closed_at": None}
        await connection.execute(update(cases).where(cases.c.id == name).values(**values))
        await event(connection, "appealed", at, case=name, by=by, note=words)
        await record("case_appealed", {"case": name, "subject": row["subject"], "note": words, "by": by})
