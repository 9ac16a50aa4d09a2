"""The admin application: FastAPI over the store, `/api/v1/…` for tools and pages for people, never for the gateway.

Importing this module loads FastAPI; a control process whose admin is off never does.
"""

from __future__ import annotations

import time
from functools import partial

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer

from proxy import __version__
from proxy.admin import describing, problems
from proxy.admin.api import (
    approvals,
    cases,
    detector,
    exchanges,
    findings,
    jobs,
    ledger,
    lines,
    matrix,
    moves,
    overview,
    policies,
    principals,
    standings,
    turns,
    users,
)
from proxy.admin.api import terms as adoptions
from proxy.admin.auth import Gate
from proxy.admin.conditional import Conditional
from proxy.admin.pages import PAGES, failed, searches, sign_in, single_sign_on
from proxy.admin.pages.static import Static
from proxy.admin.parameters import only_known
from proxy.admin.parts import AdminParts
from proxy.admin.repeated import Repeated
from proxy.admin.sessions import Session
from proxy.ledger import store_access

RESOURCES = (
    overview.router,
    exchanges.router,
    lines.router,
    turns.router,
    principals.router,
    standings.router,
    moves.router,
    detector.router,
    users.router,
    findings.router,
    cases.router,
    approvals.router,
    adoptions.router,
    matrix.router,  # behind adoptions, whose address would be that of a row
    policies.router,
    jobs.router,
    ledger.router,
)

_DESCRIPTION = "What was asked and answered, by whom, for which purpose, and who may ask. Errors are RFC 9457 problems."


def create(parts: AdminParts) -> FastAPI:
    """The application. It owns nothing: whoever made the parts closes them."""
    # the token is checked before anything is read (auth.Gate); this tells the API's description about it
    bearer = Depends(HTTPBearer(auto_error=False, description="The admin token."))
    app = FastAPI(
        title="tos-proxy admin",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        # the ready-made pages load scripts from elsewhere
        docs_url=None,
        redoc_url=None,
        dependencies=[bearer],
        redirect_slashes=False,
    )
    app.state.parts = parts
    app.state.navigation = [(one.ADDRESS, one.TITLE) for one in PAGES]
    problems.install(app, failed.page_of)
    for router in RESOURCES:
        app.include_router(router, prefix="/api/v1", dependencies=[Depends(only_known)])
    for router in (sign_in.router, single_sign_on.router, searches.router, *(one.router for one in PAGES)):
        app.include_router(router)
    app.mount("/static", Static())
    app.state.failures = sign_in.Failures()
    describing.install(app)
    app.add_middleware(Conditional)
    app.add_middleware(Repeated, now=time.monotonic)
    app.add_middleware(Gate, token=parts.token, sessions=parts.sessions, bearer=partial(_bearer, parts))
    return app


async def _bearer(parts: AdminParts, text: str) -> Session | None:
    """Who sent a user's token."""
    found = await store_access.bearer_of(parts.store, text, parts.clock.utc_us())
    return Session(found[0].name, found[0].role, scopes=found[1].scopes) if found is not None else None
