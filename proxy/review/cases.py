"""Cases: what was found about one principal, or one linked group, brought together for one decision.

A subject has one case. It goes `open → assigned → decided → closed`, and whatever is found anew about its subject opens it again.
What people do to it is in `dispositions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.core.errors import TosProxyError
from proxy.ledger.review_tables import cases, findings
from proxy.ledger.store import Store
from proxy.review import history
from proxy.review.paging import behind, cursor_of
from proxy.review.raised import stricter

MOST_EVENTS = 500
"""Events shown with a case, the newest."""

STATES = ("open", "assigned", "decided", "closed")

_ENDED = ("decided", "closed")
_OPEN = text(  # SQLAlchemy's own form of it would bring the modules of both databases into the process
    "INSERT INTO cases (id, subject_kind, subject, project, severity, opened_at, changed_at) "
    "VALUES (:id, :subject_kind, :subject, :project, :severity, :at, :at) ON CONFLICT (subject_kind, subject) DO NOTHING"
)

Case = dict[str, Any]


class NoSuchCaseError(TosProxyError):
    """No case has this id."""


@dataclass(frozen=True)
class Wanted:
    """Which cases: `equal` by column (`state subject assignee severity`); those opened since."""

    equal: dict[str, str] = field(default_factory=dict)
    since: int | None = None


async def gather(connection: AsyncConnection, finding: RowMapping, at: int) -> None:
    """Bring a new finding into its subject's case, which is opened, or opened again, for it. Without a subject there is none."""
    subject = _subject(finding)
    if subject is None:
        return
    kind, name = subject
    row = await _of(connection, kind, name)
    if row is None:
        made = {"id": history.new_id("case", at), "subject_kind": kind, "subject": name, "project": finding["project"]}
        done = await connection.execute(_OPEN, made | {"severity": finding["severity"], "at": at})
        row = await _of(connection, kind, name)
        assert row is not None, "a case that is there is never deleted"
        if done.rowcount:
            await history.event(connection, "opened", at, case=row["id"], finding=finding["id"])
            loose = (findings.c.principal == name) & (findings.c.case_id == "") & (kind == "principal")
            await connection.execute(update(findings).where(loose).values(case_id=row["id"]))
    elif row["state"] in _ENDED:
        await _again(connection, row, finding["id"], at)
    await connection.execute(update(findings).where(findings.c.id == finding["id"]).values(case_id=row["id"]))
    severity = stricter(row["severity"], finding["severity"])
    await connection.execute(update(cases).where(cases.c.id == row["id"]).values(changed_at=at, severity=severity))


async def attach(connection: AsyncConnection, finding: RowMapping) -> None:
    """Show a finding with its subject's case if there is one; it neither opens nor changes it."""
    subject = _subject(finding)
    if subject is not None and (row := await _of(connection, *subject)) is not None:
        await connection.execute(update(findings).where(findings.c.id == finding["id"]).values(case_id=row["id"]))


async def reopen(connection: AsyncConnection, finding: RowMapping, at: int) -> None:
    """A finding that was decided is open again: so is its case."""
    row = (await connection.execute(select(cases).where(cases.c.id == finding["case_id"]))).mappings().first()
    if row is not None and row["state"] in _ENDED:
        await _again(connection, row, finding["id"], at)


async def _again(connection: AsyncConnection, row: RowMapping, finding: str, at: int) -> None:
    values = {"state": "assigned" if row["assignee"] else "open", "reopened": row["reopened"] + 1, "changed_at": at}
    await connection.execute(update(cases).where(cases.c.id == row["id"]).values(**values, closed_at=None))
    await history.event(connection, "reopened", at, case=row["id"], finding=finding)


def _subject(finding: RowMapping) -> tuple[str, str] | None:
    if finding["group_key"]:
        return "group", finding["group_key"]
    return ("principal", finding["principal"]) if finding["principal"] else None


async def _of(connection: AsyncConnection, kind: str, name: str) -> RowMapping | None:
    # held until the end: a decision made at the same time sees the new finding, or is seen
    query = select(cases).where(cases.c.subject_kind == kind, cases.c.subject == name).with_for_update()
    return (await connection.execute(query)).mappings().first()


async def page(store: Store, wanted: Wanted, *, limit: int = 50, cursor: str | None = None) -> tuple[list[Case], str | None]:
    """At most `limit` cases, the newest first, each with the number of its `findings` and of those that are `open_findings`.

    Gives the cursor of the next page too, None after the last. Raises: BadCursorError, StoreUnavailableError.
    """
    columns = cases.c
    conditions: list[ColumnElement[bool]] = [columns[name] == value for name, value in wanted.equal.items()]
    if wanted.since is not None:
        conditions.append(columns.opened_at >= wanted.since)
    if cursor:
        conditions.append(behind(cursor, columns.opened_at, columns.id))
    query = select(cases).where(*conditions).order_by(columns.opened_at.desc(), columns.id.desc()).limit(limit + 1)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
        counts = await _counts(connection, [row["id"] for row in rows[:limit]])
    after = cursor_of(rows[limit - 1]["opened_at"], rows[limit - 1]["id"]) if len(rows) > limit else None
    return [dict(row) | counts[row["id"]] for row in rows[:limit]], after


async def _counts(connection: AsyncConnection, names: Iterable[str]) -> dict[str, dict[str, int]]:
    found = {name: {"findings": 0, "open_findings": 0} for name in names}
    columns = findings.c
    query = select(columns.case_id, columns.state, func.count()).where(columns.case_id.in_(list(found)))
    for name, state, count in await connection.execute(query.group_by(columns.case_id, columns.state)):
        found[name]["findings"] += count
        found[name]["open_findings"] += count if state == "open" else 0
    return found


async def named(store: Store, name: str) -> tuple[Case, list[history.Event]]:
    """The case with this id, counted as in a page, and its last events. Raises: NoSuchCaseError, StoreUnavailableError."""
    async with store.read() as connection:
        row = (await connection.execute(select(cases).where(cases.c.id == name))).mappings().first()
        if row is None:
            raise NoSuchCaseError(f"no case has the id {name}")
        counts = await _counts(connection, [name])
        return dict(row) | counts[name], await history.of_case(connection, name, MOST_EVENTS)
