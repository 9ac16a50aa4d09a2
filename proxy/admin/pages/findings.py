"""`/findings`: what was found, newest first, also as a file; `/findings/{id}`: one of them: evidence in sentences, contributions,
when its records came, samples, what speaks against it. What its samples have in common is shown to who opens them, on the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin.pages import exporting, marking
from proxy.admin.pages.forms import form_of
from proxy.admin.pages.queue import decided
from proxy.admin.pages.rendering import page
from proxy.admin.parts import AdminParts, opening, parts_of, session_of
from proxy.admin.problems import ProblemError
from proxy.ledger import store_content, store_exchanges, store_known
from proxy.review import dispositions, findings, paging
from proxy.review.raised import KINDS

TITLE = "Findings"
ADDRESS = "/findings"
PAGE = 50
MOST_REASON = 500
MOST_OPENED = 8
"""Samples that are opened to show what they have in common."""

WEEK_US = 7 * 86_400_000_000
_FILTERS = ("kind", "state", "principal", "rule", "severity", "group_key")
_EXPORTED = (
    *("id", "at", "kind", "severity", "principal", "project", "group_key", "rule", "purpose", "upstream", "endpoint", "clauses"),
    *("detector", "sentences", "exculpatory", "first_record", "last_record", "first_at", "last_at", "count", "shadow", "state"),
    *("decision", "decided_by", "decided_at", "until", "case_id"),
)
_MEASURED = {"prompt": "Came with prompt", "prompts": "Prompts", "requests": "Requests", "members": "Accounts in the group"}
_MEASURED |= {"probability": "Probability", "bound_nats": "Bound, in nats", "limit_nats": "Bound of being limited, in nats"}

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """A page of findings by filters of the address."""
    parts = parts_of(request)
    asked = request.query_params
    equal = _equal(request)
    try:
        rows, cursor = await findings.page(parts.store, findings.Wanted(equal), limit=PAGE, cursor=asked.get("cursor"))
    except paging.BadCursorError:
        rows, cursor = await findings.page(parts.store, findings.Wanted(equal), limit=PAGE)
    more = f"{ADDRESS}?{urlencode(equal | {'cursor': cursor})}" if cursor else ""
    shown: dict[str, Any] = {"rows": rows, "equal": equal, "more": more, "kinds": KINDS, "first": "cursor" not in asked}
    return page(request, "findings.html", **shown, query=urlencode(equal))


def _equal(request: Request) -> dict[str, str | int]:
    asked = request.query_params
    return {name: asked[name] for name in _FILTERS if asked.get(name)}


@router.get(ADDRESS + ".{form}")
async def export(request: Request, form: str) -> Response:
    """The same list as a file."""
    if form not in exporting.FORMS:
        raise ProblemError(404, "not-found", "Findings can be had as csv and as jsonl.")
    store, wanted = parts_of(request).store, findings.Wanted(_equal(request))

    async def pages(cursor: str | None) -> tuple[Sequence[exporting.Row], str | None]:
        return await findings.page(store, wanted, limit=exporting.PAGE, cursor=cursor)

    return exporting.exported(form, "leads", _EXPORTED, pages)


@router.get(ADDRESS + "/{finding_id}")
async def one(request: Request, finding_id: str) -> Response:
    """One finding."""
    return await _one(request, finding_id, None)


@router.post(ADDRESS + "/{finding_id}/template")
async def opened(request: Request, finding_id: str) -> Response:
    """The same with what its samples have in common; each sample is opened by this, and that is on the record."""
    reason = (await form_of(request)).get("reason", "")[:MOST_REASON]
    if not reason.strip():
        raise ProblemError(422, "invalid-request", "Say why the samples are opened; that goes on the record.")
    return await _one(request, finding_id, reason)


async def _one(request: Request, finding_id: str, reason: str | None) -> Response:
    parts = parts_of(request)
    try:
        found, events = await findings.named(parts.store, finding_id)
    except findings.NoSuchFindingError as error:
        raise ProblemError(404, "no-such-finding", str(error)) from None
    samples = str(found["detail"].get("samples", "")).split()
    records = await store_known.records(parts.store, {*samples, found["first_record"], found["last_record"]} - {""})
    begin = max(found["first_at"], found["last_at"] - WEEK_US)
    hours = await store_known.hours_of(parts.store, found["principal"], begin, found["last_at"]) if found["principal"] else []
    return page(
        request,
        "finding.html",
        finding=found,
        events=events,
        records=records,
        samples=samples,
        hours=hours,
        measured=[(words, found["detail"][name]) for name, words in _MEASURED.items() if name in found["detail"]],
        common=None if reason is None else await _template(parts, request, samples, reason),
    )


async def _template(parts: AdminParts, request: Request, samples: Sequence[str], reason: str) -> dict[str, Any]:
    """What samples have in common, and how many of them could be read."""
    texts = []
    for name in samples[:MOST_OPENED]:
        record = await store_exchanges.record(parts.store, name)
        size = record.row["request_bytes"] if record is not None else 0
        if record is None or not 0 < size <= marking.MOST_BYTES or await opening(parts, request, name, reason):
            continue
        try:
            _, found = await store_content.request_places(parts.store, record, parts.master, [(0, size)])
        except store_content.NotShownError:
            continue
        row = record.row
        path = row["target"].partition("?")[0].removeprefix(f"/{row['upstream']}")
        if text := marking.prompt_of(row["dialect"], row["method"], path, found[0]):
            texts.append(text)
    return {"parts": marking.template(texts), "read": len(texts)}


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
