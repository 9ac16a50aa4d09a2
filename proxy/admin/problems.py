"""Errors as the client sees them: `application/problem+json` (RFC 9457), whatever went wrong, never a traceback.

`type` is stable and fit for programs: `urn:tos-proxy:problem:<name>`. `detail` is for people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import store_exchanges
from proxy.ledger.store_errors import StoreError
from proxy.review import paging

API = "/api/"

_TYPE = "urn:tos-proxy:problem:"
_RETRY_SECONDS = "1"


class InvalidPlace(BaseModel):
    """One thing that is wrong with a request, and where."""

    location: str
    message: str


class Problem(BaseModel):
    """RFC 9457 §3.1; `errors` only with 422."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[InvalidPlace] | None = None


class ProblemResponse(JSONResponse):
    """A problem as a response."""

    media_type = "application/problem+json"


class ProblemError(Exception):
    """Raised by a route to answer with a problem."""

    def __init__(self, status: int, name: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.detail = detail


def problem(
    status: int,
    name: str,
    detail: str,
    path: str,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The response. `name` ends its type; `path` is the request's."""
    title = HTTPStatus(status).phrase
    content: dict[str, Any] = {"type": _TYPE + name, "title": title, "status": status, "detail": detail, "instance": path}
    if errors is not None:
        content["errors"] = errors
    sent = {"cache-control": "no-store", "x-content-type-options": "nosniff", **(headers or {})}
    if status == HTTPStatus.UNAUTHORIZED:
        sent["www-authenticate"] = 'Bearer realm="tos-proxy admin"'
    return ProblemResponse(content, status, sent)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How a route documents its problems; 401, 422, 500 and 503 are everybody's."""
    described = {"model": Problem, "content": {"application/problem+json": {}}}
    return {status: described | {"description": HTTPStatus(status).phrase} for status in (401, *statuses, 422, 500, 503)}


Draw = Callable[[Request, ProblemResponse], Response]
"""Draws a problem for a person."""


def install(app: FastAPI, draw: Draw) -> None:
    """Answer every error of `app` with a problem; `draw` makes it a page where it is a page that was asked for."""

    def told(
        request: Request,
        status: int,
        name: str,
        detail: str,
        places: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        made = problem(status, name, detail, request.url.path, places, headers)
        return made if request.url.path.startswith(API) else draw(request, made)

    @app.exception_handler(ProblemError)
    async def ours(request: Request, error: ProblemError) -> Response:
        return told(request, error.status, error.name, error.detail)

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        name = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return told(request, error.status_code, name, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def not_valid(request: Request, error: RequestValidationError) -> Response:
        places = [{"location": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
        return told(request, 422, "invalid-request", "Some values are not what this request takes.", places)

    @app.exception_handler(paging.BadCursorError)
    @app.exception_handler(store_exchanges.BadCursorError)
    async def not_our_cursor(request: Request, error: Exception) -> Response:
        return told(request, 400, "bad-cursor", str(error))

    @app.exception_handler(StoreError)
    async def store_away(request: Request, error: StoreError) -> Response:
        return told(request, 503, "store-unavailable", str(error), headers={"retry-after": _RETRY_SECONDS})

    @app.exception_handler(LedgerUnavailableError)
    async def ledger_away(request: Request, error: LedgerUnavailableError) -> Response:
        return told(request, 503, "ledger-unavailable", str(error), headers={"retry-after": _RETRY_SECONDS})

    @app.exception_handler(Exception)
    async def anything(request: Request, _error: Exception) -> Response:
        return told(request, 500, "internal", "Something went wrong here; the diagnostics of the control process say what.")
