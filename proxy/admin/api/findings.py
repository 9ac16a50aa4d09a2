"""`/api/v1/findings`: what was found, newest first, one of them with its history, and its decision. `/api/v1/digests`: what each
day's digest told of.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, Field, JsonValue

from proxy.admin.api.deciding import Decide, Event, Id, Name, disposition
from proxy.admin.api.instants import instant
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import ProblemError, responses
from proxy.review import digests, dispositions, findings, paging

router = APIRouter(tags=["findings"])

Parts = Annotated[AdminParts, Depends(parts_of)]
Kind = Literal["extraction", "question", "terms", "integrity"]
State = Literal["open", "decided"]
Severity = Literal["notice", "low", "medium", "high"]

_EXAMPLE: dict[str, JsonValue] = {
    "id": "fnd_019a0b1c2d3e4f5061728394a5b6c7d8",
    "at": 1795348800000000,
    "kind": "terms",
    "severity": "medium",
    "title": "Declared purpose against terms: denied",
    "principal": "lab",
    "project": "",
    "group_key": "",
    "rule": "baseline/declared-purpose",
    "purpose": "train.general",
    "upstream": "openai",
    "endpoint": "chat",
    "clauses": ["openai.services.3.3e"],
    "policies": "8ea42466a5147082",
    "detector": "",
    "sentences": ["lab asked openai for gpt-5 (chat), purpose train.general.", "The terms say forbid, by openai.services.3.3e."],
    "contributions": [],
    "exculpatory": ["Nothing went upstream."],
    "detail": {},
    "first_record": "rec_019a0b1c2d3e4f5061728394a5b6c7d8",
    "last_record": "rec_019a0b1c2d3e4f5061728394a5b6c7d8",
    "first_at": 1795348799000000,
    "last_at": 1795348799000000,
    "count": 1,
    "shadow": False,
    "state": "open",
    "decision": "",
    "decided_by": "",
    "note": "",
    "decided_at": None,
    "until": None,
    "case_id": "case_019a0b1c2d3e4f5061728394a5b6c7d8",
    "digest_day": None,
}


class Contribution(BaseModel):
    """How much one signal moved the score, in nats."""

    signal: str
    nats: float
    sentence: str = ""


class Finding(BaseModel):
    """One matter that needs a decision, seen in `count` records from `first_record` to `last_record`. Times in microseconds since
    1970 UTC. `principal` is empty for what is about a rule or a clause, `unaccepted` for keys that no upstream has taken.
    `sentences` are the evidence, `exculpatory` what speaks for the principal. `digest_day` (days since 1970) is the digest that
    told of it. `decision` is empty while it is open for the first time.
    """

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}

    id: str
    at: int
    kind: Kind
    severity: Severity
    title: str
    principal: str
    project: str
    group_key: str
    rule: str
    purpose: str
    upstream: str
    endpoint: str
    clauses: list[str]
    policies: str
    detector: str
    sentences: list[str]
    contributions: list[Contribution]
    exculpatory: list[str]
    detail: dict[str, Any]
    first_record: str
    last_record: str
    first_at: int
    last_at: int
    count: int
    shadow: bool
    state: State
    decision: str
    decided_by: str
    note: str
    decided_at: int | None
    until: int | None
    case_id: str
    digest_day: int | None


class Page(BaseModel):
    """A page; `next_cursor` is null after the last."""

    items: list[Finding]
    next_cursor: str | None


class Whole(Finding):
    """A finding and what happened to it, oldest first."""

    events: list[Event]


class Digest(BaseModel):
    """What one day's digest told of: `count` findings, which `/findings?digest_day=` lists. `day` is whole days since 1970."""

    kind: Kind
    day: int
    date: date
    at: int
    count: int
    sentences: list[str]


class Digests(BaseModel):
    """A page; `next_cursor` is null after the last."""

    items: list[Digest]
    next_cursor: str | None


class Filters(BaseModel):
    """Which findings; all that are given must hold."""

    kind: Kind | None = None
    state: State | None = None
    severity: Severity | None = None
    principal: Name | None = None
    rule: Name | None = None
    case_id: Name | None = None
    digest_day: int | None = Field(None, ge=0, le=2**31 - 1)
    since: Annotated[int | None, BeforeValidator(instant)] = Field(
        None, ge=-(2**53), le=2**53, description="raised since: µs since 1970, or ISO 8601"
    )
    limit: int = Field(50, ge=1, le=findings.MOST_OF_A_PAGE)
    cursor: str | None = Field(None, max_length=512)


@router.get("/findings", responses=responses(400))
async def list_findings(parts: Parts, filters: Annotated[Filters, Query()]) -> Page:
    """Findings, newest first."""
    equal = filters.model_dump(exclude={"since", "limit", "cursor"}, exclude_none=True)
    wanted = findings.Wanted(equal, filters.since)
    items, after = await findings.page(parts.store, wanted, limit=filters.limit, cursor=filters.cursor)
    return Page(items=[Finding(**item) for item in items], next_cursor=after)


@router.get("/findings/{id}", responses=responses(404))
async def read_finding(parts: Parts, id: Id) -> Whole:  # noqa: A002 - the name is the API's
    """One finding and what happened to it."""
    try:
        found, events = await findings.named(parts.store, id)
    except findings.NoSuchFindingError as error:
        raise ProblemError(404, "no-such-finding", str(error)) from None
    return Whole(**found, events=[Event(**event) for event in events])


@router.post("/findings/{id}/decision", responses=responses(404))
async def decide_finding(parts: Parts, request: Request, id: Id, decide: Decide) -> Whole:  # noqa: A002
    """Decide a finding, again if it was decided before; with the last that is open in its case, the case is decided too."""
    made = disposition(parts, request, decide)
    try:
        await dispositions.decide_finding(parts.store, id, made, parts.clock.utc_us(), parts.record)
    except findings.NoSuchFindingError as error:
        raise ProblemError(404, "no-such-finding", str(error)) from None
    return await read_finding(parts, id)


@router.get("/digests", responses=responses(400))
async def list_digests(
    parts: Parts, limit: Annotated[int, Query(ge=1, le=500)] = 50, cursor: Annotated[str, Query(max_length=512)] = ""
) -> Digests:
    """Digests, newest first: what is asked rather than held against anybody, told once a day."""
    before = paging.parse_cursor(cursor)[0] if cursor else None
    found = await digests.listed(parts.store, limit=limit + 1, before=before)
    items = [Digest(**vars(one), date=digests.day_of(one.day)) for one in found[:limit]]
    return Digests(items=items, next_cursor=paging.cursor_of(items[-1].day, "day") if len(found) > limit else None)
