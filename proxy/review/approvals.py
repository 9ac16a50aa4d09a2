"""What one person may ask for and only another may approve: to suspend a principal, and to erase what was said to and by it.

`asked → approved | rejected`. Who asked does not approve; they may take it back, which counts as rejected. Each step is an entry of
the ledger before it counts, and stands with the case that it belongs to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import insert, select, update

from proxy.core.errors import TosProxyError
from proxy.ledger.review_tables import cases
from proxy.ledger.store import Store
from proxy.ledger.summary_tables import approvals
from proxy.review.cases import NoSuchCaseError
from proxy.review.history import event, new_id

STATES = ("asked", "approved", "rejected")

Approval = dict[str, Any]
Record = Callable[[str, dict[str, str | int]], Awaitable[None]]


class NoSuchApprovalError(TosProxyError):
    """Nothing was asked for under this id."""


class NotNowError(TosProxyError):
    """It is decided already, or asked for already, or this person may not decide it; the message says which."""


async def ask(store: Store, action: str, principal: str, case: str, by: str, reason: str, at: int, record: Record) -> Approval:
    """Ask for something. Raises: NotNowError (asked already), NoSuchCaseError, StoreUnavailableError, whatever `record` raises."""
    columns = approvals.c
    row: dict[str, Any] = {"id": new_id("appr", at), "action": action, "principal": principal, "case_id": case, "state": "asked"}
    row |= {"asked_at": at, "asked_by": by, "reason": reason}
    async with store.write() as connection:
        same = (columns.principal == principal) & (columns.action == action) & (columns.state == "asked")
        if (await connection.execute(select(columns.id).where(same).with_for_update())).first() is not None:
            raise NotNowError(f"to {action} {principal} is asked for already, and waits for a second person")
        if case and (await connection.execute(select(cases.c.id).where(cases.c.id == case))).first() is None:
            raise NoSuchCaseError(f"no case has the id {case}")
        await connection.execute(insert(approvals).values(**row))
        said: dict[str, str | int] = {"approval": row["id"], "action": action, "principal": principal}
        if case:
            await event(connection, f"{action}_asked", at, case=case, by=by, note=reason, detail=said)
        await record("approval_asked", {**said, "by": by, "reason": reason})
    return await named(store, str(row["id"]))


async def decide(store: Store, name: str, state: str, by: str, note: str, at: int, record: Record) -> Approval:
    """Approve or reject; to approve again what this person approved changes nothing.

    Raises: NoSuchApprovalError, NotNowError, StoreUnavailableError, whatever `record` raises.
    """
    async with store.write() as connection:
        query = select(approvals).where(approvals.c.id == name).with_for_update()
        row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise NoSuchApprovalError(f"nothing was asked for under the id {name}")
        if state == "approved" and row["asked_by"] == by:
            raise NotNowError("who asked for it does not approve it; that takes a second person")
        if row["state"] != "asked":
            if (row["state"], row["decided_by"]) == (state, by):
                return dict(row)
            raise NotNowError(f"it is {row['state']} already, by {row['decided_by']}")
        values = {"state": state, "decided_at": at, "decided_by": by, "note": note}
        await connection.execute(update(approvals).where(approvals.c.id == name).values(**values))
        said: dict[str, str | int] = {"approval": name, "action": row["action"], "principal": row["principal"]}
        if row["case_id"]:
            await event(connection, f"{row['action']}_{state}", at, case=row["case_id"], by=by, note=note, detail=said)
        await record(f"approval_{state}", {**said, "asked_by": row["asked_by"], "by": by, **({"note": note} if note else {})})
    return await named(store, name)


async def named(store: Store, name: str) -> Approval:
    """One of them. Raises: NoSuchApprovalError, StoreUnavailableError."""
    async with store.read() as connection:
        row = (await connection.execute(select(approvals).where(approvals.c.id == name))).mappings().first()
    if row is None:
        raise NoSuchApprovalError(f"nothing was asked for under the id {name}")
    return dict(row)


async def page(store: Store, equal: dict[str, str], *, limit: int, after: str = "") -> list[Approval]:
    """The newest first, those behind the id `after`; `equal` by `state` and `principal`. Raises: StoreUnavailableError."""
    query = select(approvals).where(*(approvals.c[column] == value for column, value in equal.items()))
    if after:
        query = query.where(approvals.c.id < after)
    async with store.read() as connection:
        return [dict(row) for row in (await connection.execute(query.order_by(approvals.c.id.desc()).limit(limit))).mappings()]
