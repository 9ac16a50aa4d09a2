"""`/api/v1/standing-moves`: how the standings of principals came about, one move after the other; to be pulled as well as read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, BeforeValidator, Field, JsonValue

from proxy.admin.api.deciding import Name
from proxy.admin.api.instants import instant
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import responses
from proxy.review import moves

router = APIRouter(tags=["principals"])
Parts = Annotated[AdminParts, Depends(parts_of)]

_EXAMPLE: dict[str, JsonValue] = {
    "id": 7,
    "principal": "lab",
    "at": 1795348800000000,
    "was": "normal",
    "standing": "watched",
    "cause": "evidence",
    "group_key": "",
    "finding_id": "fnd_019a0b1c2d3e4f5061728394a5b6c7d8",
    "case_id": "case_019a0b1c2d3e4f5061728394a5b6c7d8",
    "by": "",
    "note": "",
}


class Move(BaseModel):
    """A principal that stood as `was` stood as `standing` from `at` on (microseconds since 1970 UTC). `cause`: `evidence` of the
    detector, `time` that passed without more of it, a declared `purpose`, a `decision` about a finding, or a `person` who set it.
    `finding_id`, `case_id`: what moved it, where there is one; `by`: the person, empty for the proxy itself.
    """

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}

    id: int
    principal: str
    at: int
    was: str
    standing: str
    cause: Literal["evidence", "time", "purpose", "decision", "person"]
    group_key: str
    finding_id: str
    case_id: str
    by: str
    note: str


class Page(BaseModel):
    """A page; `next_cursor` is null after the last."""

    items: list[Move]
    next_cursor: str | None


class Filters(BaseModel):
    """Which moves; all that are given must hold."""

    principal: Name | None = None
    since: Annotated[int | None, BeforeValidator(instant)] = Field(
        None, ge=-(2**53), le=2**53, description="µs since 1970, or ISO 8601"
    )
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=512)


@router.get("/standing-moves", responses=responses(400))
async def list_moves(parts: Parts, filters: Annotated[Filters, Query()]) -> Page:
    """Moves from one standing to another, newest first."""
    wanted = moves.Wanted(filters.principal or "", filters.since)
    items, after = await moves.page(parts.store, wanted, limit=filters.limit, cursor=filters.cursor)
    return Page(items=[Move(**item) for item in items], next_cursor=after)
