"""`/exchanges`: what was asked, newest first, also as a file; `/exchanges/{id}`: one of them, whole, with what its body carried.

A content is opened only for who asks for it, and that is itself an entry of the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin.pages import exporting
from proxy.admin.pages.forms import form_of, instant
from proxy.admin.pages.rendering import HEADERS, page
from proxy.admin.parts import AdminParts, exchange_of, opening, parts_of
from proxy.admin.problems import ProblemError
from proxy.core.principal import PURPOSES
from proxy.ledger import store_content, store_exchanges, store_lines, store_turns
from proxy.ledger.tables import FILTERS, UNCOMMON

TITLE = "Exchanges"
ADDRESS = "/exchanges"
PAGE = 50
MOST_CARRIED = 50
"""Lines or turns shown with their exchange."""

MOST_REASON = 500
DAY_US = 86_400_000_000
_SPAN = ("since", "until")
_SIDES = ("request", "answer")
_EXPORTED = (
    *("id", "at", "principal", "credential", "end_user", "project", "purpose", "upstream", "host", "dialect", "endpoint", "method"),
    *("agent", "retry", "model_requested", "model_returned", "inspection", "flags", "verdict", "decision", "clauses", "rules"),
    *("outcome", "status", "error", "finish", "request_bytes", "answer_bytes", "delivered_bytes", "duration_us"),
)

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """A page of exchanges by filters of the address."""
    parts = parts_of(request)
    asked = request.query_params
    wanted = _wanted(request)
    try:
        rows, cursor = await store_exchanges.page(parts.store, wanted, limit=PAGE, cursor=asked.get("cursor"))
    except store_exchanges.BadCursorError:
        rows, cursor = await store_exchanges.page(parts.store, wanted, limit=PAGE)
    told = {name: asked[name] for name in (*FILTERS, *UNCOMMON, *_SPAN) if asked.get(name)}
    more = f"{ADDRESS}?{urlencode(told | {'cursor': cursor})}" if cursor else ""
    shown: dict[str, Any] = {"rows": rows, "equal": told, "more": more, "purposes": PURPOSES, "first": "cursor" not in asked}
    shown |= {"searches": parts.jobs is not None, "short": bool(cursor) and len(rows) < PAGE}
    return page(request, "exchanges.html", **shown, query=urlencode(told))


def _wanted(request: Request) -> store_exchanges.Wanted:
    asked = request.query_params
    return store_exchanges.Wanted({name: asked[name] for name in (*FILTERS, *UNCOMMON) if asked.get(name)}, *span_of(asked))


def span_of(told: Mapping[str, str]) -> tuple[int | None, int | None]:
    """From when to before when, by the days `since` and `until`, both included. Raises: ProblemError 422."""
    since, until = (instant(told.get(name, "")) for name in _SPAN)
    return since, until + DAY_US if until is not None else None


@router.get(ADDRESS + ".{form}")
async def export(request: Request, form: str) -> Response:
    """The same list as a file: evidence, no content."""
    if form not in exporting.FORMS:
        raise ProblemError(404, "not-found", "Exchanges can be had as csv and as jsonl.")
    store, wanted = parts_of(request).store, _wanted(request)

    async def pages(cursor: str | None) -> tuple[Sequence[exporting.Row], str | None]:
        return await store_exchanges.page(store, wanted, limit=exporting.PAGE, cursor=cursor)

    return exporting.exported(form, "exchanges", _EXPORTED, pages)


@router.get(ADDRESS + "/{record_id}")
async def one(request: Request, record_id: str) -> Response:
    """One exchange: its evidence, and what there is to say about it."""
    return await _one(request, record_id, None)


@router.get(ADDRESS + "/{record_id}/content")
async def closed(record_id: str) -> Response:
    """Who comes by the address of an opened content, which a browser keeps, has to open it anew."""
    return RedirectResponse(f"{ADDRESS}/{quote(record_id, safe='')}", 303)


@router.post(ADDRESS + "/{record_id}/content")
async def opened(request: Request, record_id: str) -> Response:
    """The same with its content; who opened it and why is on the record."""
    asked, answered = await _opened(request, record_id)
    return await _one(request, record_id, {"request": _shown(asked), "answer": _shown(answered)})


@router.post(ADDRESS + "/{record_id}/content/{side}")
async def raw(request: Request, record_id: str, side: str) -> Response:
    """One side as the bytes that were received or answered, to be kept and not shown: no browser is to make anything of them."""
    if side not in _SIDES:
        raise ProblemError(404, "not-found", "An exchange has a request and an answer.")
    part = (await _opened(request, record_id))[_SIDES.index(side)]
    if part.content is None:
        raise ProblemError(404, "no-such-content", f"There are no bytes to give: {part.reason}.")
    headers = HEADERS | {"content-disposition": f'attachment; filename="{record_id}.{side}"'}
    return Response(part.content, headers=headers, media_type="application/octet-stream")


async def _opened(request: Request, record_id: str) -> tuple[store_content.Part, store_content.Part]:
    """Both sides, once it is on the record who opens them and why."""
    parts = parts_of(request)
    found = await exchange_of(parts, record_id)
    if await opening(parts, request, record_id, (await form_of(request)).get("reason", "")[:MOST_REASON]):
        raise ProblemError(422, "invalid-request", "Say why the content is opened; that goes on the record.")
    return await store_content.opened(parts.store, found, parts.master)


async def _one(request: Request, record_id: str, content: dict[str, Any] | None) -> Response:
    parts = parts_of(request)
    found = await exchange_of(parts, record_id)
    evidence = {
        name: json.dumps(json.loads(raw), indent=2, ensure_ascii=False) if raw else None
        for name, raw in (("intent", found.intent), ("outcome", found.outcome))
    }
    return page(
        request,
        "exchange.html",
        exchange=store_exchanges.shown(found.row),
        told=await _told(parts, record_id),
        evidence=evidence,
        content=content,
        lines=await store_lines.count(parts.store, record_id),
        turns=await store_turns.count(parts.store, record_id),
        **await _carried(parts, found, opened=content is not None),
    )


async def _carried(parts: AdminParts, found: store_exchanges.Evidence, *, opened: bool) -> dict[str, Any]:
    """The first lines and turns of an exchange that has some; lines with their contents where those are opened."""
    carrier = found.row["id"]
    shown: list[dict[str, Any]] = []
    if opened:
        lines, _ = await store_lines.page(parts.store, found, parts.master, limit=MOST_CARRIED)
        shown += [each.row | _shown(store_content.Part(each.content, each.reason)) for each in lines]
    else:
        shown += await store_lines.listed(parts.store, carrier, limit=MOST_CARRIED)
    turns, _ = await store_turns.page(parts.store, carrier, limit=MOST_CARRIED)
    return {"carried_lines": shown, "carried_turns": turns, "most_carried": MOST_CARRIED}


async def _told(parts: AdminParts, record_id: str) -> dict[str, Any] | None:
    """Why it is decided as it is, by the set in force; nothing where that cannot be told (a record of a later version)."""
    try:
        return await parts.explain(record_id, None, None)
    except (KeyError, ValueError):
        return None


def _shown(part: store_content.Part) -> dict[str, str]:
    """A part as text; JSON is set out in lines, other bytes are shown as far as they are UTF-8."""
    if part.content is None:
        return {"text": "", "reason": part.reason}
    text = part.content.decode("utf-8", "backslashreplace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return {"text": text, "reason": ""}
