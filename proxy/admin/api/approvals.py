"""`/api/v1/approvals`: what one person asks for and a second one has to approve: to suspend a principal, to erase its contents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Query, Request
from pydantic import BaseModel, Field, JsonValue

from proxy.admin.api.deciding import Id, Name, Words
from proxy.admin.api.standings import stand
from proxy.admin.parts import AdminParts, parts_of, session_of
from proxy.admin.problems import ProblemError, responses
from proxy.admin.roles import ROOT
from proxy.review import approvals
from proxy.review.cases import NoSuchCaseError

router = APIRouter(tags=["approvals"])

Parts = Annotated[AdminParts, Depends(parts_of)]

_EXAMPLE: dict[str, JsonValue] = {
    "id": "appr_019a0b1c2d3e4f5061728394a5b6c7d8",
    "action": "suspend",
    "principal": "lab",
    "case_id": "case_019a0b1c2d3e4f5061728394a5b6c7d8",
    "state": "asked",
    "asked_at": 1795348800000000,
    "asked_by": "ann",
    "reason": "asked twice, and goes on",
    "decided_at": None,
    "decided_by": "",
    "note": "",
}


class Approval(BaseModel):
    """Something that one person asked for. Times in microseconds since 1970 UTC."""

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}

    id: str
    action: Literal["suspend", "erase"]
    principal: str
    case_id: str
    state: Literal["asked", "approved", "rejected"]
    asked_at: int
    asked_by: str
    reason: str
    decided_at: int | None
    decided_by: str
    note: str


class Page(BaseModel):
    """A page, newest first; `next_cursor` is null after the last."""

    items: list[Approval]
    next_cursor: str | None


class Ask(BaseModel):
    """What is asked for, and why. The reason goes into the ledger, where nothing is erased."""

    model_config = {
        "extra": "forbid",
        "json_schema_extra": {"examples": [{"action": "suspend", "principal": "lab", "reason": "asked twice, and goes on"}]},
    }

    action: Literal["suspend", "erase"]
    principal: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
    reason: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
    case_id: Name = ""


class Note(BaseModel):
    """Words with a decision."""

    model_config = {"extra": "forbid", "json_schema_extra": {"examples": [{"note": "seen the evidence"}]}}

    note: Words = ""


class Filters(BaseModel):
    """Which approvals; all that are given must hold."""

    state: Literal["asked", "approved", "rejected"] | None = None
    principal: Name | None = None
    limit: int = Field(50, ge=1, le=500)
    cursor: str = Field("", max_length=128, pattern=r"^[a-z0-9_]*$")


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except approvals.NoSuchApprovalError as error:
        raise ProblemError(404, "no-such-approval", str(error)) from None
    except NoSuchCaseError as error:
        raise ProblemError(404, "no-such-case", str(error)) from None
    except approvals.NotNowError as error:
        raise ProblemError(409, "not-in-this-state", str(error)) from None


@router.get("/approvals", responses=responses())
async def list_approvals(parts: Parts, filters: Annotated[Filters, Query()]) -> Page:
    """What was asked for."""
    equal = filters.model_dump(include={"state", "principal"}, exclude_none=True)
    found = await approvals.page(parts.store, equal, limit=filters.limit + 1, after=filters.cursor)
    more = found[filters.limit - 1]["id"] if len(found) > filters.limit else None
    return Page(items=[Approval(**row) for row in found[: filters.limit]], next_cursor=more)


@router.get("/approvals/{id}", responses=responses(404))
async def read_approval(parts: Parts, id: Id) -> Approval:  # noqa: A002 - the name is the API's
    """One of them."""
    with _named():
        return Approval(**await approvals.named(parts.store, id))


@router.post("/approvals", status_code=201, responses=responses(404, 409))
async def ask(parts: Parts, request: Request, asked: Ask) -> Approval:
    """Ask for a suspension or an erasure."""
    by, now = session_of(request).name, parts.clock.utc_us()
    with _named():
        row = await approvals.ask(parts.store, asked.action, asked.principal, asked.case_id, by, asked.reason, now, parts.record)
    return Approval(**row)


@router.post("/approvals/{id}/approve", responses=responses(404, 409))
async def approve(parts: Parts, request: Request, id: Id, given: Annotated[Note | None, Body()] = None) -> Approval:  # noqa: A002
    """Approve, and have it done: by a second person, who is signed in by a name of their own. If it could not be done, approve it
    again.
    """
    by, now = session_of(request).name, parts.clock.utc_us()
    if by == ROOT:
        raise ProblemError(409, "not-a-person", "An approval is a person's: sign in by a name, the admin token is nobody's.")
    with _named():
        row = await approvals.decide(parts.store, id, "approved", by, given.note if given else "", now, parts.record)
    if row["action"] == "suspend":
        await stand(parts, row["principal"], "suspended", by, row["reason"], case=row["case_id"])
    else:
        await parts.erase(row["principal"])
    return Approval(**row)


@router.post("/approvals/{id}/reject", responses=responses(404, 409))
async def reject(parts: Parts, request: Request, id: Id, given: Annotated[Note | None, Body()] = None) -> Approval:  # noqa: A002
    """Reject it, or take it back."""
    by, now = session_of(request).name, parts.clock.utc_us()
    with _named():
        return Approval(**await approvals.decide(parts.store, id, "rejected", by, given.note if given else "", now, parts.record))
