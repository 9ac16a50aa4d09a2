"""`/ledger`: how the ledger stands: what is kept, for how long, and what should never have happened."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of
from proxy.ledger import store_totals

TITLE = "Ledger"
ADDRESS = "/ledger"

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def ledger(request: Request) -> Response:
    """Figures of the ledger."""
    parts = parts_of(request)
    epochs = await store_totals.epochs(parts.store)
    incidents = await store_totals.incidents(parts.store)
    return page(request, "ledger.html", told=await parts.status(), epochs=epochs, incidents=incidents)
