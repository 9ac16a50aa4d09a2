"""`/groups`: linked groups; `/groups/{name}`: one of them: its accounts, what ties them, and one decision for all but some."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.api.deciding import there
from proxy.admin.pages.drawing import MOST_DRAWN, Edge
from proxy.admin.pages.forms import form_of
from proxy.admin.pages.queue import decided, seen_at
from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of, session_of
from proxy.admin.problems import ProblemError
from proxy.ledger import store_known
from proxy.ledger.store import Store
from proxy.review import cases, dispositions, findings, paging, standing, ties
from proxy.review.linked import Linked, linked
from proxy.review.standing import Stands

TITLE = "Groups"
ADDRESS = "/groups"
MOST = 100
MOST_PAIRS = 40
"""Pairs told of one by one; the drawing has more."""

_LEAVE = "leave_"

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """All groups, the newest first."""
    parts = parts_of(request)
    wanted = cases.Wanted({"subject_kind": "group"})
    try:
        rows, after = await cases.page(parts.store, wanted, limit=MOST, cursor=request.query_params.get("cursor"))
    except paging.BadCursorError:
        rows, after = await cases.page(parts.store, wanted, limit=MOST)
    return page(request, "groups.html", rows=rows, more=f"{ADDRESS}?cursor={after}" if after else "", now=parts.clock.utc_us())


@router.get(ADDRESS + "/{name:path}")
async def one(request: Request, name: str) -> Response:
    """One group."""
    parts = parts_of(request)
    now = parts.clock.utc_us()
    case = await _case(parts.store, name)
    found, _ = await findings.page(parts.store, findings.Wanted({"case_id": case["id"]}), limit=findings.MOST_OF_A_PAGE)
    known = await ties.of_group(parts.store, name)
    group = await _linked(parts.store, found, known, now)
    edges = [Edge(member.principal, tie.name, tie.says) for member in group.members for tie in member.ties]
    _, events = await cases.named(parts.store, case["id"])
    shown: dict[str, Any] = {"case": case, "group": group, "edges": edges, "events": events, "finding": found[0] if found else None}
    shown |= {"text": known, "pairs": [(one.one, one.other, one.pieces) for one in known.pairs] if known is not None else []}
    return page(request, "group.html", **shown, most_drawn=MOST_DRAWN, most_pairs=MOST_PAIRS, now=now)


@router.post(ADDRESS + "/{name:path}/decide")
async def decide(request: Request, name: str) -> Response:
    """One decision for all that is open, but of those members that the form leaves out, each named by one of its findings."""
    parts = parts_of(request)
    form = await form_of(request)
    now = parts.clock.utc_us()
    case = await _case(parts.store, name)
    left = {value for field, value in form.items() if field.startswith(_LEAVE)}
    found, _ = await findings.page(parts.store, findings.Wanted({"case_id": case["id"]}), limit=findings.MOST_OF_A_PAGE)
    left_out = {each["principal"] for each in found if each["id"] in left}
    disposition = decided(form, session_of(request).name, now)
    with there():
        if left_out:
            await dispositions.decide_members(parts.store, case["id"], disposition, left_out, now, parts.record)
        else:
            await dispositions.decide_case(parts.store, case["id"], disposition, now, parts.record)
    return seen_at("", request.url.path.removesuffix("/decide"))


async def _case(store: Store, name: str) -> cases.Case:
    found, _ = await cases.page(store, cases.Wanted({"subject_kind": "group", "subject": name}), limit=1)
    if not found:
        raise ProblemError(404, "no-such-group", "No linked group has this name.")
    return found[0]


async def _linked(store: Store, found: list[findings.Finding], known: ties.Ties | None, now: int) -> Linked:
    names = {each["principal"] for each in found} - {""}
    stands = {
        name: standing.decayed(Stands(**row), now).standing for name, row in (await store_known.standings_of(store, names)).items()
    }
    return linked(found, await store_known.traits_of(store, names), stands, known)
