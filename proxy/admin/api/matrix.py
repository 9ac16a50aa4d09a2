"""`/api/v1/terms`: what the terms in force say, row by purpose, on a day; one row with every cell of every time; one clause."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, BeforeValidator, Field, JsonValue

from proxy.admin.api.deciding import Id
from proxy.admin.api.instants import instant
from proxy.admin.in_force import cell_at, read_by
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import ProblemError, responses
from proxy.core import terms
from proxy.core.principal import PURPOSES, UNDECLARED
from proxy.ledger.store_rows import DAY_US

router = APIRouter(tags=["terms"])

Parts = Annotated[AdminParts, Depends(parts_of)]
On = Annotated[
    int | None, BeforeValidator(instant), Query(ge=0, le=2**53, description="µs since 1970, or ISO 8601; now if left out")
]
SHOWN = tuple(purpose for purpose in PURPOSES if purpose != UNDECLARED)

_CELL: dict[str, JsonValue] = {
    "verdict": "forbid",
    "basis": "prohibition",
    "starts": None,
    "until": None,
    "clauses": ["openai.services.3.3e"],
    "obligations": [],
    "requires": {},
    "otherwise": "forbid",
    "unless": "approval",
    "confirmed": True,
    "conflict": False,
    "note": "",
}
_ROW: dict[str, JsonValue] = {"id": "openai.services", "kind": "contract", "title": "Services Agreement", "version": "2026-01-01"}
_ROW |= {"digest": "8ea42466a5147082", "read_by": "J. Doe"}
_CLAUSE: dict[str, JsonValue] = {
    "id": "openai.services.3.3e",
    "document": "openai.services",
    "section": "3.3(e)",
    "url": "https://example.com/terms",
    "summary": "Outputs are not used to develop competing models.",
    "confidence": "primary",
    "rank": "",
    "review_by": None,
    "gone": None,
    "rows": ["openai.services"],
}


class Cell(BaseModel):
    """What a row says of a purpose from `starts` until `until` (microseconds since 1970 UTC, null for no bound): a `verdict` on a
    `basis`. `requires`: attributes that must have these values, else the verdict is `otherwise`; `unless`: the attribute that
    names a written approval. `confirmed`: a person, or the primary text, stands behind it.
    """

    verdict: str
    basis: str
    starts: int | None
    until: int | None
    clauses: list[str]
    obligations: list[str]
    requires: dict[str, str]
    otherwise: str
    unless: str
    confirmed: bool
    conflict: bool
    note: str


class Head(BaseModel):
    """A row. `digest` names its text as it is; `read_by` who has read that text, empty for nobody."""

    id: str
    kind: Literal["contract", "licence", "overlay"]
    title: str
    version: str
    digest: str
    read_by: str


class MatrixRow(Head):
    """A row and what it says of each purpose on the day; a purpose of which it says nothing is left out."""

    cells: dict[str, Cell]


class Matrix(BaseModel):
    """All rows, on the day `on`. `version`: of the catalogue in force."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "on": 1795348800000000,
                    "version": "2026.11.22",
                    "purposes": list(SHOWN),
                    "items": [_ROW | {"cells": {"train.general": _CELL}}],
                    "next_cursor": None,
                }
            ]
        }
    }

    on: int
    version: str
    purposes: list[str]
    items: list[MatrixRow]
    next_cursor: None = None


class Clause(BaseModel):
    """A clause in its newest text, in the catalogue's own words. `review_by` and `gone`: microseconds since 1970 UTC."""

    model_config = {"json_schema_extra": {"examples": [_CLAUSE]}}

    id: str
    document: str
    section: str
    url: str
    summary: str
    confidence: str
    rank: str
    review_by: int | None
    gone: int | None
    rows: list[str]


class Version(BaseModel):
    """A day on which the row's text changed: `at` in microseconds since 1970 UTC, and as written."""

    at: int
    name: str


class WholeRow(Head):
    """A row: by purpose every cell in the order of time, the clauses that these name, and the days of its texts, oldest first."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                _ROW
                | {
                    "base": "",
                    "hosts": ["api.openai.com"],
                    "plans": {},
                    "cells": {"train.general": [_CELL]},
                    "clauses": [_CLAUSE],
                    "versions": [{"at": 1767225600000000, "name": "2026-01-01"}],
                }
            ]
        }
    }

    base: str
    hosts: list[str]
    plans: dict[str, str]
    cells: dict[str, list[Cell]]
    clauses: list[Clause]
    versions: list[Version]


@router.get("/terms", responses=responses())
async def matrix(parts: Parts, on: On = None) -> Matrix:
    """Rows by purposes, on a day: today by UTC if none is given."""
    at = parts.clock.utc_us() // DAY_US * DAY_US if on is None else on  # so that the answer of a day is one, for its ETag
    items = []
    for row in sorted(parts.in_force.rows().values(), key=lambda row: (row.kind, row.id)):
        found = {purpose: cell_at(row, purpose, at) for purpose in SHOWN}
        cells = {purpose: _cell(cell) for purpose, cell in found.items() if cell is not None}
        items.append(MatrixRow(**_head(parts, row).model_dump(), cells=cells))
    return Matrix(on=at, version=parts.in_force.bundle().terms, purposes=list(SHOWN), items=items)


@router.get("/terms/clauses/{id}", responses=responses(404))
async def clause(parts: Parts, id: Id) -> Clause:  # noqa: A002 - the name is the API's
    """One clause."""
    found = next((one for one in parts.in_force.clauses() if one.id == id), None)
    if found is None:
        raise ProblemError(404, "no-such-clause", "No clause of the terms in force has this id.")
    return _clause(found)


@router.get("/terms/{row}", responses=responses(404))
async def one_row(parts: Parts, row: Annotated[str, Field(max_length=512)]) -> WholeRow:
    """One row, with its history."""
    found = parts.in_force.rows().get(row)
    if found is None:
        raise ProblemError(404, "no-such-row", "No row of the terms in force has this name.")
    named = {clause for cells in found.cells.values() for cell in cells for clause in cell.clauses}
    return WholeRow(
        **_head(parts, found).model_dump(),
        base=found.base,
        hosts=list(found.hosts),
        plans=found.plans,
        cells={purpose: [_cell(cell) for cell in cells] for purpose, cells in found.cells.items()},
        clauses=[_clause(clause) for clause in parts.in_force.clauses() if clause.id in named],
        versions=[Version(at=at, name=name) for at, name in found.versions],
    )


def _head(parts: AdminParts, row: terms.Row) -> Head:
    read = read_by(row, parts.in_force.adoptions())
    kind: Literal["contract", "licence", "overlay"] = row.kind  # type: ignore[assignment] # a snapshot holds nothing else
    return Head(id=row.id, kind=kind, title=row.title, version=row.version, digest=row.digest, read_by=read)


def _cell(cell: terms.Cell) -> Cell:
    return Cell(**{name: getattr(cell, name) for name in Cell.model_fields})


def _clause(clause: terms.Clause) -> Clause:
    return Clause(**{name: getattr(clause, name) for name in Clause.model_fields})
