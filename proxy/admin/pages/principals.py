"""`/principals`: who may ask, for what; `/principals/{name}`: one of them: its keys, how it stands and why, what was found about
it, when it asked, and what it asked lately.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.api.standings import Page as Standings
from proxy.admin.api.standings import effective, enforced, list_standings
from proxy.admin.pages.rendering import page
from proxy.admin.pages.stairs import Stood
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import ProblemError
from proxy.core.principal import Principal
from proxy.ledger import store_exchanges, store_known, store_principals
from proxy.ledger.store_principals import shown_key
from proxy.policy.amounts import written
from proxy.review import approvals, findings, moves, paging, standing
from proxy.review.standing import Stands

TITLE = "Principals"
ADDRESS = "/principals"
LATEST = 20
MOST_LISTED = 200
MOST_MOVES = 50
MOST_HELD = 50
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """Those that are configured or added, by name, and all who do not stand as everybody does, whoever named them."""
    parts = parts_of(request)
    after = request.query_params.get("after", "")[:512].replace("\0", "")
    added = await store_principals.listed(parts.store, limit=MOST_LISTED + 1, after=after)
    rows = [(one, "configured") for one in parts.configured() if one.name > after] + [(one.principal, "added") for one in added]
    rows.sort(key=lambda row: row[0].name)
    more = f"{ADDRESS}?{urlencode({'after': rows[MOST_LISTED - 1][0].name})}" if len(rows) > MOST_LISTED else ""
    stands, held = await effective(parts), await _held(request, parts)
    further = f"{ADDRESS}?{urlencode({'held': held.next_cursor})}#held" if held.next_cursor else ""
    return page(request, "principals.html", rows=rows[:MOST_LISTED], stands=stands, more=more, held=held, further=further)


async def _held(request: Request, parts: AdminParts) -> Standings:
    """A page of those who do not stand as everybody does: the one of the address, else the first."""
    try:
        return await list_standings(parts, limit=MOST_HELD, cursor=request.query_params.get("held", ""))
    except paging.BadCursorError:
        return await list_standings(parts, limit=MOST_HELD)


@router.get(ADDRESS + "/{name:path}")
async def one(request: Request, name: str) -> Response:
    """One principal, automatic ones too: whoever asked has a page."""
    parts = parts_of(request)
    now = parts.clock.utc_us()
    latest, _ = await store_exchanges.page(parts.store, store_exchanges.Wanted({"principal": name}), limit=LATEST)
    principal, keys = await _named(parts, name)
    history, older = await _history(request, parts, name)
    if principal is None and not latest and not history:
        raise ProblemError(404, "no-such-principal", "Nobody of this name may ask, and nobody of this name has asked.")
    found, _ = await findings.page(parts.store, findings.Wanted({"principal": name}), limit=LATEST)
    row = (await store_known.standings_of(parts.store, [name])).get(name)
    stands = standing.decayed(Stands(**row) if row is not None else Stands(name), now)
    told = standing.told(stands, enforced(parts), now)
    return page(
        request,
        "principal.html",
        name=name,
        principal=principal,
        limits=written(parts.in_force.section("limit").get(f"principal/{name}")),
        keys=[(shown_key(key.fingerprint), key) for key in keys],
        seen_key=next((f"key:{each['key'][:12]}" for each in latest if each["key"]), ""),
        stands=stands,
        told=told.standing if told is not None else "normal",
        history=history,
        older=f"{request.url.path}?{urlencode({'moves': older})}" if older else "",
        moved=_stood(history, stands, now),
        approvals=await approvals.page(parts.store, {"principal": name}, limit=LATEST),
        findings=found,
        hours=await store_known.hours_of(parts.store, name, now - DAY_US, now),
        traits=sorted({trait for _, trait, _ in await store_known.traits_of(parts.store, [name])}),
        rows=latest,
        now=now,
    )


async def _history(request: Request, parts: AdminParts, name: str) -> tuple[list[moves.Move], str | None]:
    """A page of its moves, newest first: the one of the address, else the first."""
    try:
        return await moves.page(parts.store, moves.Wanted(name), limit=MOST_MOVES, cursor=request.query_params.get("moves"))
    except paging.BadCursorError:
        return await moves.page(parts.store, moves.Wanted(name), limit=MOST_MOVES)


def _stood(history: Sequence[moves.Move], stands: Stands, now: int) -> Stood:
    """The moves as they are drawn, oldest first, with what stood before them; those ahead; and from when over now to when."""
    if not history:
        return Stood([], [], (now - DAY_US, now, now))
    first, ahead = history[-1], list(standing.ahead(stands))
    end = ahead[-1][0] + DAY_US if ahead else now
    begin = first["at"] - max(HOUR_US, (end - first["at"]) // 20)
    stood = [(begin, first["was"]), *((one["at"], one["standing"]) for one in reversed(history))]
    return Stood(stood, ahead, (begin, now, end))


async def _named(parts: AdminParts, name: str) -> tuple[Principal | None, tuple[store_principals.Key, ...]]:
    """The principal and its virtual keys; None where nobody has named it."""
    for one in parts.configured():
        if one.name == name:
            return one, ()
    found = await store_principals.named(parts.store, name)
    return (found.principal, found.keys) if found is not None else (None, ())
