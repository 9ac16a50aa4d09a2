"""`/principals`: who may ask, for what; `/principals/{name}`: one of them, and what it asked lately."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.pages.rendering import page
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import ProblemError
from proxy.core.principal import Principal
from proxy.ledger import store_exchanges, store_principals

TITLE = "Principals"
ADDRESS = "/principals"
LATEST = 20

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """All that are configured or added."""
    parts = parts_of(request)
    added = await store_principals.listed(parts.store)
    rows = [(one, "configured") for one in parts.configured()] + [(one.principal, "added") for one in added]
    return page(request, "principals.html", rows=sorted(rows, key=lambda row: row[0].name))


@router.get(ADDRESS + "/{name}")
async def one(request: Request, name: str) -> Response:
    """One principal, automatic ones too: whoever asked has a page."""
    parts = parts_of(request)
    latest, _ = await store_exchanges.page(parts.store, store_exchanges.Wanted({"principal": name}), limit=LATEST)
    principal = await _named(parts, name)
    if principal is None and not latest:
        raise ProblemError(404, "no-such-principal", "Nobody of this name may ask, and nobody of this name has asked.")
    return page(request, "principal.html", name=name, principal=principal, rows=latest)


async def _named(parts: AdminParts, name: str) -> Principal | None:
    for one in parts.configured():
        if one.name == name:
            return one
    found = await store_principals.named(parts.store, name)
    return found.principal if found is not None else None
