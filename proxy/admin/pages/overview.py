"""`/`: what came and went in the last day, and what needs a decision. With an empty ledger: how to point a client here."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from proxy.admin.pages.rendering import page
from proxy.admin.parts import AdminParts, parts_of
from proxy.ledger import store_totals
from proxy.review import findings, tallies
from proxy.review.raised import SEVERITIES

TITLE = "Overview"
ADDRESS = "/"
DAY_US = 86_400_000_000
TOP = 5
"""Findings shown here; the queue has the others."""

LOOKED_AT = 100

USUAL = "http://127.0.0.1:8080"
"""Where the gateway is unless it says otherwise: it may run on another machine."""

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def overview(request: Request) -> Response:
    """The last day at a glance."""
    parts = parts_of(request)
    if not await store_totals.anything(parts.store):
        gateway = (await parts.status()).get("Gateway", USUAL)
        return page(request, "first.html", gateway=gateway)
    totals = await store_totals.since(parts.store, parts.clock.utc_us() - DAY_US)
    number = sum(many for _, many in totals["decision"])
    told = await parts.status()
    shown = await _waiting(parts)
    return page(request, "overview.html", totals=totals, number=number, reconciled=told.get("Reconciled"), ledger=told, **shown)


async def _waiting(parts: AdminParts) -> dict[str, Any]:
    """What waits for a decision, the most severe first, how well what was decided was aimed, and what should never happen."""
    told = await tallies.tally(parts.store)
    top: dict[str, findings.Finding] = {}  # of a linked group one, else its members would be all there is
    for severity in reversed(SEVERITIES):
        if len(top) < TOP and any(each[1] == severity for each in told.open):
            wanted = findings.Wanted({"state": "open", "severity": severity})
            for found in (await findings.page(parts.store, wanted, limit=LOOKED_AT))[0]:
                top.setdefault(found["group_key"] or found["id"], found)
    waiting = sum(many for _, _, many in told.open)
    incidents = await store_totals.incident_count(parts.store)
    return {
        "top": list(top.values())[:TOP],
        "waiting": waiting,
        "judged": told.decided,
        "incidents": incidents,
        "lag": dict(parts.lag()),
    }


@router.get("/chart/traffic")
async def traffic(request: Request) -> Response:
    """The chart's figures: hours (seconds since 1970), and exchanges of each decision in them."""
    parts = parts_of(request)
    now = parts.clock.utc_us()
    first = (now - DAY_US) // 3_600_000_000
    hours = list(range(first, now // 3_600_000_000 + 1))
    series = {decision: [0] * len(hours) for decision in ("allow", "flag", "throttle", "deny")}
    for at, decision, number in await store_totals.by_hour(parts.store, first * 3_600_000_000):
        place = at // 3_600_000_000 - first
        if decision in series and place < len(hours):
            series[decision][place] += number
    return JSONResponse({"hours": [hour * 3600 for hour in hours], "series": series}, headers={"cache-control": "no-store"})
