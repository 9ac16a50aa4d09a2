"""`/alerts`: who is told of what happened, and what became of it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of
from proxy.review.alerting import deliveries

TITLE = "Alerts"
ADDRESS = "/alerts"
LATEST = 100

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def alerts(request: Request) -> Response:
    """The latest deliveries; addresses are not shown, they may hold secrets."""
    parts = parts_of(request)
    return page(request, "alerts.html", rows=await deliveries.page(parts.store, limit=LATEST), targets=parts.alerts)
