"""`/api/v1/jobs`: long work: what is under way or was, how far it is, its result; and its end before its time."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, JsonValue

from proxy.admin.api.deciding import Id
from proxy.admin.parts import AdminParts, JobBook, parts_of, session_of
from proxy.admin.problems import ProblemError, responses
from proxy.admin.roles import OPENERS
from proxy.core.errors import TosProxyError
from proxy.core.jobs import UNDER_WAY
from proxy.core.jobs import Job as CoreJob

router = APIRouter(tags=["jobs"])

Parts = Annotated[AdminParts, Depends(parts_of)]

EXAMPLE: dict[str, JsonValue] = {
    "id": "job_019a0b1c2d3e4f5061728394a5b6c7d8",
    "kind": "backtest",
    "by": "ann",
    "at": 1795348800000000,
    "state": "running",
    "started_at": 1795348800100000,
    "ended_at": None,
    "done": 120000,
    "total": 400000,
    "told": "98,000 queries, 12 changed",
    "error": "",
    "partial": False,
    "asked": {"since": None, "until": None, "enforce": True},
}


class Job(BaseModel):
    """Long work. `done` of `total` steps, 0 where that is not known yet; `told` says it in words. `lost`: the control process ended
    before it did. `partial`: it was cut short, and its result is of what there was. Times in microseconds since 1970 UTC.
    """

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    kind: Literal["backtest", "search"]
    by: str
    at: int
    state: Literal["queued", "running", "done", "failed", "cancelled", "lost"]
    started_at: int | None
    ended_at: int | None
    done: int
    total: int
    told: str
    error: str
    partial: bool
    asked: dict[str, Any] = Field(description="what was asked for")


class Page(BaseModel):
    """A page; `next_cursor` is null after the last."""

    model_config = {"json_schema_extra": {"examples": [{"items": [EXAMPLE], "next_cursor": None}]}}

    items: list[Job]
    next_cursor: str | None


def started(parts: AdminParts, kind: Literal["backtest", "search"], asked: dict[str, Any], by: str) -> Job:
    """A new job. Raises: ProblemError 429 when too many wait."""
    try:
        return shown(_book(parts).start(kind, asked, by))
    except TosProxyError as error:
        raise ProblemError(429, "too-many-jobs", str(error)) from None


def shown(job: CoreJob, role: str = "admin") -> Job:
    """A job as the API has it; for what text contents are searched is for those alone who may open them."""
    told = {name: getattr(job, name) for name in Job.model_fields}
    if role not in OPENERS:
        told["asked"] = {name: value for name, value in job.asked.items() if name != "text"}
    return Job(**told)


def with_result(parts: AdminParts, kind: Literal["backtest", "search"], job: str) -> tuple[CoreJob, Any]:
    """A job of this kind and what it came to, None while it has come to nothing. Raises: ProblemError 404."""
    book = parts.jobs
    try:
        found = book.named(job) if book else None
    except TosProxyError:
        found = None
    if book is None or found is None or found.kind != kind:
        raise ProblemError(404, "no-such-job", f"No {kind} has this id, or it is kept no longer.")
    result = book.result(job)
    return found, json.loads(result) if result else None


def _book(parts: AdminParts) -> JobBook:
    if parts.jobs is None:
        raise ProblemError(409, "no-jobs", "This control process carries out no jobs.")
    return parts.jobs


def _named(parts: AdminParts, job: str) -> CoreJob:
    try:
        return _book(parts).named(job)
    except TosProxyError as error:
        raise ProblemError(404, "no-such-job", str(error)) from None


@router.get("/jobs", responses=responses(409))
async def list_jobs(
    parts: Parts,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str, Query(max_length=128, pattern=r"^[a-z0-9_]*$")] = "",
) -> Page:
    """Jobs of this control process, the newest first; they are kept for 30 days, the last 200 of them."""
    found = _book(parts).page(limit=limit + 1, after=cursor)
    return Page(
        items=[shown(job, session_of(request).role) for job in found[:limit]],
        next_cursor=found[limit - 1].id if len(found) > limit else None,
    )


@router.get("/jobs/{id}", responses=responses(404, 409))
async def read_job(parts: Parts, request: Request, id: Id) -> Job:  # noqa: A002 - the name is the API's
    """One job, and how far it is."""
    return shown(_named(parts, id), session_of(request).role)


@router.get(
    "/jobs/{id}/result",
    responses=responses(404, 409) | {200: {"content": {"application/json": {"example": {"partial": False, "queries": 98000}}}}},
)
async def read_result(parts: Parts, id: Id) -> dict[str, Any]:  # noqa: A002
    """What it came to: of a backtest as `tos-proxy policy backtest --json` prints it; of a search `hits`, how many exchanges were
    `opened`, and whether it is `complete`.
    """
    job = _named(parts, id)
    found = _book(parts).result(id)
    if found is None:
        why = "it is still under way" if job.state in UNDER_WAY else f"it is {job.state}"
        raise ProblemError(409, "no-result", f"There is no result: {why}.")
    return Response(found, media_type="application/json", headers={"cache-control": "no-store"})  # type: ignore[return-value] # as it is


@router.post("/jobs/{id}/cancel", responses=responses(404, 409))
async def cancel_job(parts: Parts, id: Id) -> Job:  # noqa: A002
    """End a job; what it had so far is its result. One that has ended stays as it is."""
    _named(parts, id)
    return shown(await _book(parts).cancel(id))
