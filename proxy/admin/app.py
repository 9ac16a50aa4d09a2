"""The admin application: FastAPI over the store, `/api/v1/…`, for people and their tools, never for the gateway.

Importing this module loads FastAPI; a control process whose admin is off never does.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer

from proxy import __version__
from proxy.admin import problems
from proxy.admin.api import exchanges, lines, principals, turns
from proxy.admin.auth import Gate
from proxy.admin.parts import AdminParts

RESOURCES = (exchanges.router, lines.router, turns.router, principals.router)

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
    problems.install(app)
    for router in RESOURCES:
        app.include_router(router, prefix="/api/v1")
    app.add_middleware(Gate, token=parts.token)
    return app
