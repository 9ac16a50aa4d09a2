"""`/api/v1/standings`: how principals stand, and setting it by a person; `/api/v1/traits`: what the host knows of them.

A standing set by a person stays until a person changes it; `normal` leaves it to evidence again. Traits are what a client cannot
choose itself (payment, sign-up, network owner): they tie accounts to each other and are kept keyed, so that nobody reads them here.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator, BaseModel, Field

from proxy.admin.api.deciding import Act, Words, who
from proxy.admin.parts import AdminParts, parts_of, session_of
from proxy.admin.problems import ProblemError, responses
from proxy.admin.roles import ROOT
from proxy.ledger import store_known, store_standings, store_traits
from proxy.review import moves, paging, standing
from proxy.review.standing import Stands

router = APIRouter(tags=["principals"])
Parts = Annotated[AdminParts, Depends(parts_of)]


def _trait(name: str) -> str:
    if name in store_traits.NEVER:
        raise ValueError(f"{name} is never evidence: neither where people come from nor what they speak ties accounts here")
    return name


Whose = Annotated[str, Path(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
"""A principal, whatever it is called."""

TraitName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$"), AfterValidator(_trait)]


class Standing(BaseModel):
    """How a principal stands now. Times in microseconds since 1970 UTC; `until`: when it falls back by a step, null for never by
    itself. `set_by` names the person who set it, empty for evidence; until `spared_until` evidence does not move it. `effective`:
    what gateways go by, which is another where detection is in shadow.
    """

    principal: str
    standing: str
    effective: str
    group_key: str
    since: int
    until: int | None
    spared_until: int
    set_by: str
    note: str


class Page(BaseModel):
    """By principal; `next_cursor` is null after the last. `enforce`: `limits`, or `shadow`, where evidence limits nobody."""

    enforce: str
    items: list[Standing]
    next_cursor: str | None


class Place(Act):
    """A standing that a person sets."""

    standing: Literal["normal", "watched", "limited", "suspended"]
    note: Words = ""


class Known(BaseModel):
    """What the host knows of one principal, by the trait's name; an empty value takes a trait back."""

    model_config = {"extra": "forbid"}

    principal: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")
    traits: dict[TraitName, Annotated[str, Field(max_length=512, pattern=r"^[^\x00]*$")]] = Field(max_length=32)


class Import(BaseModel):
    """Rows of what the host knows."""

    model_config = {"extra": "forbid"}

    rows: list[Known] = Field(min_length=1, max_length=5000)


class Imported(BaseModel):
    """How much was taken."""

    principals: int
    traits: int


@router.get("/standings", responses=responses(400))
async def list_standings(
    parts: Parts, limit: Annotated[int, Query(ge=1, le=500)] = 50, cursor: Annotated[str, Query(max_length=1024)] = ""
) -> Page:
    """Principals that do not stand as everybody does, and those that are spared."""
    now, after = parts.clock.utc_us(), paging.named_in(cursor)
    told: list[Stands] = []
    while len(told) <= limit:
        rows = await store_standings.telling(parts.store, now, after=after, most=limit + 1)
        stands = [standing.decayed(Stands(**row), now) for row in rows]
        told += [row for row in stands if row.standing != "normal" or row.spared_until > now]
        if len(rows) <= limit:
            break
        after = stands[-1].principal
    more = paging.cursor_of(0, told[limit - 1].principal) if len(told) > limit else None
    enforce = enforced(parts)
    return Page(enforce=enforce, items=[_shown(row, enforce, now) for row in told[:limit]], next_cursor=more)


@router.get("/standings/{principal:path}", responses=responses(404))
async def read_standing(parts: Parts, principal: Whose) -> Standing:
    """How one principal stands; one that was never moved stands `normal`, whether or not anybody is called so. No name has an end
    of a line: 404.
    """
    row = (await store_known.standings_of(parts.store, [principal])).get(principal)
    now = parts.clock.utc_us()
    stands = standing.decayed(Stands(**row), now) if row is not None else Stands(principal)
    return _shown(stands, enforced(parts), now)


@router.post("/standings/{principal:path}", responses=responses(404, 409))
async def place(parts: Parts, request: Request, principal: Whose, placed: Place) -> Standing:
    """Set how a principal stands, automatic ones too: on record with who did it, and in force at the gateways with the answer."""
    alone(request, placed.standing)
    return await stand(parts, principal, placed.standing, who(request, placed), placed.note)


def alone(request: Request, wanted: str) -> None:
    """To suspend takes two persons; the admin token is for whoever runs the machine. Raises: ProblemError 409."""
    if wanted == "suspended" and session_of(request).name != ROOT:
        told = "To suspend takes a second person: ask for it by POST /api/v1/approvals, and have another admin approve it."
        raise ProblemError(409, "needs-approval", told)


async def stand(parts: AdminParts, principal: str, wanted: str, by: str, note: str, *, case: str = "") -> Standing:
    """Set how a principal stands; `case`: for which one."""
    now = parts.clock.utc_us()
    async with parts.store.write() as connection:
        known = await store_standings.named(connection, principal)
        before = Stands(**known) if known is not None else Stands(principal)
        row = standing.placed(before, wanted, by, note, now)
        await moves.note(connection, [row], by=by, case=case)
        await store_standings.keep(connection, [msgspec.structs.asdict(row)])
        detail: dict[str, str | int] = {"principal": principal, "from": before.standing, "to": row.standing, "by": by}
        await parts.record("standing_set", detail | ({"note": note} if note else {}))
    await parts.published()
    return _shown(row, enforced(parts), now)


@router.post("/traits")
async def import_traits(parts: Parts, given: Import) -> Imported:
    """Take over what the host knows of principals; values are keyed before they are kept."""
    found = [
        (row.principal, name, parts.keyed(f"{name}\0{value.strip()}") if value.strip() else "")
        for row in given.rows
        for name, value in row.traits.items()
    ]
    await store_traits.keep(parts.store, found, parts.clock.utc_us())
    imported = Imported(principals=len({row.principal for row in given.rows}), traits=len(found))
    await parts.record("traits_imported", {"principals": imported.principals, "traits": imported.traits})
    return imported


async def effective(parts: AdminParts, enforce: str = "") -> dict[str, str]:
    """What gateways go by, of principals that do not stand as everybody does; or would go by with that `enforce`."""
    now, enforce = parts.clock.utc_us(), enforce or enforced(parts)
    rows = [Stands(**row) for row in await store_standings.telling(parts.store, now)]
    return {row.principal: said.standing for row in rows if (said := standing.told(row, enforce, now)) is not None}


def enforced(parts: AdminParts) -> str:
    """What findings may do to traffic: `limits` or `shadow`."""
    return standing.LIMITS if "limited" in parts.in_force.section("limit") else standing.SHADOW


def _shown(row: Stands, enforce: str, now: int) -> Standing:
    effective = standing.told(row, enforce, now)
    fields = {name: getattr(row, name) for name in Standing.model_fields if name != "effective"}
    return Standing(**fields, effective=effective.standing if effective is not None else "normal")
