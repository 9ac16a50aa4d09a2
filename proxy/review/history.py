"""Who did what to a finding or a case, in order. `by` is empty for what the proxy did itself; a note is the event `note`."""

from __future__ import annotations

import os
from typing import Any

import msgspec
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.ledger.review_tables import case_events
from proxy.ledger.store_rows import json_text

Event = dict[str, Any]


def new_id(prefix: str, at: int) -> str:
    """An id that sorts by time, as record ids do: 12 hex digits of milliseconds, 20 random ones."""
    return f"{prefix}_{at // 1000:012x}{os.urandom(10).hex()}"


async def event(
    connection: AsyncConnection,
    what: str,
    at: int,
    *,
    case: str = "",
    finding: str = "",
    by: str = "",
    note: str = "",
    detail: dict[str, str | int] | None = None,
) -> None:
    """Note what happened to a finding or a case."""
    row = {"case_id": case, "finding_id": finding, "at": at, "event": what, "by": by, "note": note, "detail": json_text(detail)}
    await connection.execute(case_events.insert().values(**row))


async def of_finding(connection: AsyncConnection, finding: str) -> list[Event]:
    """What happened to a finding."""
    query = select(case_events).where(case_events.c.finding_id == finding).order_by(case_events.c.id)
    return [_told(row) for row in (await connection.execute(query)).mappings()]


async def of_case(connection: AsyncConnection, case: str, most: int) -> list[Event]:
    """The last `most` things that happened to a case and its findings, oldest first."""
    query = select(case_events).where(case_events.c.case_id == case).order_by(case_events.c.id.desc()).limit(most)
    return [_told(row) for row in reversed((await connection.execute(query)).mappings().all())]


def _told(row: RowMapping) -> Event:
    found = {name: row[name] for name in ("at", "event", "case_id", "finding_id", "by", "note")}
    return found | {"detail": msgspec.json.decode(row["detail"]) if row["detail"] else {}}
