"""`/findings`: what was found, newest first; `/findings/{id}`: one of them: evidence in sentences, contributions, what speaks
against it.
"""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin.pages.forms import form_of
from proxy.admin.pages.queue import decided
from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of, session_of
from proxy.admin.problems import ProblemError
from proxy.review import dispositions, findings, paging
from proxy.review.raised import KINDS

TITLE = "Findings"
ADDRESS = "/findings"
PAGE = 50
_FILTERS = ("kind", "state", "principal", "rule", "severity")

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """A page of findings by filters of the address."""
    parts = parts_of(request)
    asked = request.query_params
    equal: dict[str, str | int] = {name: asked[name] for name in _FILTERS if asked.get(name)}
    try:
        rows, cursor = await findings.page(parts.store, findings.Wanted(equal), limit=PAGE, cursor=asked.get("cursor"))
    except paging.BadCursorError:
        rows, cursor = await findings.page(parts.store, findings.Wanted(equal), limit=PAGE)
    more = f"{ADDRESS}?{urlencode(equal | {'cursor': cursor})}" if cursor else ""
    return page(request, "findings.html", rows=rows, equal=equal, more=more, kinds=KINDS, first="cursor" not in asked)


@router.get(ADDRESS + "/{finding_id}")
async def one(request: Request, finding_id: str) -> Response:
    """One finding."""
    parts = parts_of(request)
    try:
        found, events = await findings.named(parts.store, finding_id)
    except findings.NoSuchFindingError as error:
        raise ProblemError(404, "no-such-finding", str(error)) from None
    most = max((abs(each["nats"]) for each in found["contributions"]), default=1.0) or 1.0
    return page(request, "finding.html", finding=found, events=events, most=most)


@router.post(ADDRESS + "/{finding_id}/decide")
async def decide(request: Request, finding_id: str) -> Response:
    """Decide it, by a form."""
    parts = parts_of(request)
    now = parts.clock.utc_us()
    disposition = decided(await form_of(request), session_of(request).name, now)
    try:
        await dispositions.decide_finding(parts.store, finding_id, disposition, now, parts.record)
    except findings.NoSuchFindingError as error:
        raise ProblemError(404, "no-such-finding", str(error)) from None
    return RedirectResponse(f"{ADDRESS}/{finding_id}", 303, headers={"cache-control": "no-store"})
