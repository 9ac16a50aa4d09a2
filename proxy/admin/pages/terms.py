"""`/terms`: what the terms say, provider by purpose; `/terms/{row}`: a row, each cell with its clauses, dates and who has read
it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.in_force import cell_at, read_by
from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of
from proxy.admin.problems import ProblemError
from proxy.core.principal import PURPOSES, UNDECLARED

TITLE = "Terms"
ADDRESS = "/terms"
KINDS = ("overlay", "contract", "licence")
_SHOWN = [purpose for purpose in PURPOSES if purpose != UNDECLARED]

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def matrix(request: Request) -> Response:
    """All rows by all purposes, on a day (`?on=`)."""
    parts = parts_of(request)
    at, told = _day(request, parts.clock.utc_us())
    rows = sorted(parts.in_force.rows().values(), key=lambda row: (KINDS.index(row.kind), row.id))
    adoptions = parts.in_force.adoptions()
    cells = [(row, read_by(row, adoptions), [cell_at(row, purpose, at) for purpose in _SHOWN]) for row in rows]
    clause = request.query_params.get("clause", "")
    named = next((one for one in parts.in_force.clauses() if one.id == clause), None)
    version = parts.in_force.bundle().terms
    return page(request, "terms.html", cells=cells, purposes=_SHOWN, on=told, clause=named, asked=clause, version=version)


@router.get(ADDRESS + "/{row_id}")
async def one(request: Request, row_id: str) -> Response:
    """One row: every cell of every time, with its clauses."""
    parts = parts_of(request)
    row = parts.in_force.rows().get(row_id)
    if row is None:
        raise ProblemError(404, "no-such-row", "No row of the terms in force has this name.")
    clauses = {clause.id: clause for clause in parts.in_force.clauses()}
    adopted = parts.in_force.adoptions().get(row_id)
    read = read_by(row, parts.in_force.adoptions())
    return page(request, "terms_row.html", row=row, clauses=clauses, read=read, adopted=adopted, now=parts.clock.utc_us())


def _day(request: Request, now: int) -> tuple[int, str]:
    """The day that was asked for, as microseconds and as written; today where none was, or none that is one."""
    asked = request.query_params.get("on", "")
    try:
        at = int(datetime.fromisoformat(asked).replace(tzinfo=UTC).timestamp() * 1_000_000)
    except ValueError:
        at = -1
    return (at, asked) if at >= 0 else (now, datetime.fromtimestamp(now / 1_000_000, UTC).strftime("%Y-%m-%d"))
