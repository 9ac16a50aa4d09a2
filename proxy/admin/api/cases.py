"""`/api/v1/cases`: what was found about one principal or linked group, together for one decision, and what people do to it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, Field, JsonValue

from proxy.admin.api.deciding import MOST_NOTE, Act, Decide, Event, Id, Instant, Name, Person, disposition, there, who
from proxy.admin.api.instants import instant
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import responses
from proxy.review import appeals, cases, dispositions, findings

router = APIRouter(tags=["cases"])

Parts = Annotated[AdminParts, Depends(parts_of)]
State = Literal["open", "assigned", "decided", "closed"]
MOST_LEFT_OUT = 1000
Severity = Literal["notice", "low", "medium", "high"]

_EXAMPLE: dict[str, JsonValue] = {
    "id": "case_019a0b1c2d3e4f5061728394a5b6c7d8",
    "subject_kind": "principal",
    "subject": "lab",
    "project": "",
    "state": "assigned",
    "severity": "medium",
    "assignee": "ann",
    "due": 1795953600000000,
    "opened_at": 1795348800000000,
    "changed_at": 1795352400000000,
    "decided_at": None,
    "closed_at": None,
    "decision": "",
    "decided_by": "",
    "note": "",
    "until": None,
    "reopened": 0,
    "findings": 3,
    "open_findings": 3,
}


class Case(BaseModel):
    """A case. Times in microseconds since 1970 UTC; `severity` is its strictest finding's; `reopened` counts how often something
    new opened it again. `decision` and what goes with it are the last ones, also while it is open again.
    """

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}

    id: str
    subject_kind: Literal["principal", "group"]
    subject: str
    project: str
    state: State
    severity: Severity
    assignee: str
    due: int | None
    opened_at: int
    changed_at: int
    decided_at: int | None
    closed_at: int | None
    decision: str
    decided_by: str
    note: str
    until: int | None
    reopened: int
    findings: int
    open_findings: int


class Page(BaseModel):
    """A page; `next_cursor` is null after the last."""

    items: list[Case]
    next_cursor: str | None


class Whole(Case):
    """A case and what happened to it and its findings, oldest first, the last 500. Its findings: `/findings?case_id=`."""

    events: list[Event]


class Assign(Act):
    """Whose case it is from now on, and until when; an empty assignee takes it back."""

    assignee: Person
    due: Instant | None = Field(None, description="µs since 1970, or ISO 8601")

    model_config = {"extra": "forbid", "json_schema_extra": {"examples": [{"assignee": "ann", "due": "2026-12-01"}]}}


class DecideCase(Decide):
    """A decision of a case, but for the members of its group that are left out: their findings stay open."""

    leave_out: list[Name] = Field([], max_length=MOST_LEFT_OUT, description="principals for whom it is not decided")

    model_config = {
        "extra": "forbid",
        "json_schema_extra": {
            "examples": [
                {"decision": "confirmed", "note": "one operator", "by": "ann"},
                {"decision": "confirmed", "leave_out": ["account-7"], "note": "that one is a partner's"},
                {"decision": "exempt", "until": "2027-01-31", "note": "licence under negotiation"},
            ]
        },
    }


class Note(Act):
    """Words to remember. They go into the ledger, where nothing is erased."""

    note: Annotated[str, Field(min_length=1, max_length=MOST_NOTE, pattern=r"^[^\x00]*$")]

    model_config = {"extra": "forbid", "json_schema_extra": {"examples": [{"note": "their counsel will write by Friday"}]}}


class Filters(BaseModel):
    """Which cases; all that are given must hold."""

    state: State | None = None
    severity: Severity | None = None
    subject: Name | None = None
    assignee: Name | None = None
    since: Annotated[int | None, BeforeValidator(instant)] = Field(
        None, ge=-(2**53), le=2**53, description="opened since: µs since 1970, or ISO 8601"
    )
    limit: int = Field(50, ge=1, le=findings.MOST_OF_A_PAGE)
    cursor: str | None = Field(None, max_length=512)


@router.get("/cases", responses=responses(400))
async def list_cases(parts: Parts, filters: Annotated[Filters, Query()]) -> Page:
    """Cases, the newest first."""
    wanted = cases.Wanted(filters.model_dump(exclude={"since", "limit", "cursor"}, exclude_none=True), filters.since)
    items, after = await cases.page(parts.store, wanted, limit=filters.limit, cursor=filters.cursor)
    return Page(items=[Case(**item) for item in items], next_cursor=after)


@router.get("/cases/{id}", responses=responses(404))
async def read_case(parts: Parts, id: Id) -> Whole:  # noqa: A002 - the name is the API's
    """One case and what happened to it."""
    with there():
        found, events = await cases.named(parts.store, id)
    return Whole(**found, events=[Event(**event) for event in events])


@router.post("/cases/{id}/assign", responses=responses(404, 409))
async def assign_case(parts: Parts, request: Request, id: Id, given: Assign) -> Whole:  # noqa: A002
    """Give a case to somebody."""
    by, now = who(request, given), parts.clock.utc_us()
    with there():
        await dispositions.assign(parts.store, id, given.assignee, given.due, by, now, parts.record)
    return await read_case(parts, id)


@router.post("/cases/{id}/decide", responses=responses(404, 409))
async def decide_case(parts: Parts, request: Request, id: Id, decide: DecideCase) -> Whole:  # noqa: A002
    """Decide a case, and with it every finding that is open in it, but those of principals that are left out."""
    made, now = disposition(parts, request, decide), parts.clock.utc_us()
    with there():
        if decide.leave_out:
            await dispositions.decide_members(parts.store, id, made, set(decide.leave_out), now, parts.record)
        else:
            await dispositions.decide_case(parts.store, id, made, now, parts.record)
    return await read_case(parts, id)


@router.post("/cases/{id}/note", responses=responses(404))
async def note_case(parts: Parts, request: Request, id: Id, given: Note) -> Whole:  # noqa: A002
    """Add a note to a case."""
    with there():
        await dispositions.note(parts.store, id, given.note, who(request, given), parts.clock.utc_us(), parts.record)
    return await read_case(parts, id)


@router.post("/cases/{id}/appeal", responses=responses(404))
async def appeal_case(parts: Parts, request: Request, id: Id, given: Note) -> Whole:  # noqa: A002
    """Keep what the principal says against the decision; a decided case is open again."""
    with there():
        await appeals.appeal(parts.store, id, given.note, who(request, given), parts.clock.utc_us(), parts.record)
    return await read_case(parts, id)


@router.post("/cases/{id}/close", responses=responses(404, 409))
async def close_case(parts: Parts, request: Request, id: Id, given: Annotated[Act | None, Body()] = None) -> Whole:  # noqa: A002
    """Close a case that is decided."""
    with there():
        await dispositions.close(parts.store, id, who(request, given or Act()), parts.clock.utc_us(), parts.record)
    return await read_case(parts, id)
