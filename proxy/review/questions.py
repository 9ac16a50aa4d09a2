"""One question for each principal: what the detector has to ask joins the question of who declares no purpose, whichever was first.
A purpose that is declared since answers it.

The words, the evidence and the detector's version are then those of the detector; counts and decisions stay. A question that is
still open is told of again in the next digest, since it has become another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.ledger.review_tables import case_events, findings
from proxy.ledger.store import Store
from proxy.ledger.store_rows import json_text
from proxy.review import dispositions
from proxy.review.findings import answered_by_declaration, keep
from proxy.review.history import event
from proxy.review.judged import question_about
from proxy.review.raised import Raised

_PLAIN = ("title", "severity", "detector", "group_key")
_WRITTEN = ("sentences", "contributions", "exculpatory", "detail")
_AT_ONCE = 500


class Declared(NamedTuple):
    """A purpose that a principal has declared: when (microseconds since 1970 UTC), and in which record; empty for the
    configuration.
    """

    purpose: str
    at: int
    record: str = ""


async def answer(store: Store, declared: Mapping[str, Declared], at: int) -> int:
    """Decide open questions to those principals that have declared a purpose since they were last found without; gives how many.

    The proxy decides that by itself, and nothing goes into the ledger for it: the declaration is there. Calls without purpose that
    come later open a question again, and from then on no single call answers it, only the configuration or a person.
    Raises: StoreUnavailableError.
    """
    about = {question_about(name): one for name, one in declared.items()}
    keys, done = sorted(about), 0
    for begin in range(0, len(keys), _AT_ONCE):
        some = findings.c.dedup_key.in_(keys[begin : begin + _AT_ONCE])
        query = select(findings.c.dedup_key).where(some, findings.c.kind == "question", findings.c.state == "open")
        async with store.read() as connection:
            waiting = (await connection.execute(query)).scalars().all()
        if waiting:
            async with store.write() as connection:
                for key in waiting:
                    done += await _answer(connection, key, about[key], at)
    return done


async def _answer(connection: AsyncConnection, key: str, one: Declared, at: int) -> int:
    mine = (findings.c.dedup_key == key) & (findings.c.state == "open") & (findings.c.last_at < one.at)
    row = (await connection.execute(select(findings.c.id, findings.c.case_id).where(mine).with_for_update())).first()
    if row is None:
        return 0
    name, case = row
    both = exists().where(case_events.c.finding_id == name, case_events.c.event == "reopened")
    if one.record and (await connection.execute(select(both))).scalar():
        return 0
    said = dispositions.Disposition("dismissed", "", f"declares {one.purpose} ({one.record or 'configured'})")
    await connection.execute(update(findings).where(findings.c.id == name).values(**said.columns(at)))
    await event(connection, "finding_decided", at, case=case, finding=name, note=said.note, detail=said.detail())
    if case:
        await dispositions.settle(connection, case, "", at)
    return 1


async def ask(connection: AsyncConnection, raised: Raised, at: int) -> int:
    """Put the question, in the transaction that `connection` is in; gives how many are new (0 or 1)."""
    columns = findings.c
    query = select(columns.id, columns.state, columns.kind, columns.decided_by)
    row = (await connection.execute(query.where(columns.dedup_key == raised.key).with_for_update())).mappings().first()
    if row is None:
        return await keep(connection, [raised], at)
    values: dict[str, object] = {name: getattr(raised, name) for name in _PLAIN}
    values |= {name: json_text(getattr(raised, name)) for name in _WRITTEN}
    if row["state"] == "open" or answered_by_declaration(row):
        values |= {"state": "open", "digest_day": None}
    await connection.execute(update(findings).where(columns.id == row["id"]).values(**values))
    return 0
