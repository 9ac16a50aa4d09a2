"""One question for each principal: what the detector has to ask joins the question of who declares no purpose, whichever was first.

The words, the evidence and the detector's version are then those of the detector; counts and decisions stay. A question that is
still open is told of again in the next digest, since it has become another.
"""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.ledger.review_tables import findings
from proxy.ledger.store_rows import json_text
from proxy.review.findings import keep
from proxy.review.raised import Raised

_PLAIN = ("title", "severity", "detector", "group_key")
_WRITTEN = ("sentences", "contributions", "exculpatory", "detail")


async def ask(connection: AsyncConnection, raised: Raised, at: int) -> int:
    """Put the question, in the transaction that `connection` is in; gives how many are new (0 or 1)."""
    query = select(findings.c.id, findings.c.state, findings.c.digest_day).where(findings.c.dedup_key == raised.key)
    row = (await connection.execute(query.with_for_update())).first()
    if row is None:
        return await keep(connection, [raised], at)
    values: dict[str, object] = {name: getattr(raised, name) for name in _PLAIN}
    values |= {name: json_text(getattr(raised, name)) for name in _WRITTEN}
    values["digest_day"] = None if row[1] == "open" else row[2]
    await connection.execute(update(findings).where(findings.c.id == row[0]).values(**values))
    return 0
