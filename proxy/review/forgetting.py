"""What goes with the evidence that it speaks of: findings whose last record is past its time, cases without findings, digests,
moves of standings, what ties groups.
"""

from __future__ import annotations

from sqlalchemy import delete, exists, select

from proxy.ledger.review_tables import case_events, cases, digests, findings
from proxy.ledger.standing_tables import group_ties, standing_moves
from proxy.ledger.store import Store
from proxy.ledger.store_rows import DAY_US

_SLICE = 500


async def forget(store: Store, before: int) -> int:
    """Delete what ended before `before` (microseconds since 1970 UTC), slice by slice; gives how many findings and cases went.

    Raises: StoreUnavailableError; what was done stays done.
    """
    # raised before its last record or with it: the index on `at` bounds the search
    old = (findings.c.at < before) & (findings.c.last_at < before)
    empty = (cases.c.changed_at < before) & ~exists().where(findings.c.case_id == cases.c.id)
    deleted = 0
    for table, chosen, named in ((findings, old, case_events.c.finding_id), (cases, empty, case_events.c.case_id)):
        while True:
            async with store.write() as connection:
                ids = list((await connection.execute(select(table.c.id).where(chosen).limit(_SLICE))).scalars())
                # looked at again as it goes: what came meanwhile keeps it
                done = await connection.execute(delete(table).where(table.c.id.in_(ids), chosen))
                if table is cases:
                    await connection.execute(delete(case_events).where(named.in_(ids)))
                else:
                    await connection.execute(delete(case_events).where(named.in_(ids), case_events.c.case_id == ""))
                deleted += done.rowcount
            if len(ids) < _SLICE:
                break
    async with store.write() as connection:
        await connection.execute(delete(digests).where(digests.c.day < before // DAY_US))
        await connection.execute(delete(standing_moves).where(standing_moves.c.at < before))
        await connection.execute(delete(group_ties).where(group_ties.c.at < before))
    return deleted
