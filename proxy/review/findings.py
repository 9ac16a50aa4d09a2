"""Findings as the store keeps them: raised once by their key, repeats counted, gathered into cases, shown in pages.

A finding that comes again after its exemption has passed is open again, and so is a question that a declared purpose had answered;
one that is new while the same rule is exempt for the same principal is born decided. Every other decision holds for what it was
made about: a repeat only counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.core.errors import TosProxyError
from proxy.ledger.review_tables import findings
from proxy.ledger.store import Store
from proxy.ledger.store_rows import json_text
from proxy.review import cases
from proxy.review.history import event, new_id, of_finding
from proxy.review.paging import behind, cursor_of
from proxy.review.raised import Raised

MOST_OF_A_PAGE = 500

_AT_ONCE = 500
_JSON = ("clauses", "sentences", "contributions", "exculpatory", "detail")
_NOT_SHOWN = {"dedup_key"}
_COLUMNS = (
    *("id", "at", "dedup_key", "kind", "severity", "title", "principal", "project", "group_key", "rule"),
    *("purpose", "upstream", "endpoint", "clauses", "policies", "detector", "sentences", "contributions", "exculpatory", "detail"),
    *("first_record", "last_record", "first_at", "last_at", "count", "shadow", "state"),
)
_LATER = "CASE WHEN excluded.last_at >= findings.last_at THEN excluded.{0} ELSE findings.{0} END"
# SQLAlchemy's own form of it would bring the modules of both databases into the process
_UPSERT = text(
    f"INSERT INTO findings ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + name for name in _COLUMNS)}) "  # noqa: S608 - constants of this file
    "ON CONFLICT (dedup_key) DO UPDATE SET count = findings.count + excluded.count, "
    "policies = CASE WHEN findings.policies = '' THEN excluded.policies ELSE findings.policies END, "
    f"last_record = {_LATER.format('last_record')}, last_at = {_LATER.format('last_at')}"
)

Finding = dict[str, Any]


class NoSuchFindingError(TosProxyError):
    """No finding has this id."""


@dataclass(frozen=True)
class Wanted:
    """Which findings: `equal` by column (`kind state principal rule severity case_id decision digest_day`); those raised since."""

    equal: dict[str, str | int] = field(default_factory=dict)
    since: int | None = None


async def keep(connection: AsyncConnection, raised: Sequence[Raised], at: int) -> int:
    """Keep what was raised, in the transaction that `connection` is in; gives how many findings are new."""
    new = 0
    # one order for all writers: two of them on one database cannot wait for each other
    ordered = sorted(raised, key=lambda one: one.key)
    for begin in range(0, len(ordered), _AT_ONCE):
        new += await _keep_some(connection, {one.key: one for one in ordered[begin : begin + _AT_ONCE]}, at)
    return new


async def keep_once(connection: AsyncConnection, raised: Sequence[Raised], at: int) -> int:
    """Keep what is not kept yet, and let what is be as it is; gives how many findings are new."""
    keys = [one.key for one in raised]
    known: set[str] = set()
    for begin in range(0, len(keys), _AT_ONCE):
        query = select(findings.c.dedup_key).where(findings.c.dedup_key.in_(keys[begin : begin + _AT_ONCE]))
        known.update((await connection.execute(query)).scalars())
    return await keep(connection, [one for one in raised if one.key not in known], at)


async def _keep_some(connection: AsyncConnection, raised: dict[str, Raised], at: int) -> int:
    ids = {new_id("fnd", at): key for key in raised}
    await connection.execute(_UPSERT, [_row(name, raised[key], at) for name, key in ids.items()])
    query = select(findings).where(findings.c.dedup_key.in_(list(raised))).order_by(findings.c.dedup_key)
    rows = (await connection.execute(query)).mappings().all()
    fresh = [row for row in rows if row["id"] in ids]
    for row in rows:
        if row["id"] not in ids and (why := _opens_again(row)):
            await _open_again(connection, row, at, why)
    for row in fresh:
        one = raised[row["dedup_key"]]
        exempt = await _exemption(connection, row)
        if exempt is not None:
            await _decided_before(connection, row["id"], exempt, at)
        if one.gathers and exempt is None:
            await cases.gather(connection, row, at)
        elif one.principal:
            await cases.attach(connection, row)
    return len(fresh)


def _row(name: str, one: Raised, at: int) -> dict[str, object]:
    row: dict[str, object] = {column: getattr(one, column, "") for column in _COLUMNS}
    row |= {"id": name, "at": at, "dedup_key": one.key, "state": "open"}
    return row | {column: json_text(getattr(one, column)) for column in _JSON}


def answered_by_declaration(row: RowMapping) -> bool:
    """Whether this is a question that the proxy itself has decided, since a purpose was declared."""
    decided: bool = row["kind"] == "question" and row["state"] == "decided" and not row["decided_by"]
    return decided


def _opens_again(row: RowMapping) -> str:
    """Why a decided finding that has come again is open again; empty where it is not."""
    if row["state"] != "decided":
        return ""
    if row["decision"] == "exempt" and row["until"] is not None and row["last_at"] >= row["until"]:
        return "its exemption has passed"
    if answered_by_declaration(row) and row["last_at"] > row["decided_at"]:
        return "its principal asks without a purpose again"
    return ""


async def _open_again(connection: AsyncConnection, row: RowMapping, at: int, why: str) -> None:
    await connection.execute(update(findings).where(findings.c.id == row["id"]).values(state="open"))
    await event(connection, "reopened", at, finding=row["id"], case=row["case_id"], note=why)
    if row["case_id"]:
        await cases.reopen(connection, row, at)


async def _exemption(connection: AsyncConnection, row: RowMapping) -> RowMapping | None:
    """The decision that spares this principal of this rule at this time."""
    if not row["rule"] or not row["principal"]:
        return None
    same = (findings.c.principal == row["principal"]) & (findings.c.rule == row["rule"]) & (findings.c.id != row["id"])
    holds = (findings.c.decision == "exempt") & (findings.c.state == "decided") & (findings.c.until > row["last_at"])
    found = await connection.execute(select(findings).where(same, holds).order_by(findings.c.until.desc()).limit(1))
    return found.mappings().first()


async def _decided_before(connection: AsyncConnection, name: str, exempt: RowMapping, at: int) -> None:
    values = {"state": "decided", "decision": "exempt", "until": exempt["until"], "decided_at": at}
    values |= {"decided_by": exempt["decided_by"], "note": f"as decided for {exempt['id']}"}
    await connection.execute(update(findings).where(findings.c.id == name).values(**values))


async def page(store: Store, wanted: Wanted, *, limit: int = 50, cursor: str | None = None) -> tuple[list[Finding], str | None]:
    """At most `limit` findings, newest first, and the cursor of the next page (None after the last).

    Raises: BadCursorError, StoreUnavailableError.
    """
    columns = findings.c
    conditions: list[ColumnElement[bool]] = [columns[name] == value for name, value in wanted.equal.items()]
    if wanted.since is not None:
        conditions.append(columns.at >= wanted.since)
    if cursor:
        conditions.append(behind(cursor, columns.at, columns.id))
    query = select(findings).where(*conditions).order_by(columns.at.desc(), columns.id.desc()).limit(limit + 1)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    after = cursor_of(rows[limit - 1]["at"], rows[limit - 1]["id"]) if len(rows) > limit else None
    return [shown(row) for row in rows[:limit]], after


async def named(store: Store, name: str) -> tuple[Finding, list[dict[str, Any]]]:
    """The finding with this id, and what happened to it. Raises: NoSuchFindingError, StoreUnavailableError."""
    async with store.read() as connection:
        row = (await connection.execute(select(findings).where(findings.c.id == name))).mappings().first()
        if row is None:
            raise NoSuchFindingError(f"no finding has the id {name}")
        return shown(row), await of_finding(connection, name)


def shown(row: RowMapping) -> Finding:
    """A row with its lists as lists."""
    found: Finding = {name: value for name, value in row.items() if name not in _NOT_SHOWN}
    for name in _JSON:
        found[name] = msgspec.json.decode(found[name]) if found[name] else ({} if name == "detail" else [])
    found["shadow"] = bool(found["shadow"])
    return found
