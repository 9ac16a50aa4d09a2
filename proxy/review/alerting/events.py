"""Events that others may be told of, read from what the store holds of findings, cases and standings, in the order of time.

An event's id is that of what it tells of, so that one told twice is known to be one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import select

from proxy.ledger.review_tables import case_events, cases, findings
from proxy.ledger.standing_tables import standing_moves
from proxy.ledger.store import Store
from proxy.review.raised import SEVERITIES

CASE = "case"
STANDING = "standing"
"""The kinds of what is told of cases and of how principals stand, beside the kinds of findings."""

MOST_AT_ONCE = 500

_OF_FINDINGS = (
    *("principal", "project", "group_key", "rule", "purpose", "upstream", "endpoint", "detector", "first_record", "count"),
    "shadow",
)
_OF_MOVES = ("principal", "was", "standing", "cause", "group_key", "finding_id", "case_id", "by")
_SEVERITY = {"normal": "low", "watched": "low", "limited": "medium", "suspended": "high"}
_OF_CASES = ("opened", "assigned", "decided", "closed", "reopened")


class Event(msgspec.Struct, frozen=True):
    """Something that happened. `type`: `finding.raised`, `standing.moved`, or `case.` and what was done; `at`: microseconds since
    1970 UTC.

    `told` has the facts by their names in the admin API; no text of a client's is among them but names.
    """

    id: str
    type: str
    at: int
    kind: str
    severity: str
    title: str
    told: dict[str, Any]


_CASE = [
    cases.c[name].label(f"case_{name}") for name in ("id", "subject_kind", "subject", "severity", "state", "decision", "assignee")
]


async def since(store: Store, at: int) -> list[Event]:
    """What happened from `at` (included) on, at most `MOST_AT_ONCE` of each sort. Raises: StoreUnavailableError."""
    raised = select(findings).where(findings.c.at >= at).order_by(findings.c.at).limit(MOST_AT_ONCE)
    done = (
        select(case_events.c.id.label("number"), case_events.c.at, case_events.c.event, case_events.c.by, *_CASE)
        .join(cases, cases.c.id == case_events.c.case_id)
        .where(case_events.c.at >= at, case_events.c.event.in_(_OF_CASES))
        .order_by(case_events.c.at)
        .limit(MOST_AT_ONCE)
    )
    moved = select(standing_moves).where(standing_moves.c.at >= at).order_by(standing_moves.c.at).limit(MOST_AT_ONCE)
    async with store.read() as connection:
        found = [_moved(dict(row)) for row in (await connection.execute(moved)).mappings()]
        found += [_finding(dict(row)) for row in (await connection.execute(raised)).mappings()]
        found += [_case(dict(row)) for row in (await connection.execute(done)).mappings()]
    return sorted(found, key=lambda event: (event.at, event.id))


def _finding(row: dict[str, Any]) -> Event:
    told = {"finding": row["id"], **{name: row[name] for name in _OF_FINDINGS if row[name]}}
    for name in ("clauses", "sentences"):
        told[name] = msgspec.json.decode(row[name]) if row[name] else []
    return Event(row["id"], "finding.raised", row["at"], row["kind"], row["severity"], row["title"], told)


def _moved(row: dict[str, Any]) -> Event:
    told = {name: row[name] for name in _OF_MOVES if row[name]}
    title = f"{row['principal']} stands as {row['standing']}, which was {row['was']}"
    return Event(f"move.{row['id']}", "standing.moved", row["at"], STANDING, _SEVERITY[row["standing"]], title, told)


def _case(row: dict[str, Any]) -> Event:
    names = ("id", "subject_kind", "subject", "state", "decision", "assignee")
    told = {name: row[f"case_{name}"] for name in names if row[f"case_{name}"]}
    told["case"] = told.pop("id")
    if row["by"]:
        told["by"] = row["by"]
    title = f"The case of {row['case_subject_kind']} {row['case_subject']} was {row['event']}"
    return Event(f"{row['case_id']}.{row['number']}", f"case.{row['event']}", row["at"], CASE, row["case_severity"], title, told)


def wanted(event: Event, kinds: Collection[str], severity: str) -> bool:
    """Whether a target that asks for these kinds of findings, from this severity on, is told of it. Cases have the kind `case`,
    moves of a principal from one standing to another `standing`.
    """
    return event.kind in kinds and SEVERITIES.index(event.severity) >= SEVERITIES.index(severity)
