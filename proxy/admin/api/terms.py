"""`/api/v1/terms/adoptions`: who has read which rows of the terms.

An adoption names the row's digest, so it is of the row as it was read: it says nothing of another text, and one of a row that is
not in force has no effect.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from proxy.admin.parts import AdminParts, parts_of, session_of
from proxy.admin.problems import responses
from proxy.core.terms import Adoption
from proxy.ledger import store_adoptions

router = APIRouter(tags=["terms"])

Parts = Annotated[AdminParts, Depends(parts_of)]


class AdoptedRow(BaseModel):
    """A row as it was read. `digest`: its 16 hex digits, `version`: the day of its newest text."""

    model_config = {"extra": "forbid"}

    row: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    digest: str = Field(pattern=r"^[0-9a-f]{16}$")
    version: str = Field("", max_length=32)


class NewAdoptions(BaseModel):
    """Rows that a named person has read."""

    model_config = {"extra": "forbid"}

    by: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")
    rows: list[AdoptedRow] = Field(min_length=1, max_length=1000)


class Adopted(AdoptedRow):
    """The newest adoption of a row; `at` in microseconds since 1970 UTC."""

    by: str
    at: int


class Adoptions(BaseModel):
    """All of them, by row."""

    items: list[Adopted]
    next_cursor: None = None


@router.get("/terms/adoptions", responses=responses())
async def list_adoptions(parts: Parts) -> Adoptions:
    """The newest adoption of each row."""
    return await _all(parts)


@router.post("/terms/adoptions", status_code=201, responses=responses())
async def adopt_rows(parts: Parts, request: Request, new: NewAdoptions) -> Adoptions:
    """Keep that a named person has read these rows, each one an entry of the ledger; in force at the gateways with the answer."""
    at = parts.clock.utc_us()
    rows = {each.row: each for each in new.rows}.values()
    read = [Adoption(each.row, each.digest, new.by.strip(), at, each.version) for each in rows]
    await store_adoptions.adopt(parts.store, read, session_of(request).name, parts.record)
    await parts.published()
    return await _all(parts)


async def _all(parts: AdminParts) -> Adoptions:
    found = await store_adoptions.listed(parts.store)
    return Adoptions(
        items=[Adopted(row=each.row, digest=each.digest, version=each.version, by=each.by, at=each.at) for each in found]
    )
