"""`/settings`: the configuration in force and where each value comes from; secrets as fingerprints. And who may sign in. For
admins.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of
from proxy.ledger import store_access

TITLE = "Settings"
ADDRESS = "/settings"

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def settings(request: Request) -> Response:
    """Every value, and every user."""
    parts = parts_of(request)
    users = await store_access.list_users(parts.store)
    return page(request, "settings.html", values=await parts.settings(), users=users, sign_on=parts.sign_on)
