"""`/exchanges/searches`: looking for a text in the contents of some exchanges; how far it is, and which of them hold it.

It is the job of the API: who searches, in which exchanges and why is on the record before anything is opened.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from proxy.admin.api.exchanges import Search, search_contents
from proxy.admin.api.jobs import with_result
from proxy.admin.pages.exchanges import span_of
from proxy.admin.pages.forms import form_of
from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of, session_of
from proxy.admin.problems import ProblemError
from proxy.admin.roles import OPENERS

ADDRESS = "/exchanges/searches"

_NARROWED = ("principal", "upstream", "endpoint", "purpose", "model_requested")

router = APIRouter(include_in_schema=False)


@router.post(ADDRESS)
async def begin(request: Request) -> Response:
    """Begin a search, by a form."""
    form = await form_of(request)
    since, until = span_of(form)
    asked = {name: form[name] for name in ("text", "reason", *_NARROWED) if form.get(name)}
    try:
        wanted = Search.model_validate(asked | {"since": since, "until": until})
    except ValidationError:
        raise ProblemError(422, "invalid-request", "Give a text of two letters or more, and why you look for it.") from None
    job = await search_contents(parts_of(request), request, wanted)
    return RedirectResponse(f"{ADDRESS}/{job.id}", 303, headers={"cache-control": "no-store"})


@router.get(ADDRESS + "/{job_id}")
async def one(request: Request, job_id: str) -> Response:
    """How far a search is, and what it found."""
    job, result = with_result(parts_of(request), "search", job_id)
    text = job.asked["text"] if session_of(request).role in OPENERS else ""
    return page(request, "search.html", job=job, text=text, result=result)
