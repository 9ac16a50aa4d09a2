"""`/exchanges`: what was asked, newest first; `/exchanges/{id}`: one of them, whole.

A content is opened only for who asks for it, and that is itself an entry of the ledger.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.pages.forms import form_of
from proxy.admin.pages.rendering import page
from proxy.admin.pages.training import as_training
from proxy.admin.parts import exchange_of, opening, parts_of
from proxy.admin.problems import ProblemError
from proxy.core.principal import PURPOSES
from proxy.ledger import store_content, store_exchanges, store_lines, store_turns
from proxy.ledger.tables import FILTERS, UNCOMMON

TITLE = "Exchanges"
ADDRESS = "/exchanges"
PAGE = 50
MOST_REASON = 500

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """A page of exchanges by filters of the address."""
    parts = parts_of(request)
    asked = request.query_params
    equal = {name: asked[name] for name in (*FILTERS, *UNCOMMON) if asked.get(name)}
    try:
        rows, cursor = await store_exchanges.page(
            parts.store, store_exchanges.Wanted(equal), limit=PAGE, cursor=asked.get("cursor")
        )
    except store_exchanges.BadCursorError:
        rows, cursor = await store_exchanges.page(parts.store, store_exchanges.Wanted(equal), limit=PAGE)
    more = f"{ADDRESS}?{urlencode(equal | {'cursor': cursor})}" if cursor else ""
    return page(request, "exchanges.html", rows=rows, equal=equal, more=more, purposes=PURPOSES, first="cursor" not in asked)


@router.get(ADDRESS + "/{record_id}")
async def one(request: Request, record_id: str) -> Response:
    """One exchange: its evidence, and what there is to say about it."""
    return await _one(request, record_id, None)


@router.post(ADDRESS + "/{record_id}/content")
async def opened(request: Request, record_id: str) -> Response:
    """The same with its content; who opened it and why is on the record."""
    parts = parts_of(request)
    found = await exchange_of(parts, record_id)
    if await opening(parts, request, record_id, (await form_of(request)).get("reason", "")[:MOST_REASON]):
        raise ProblemError(422, "invalid-request", "Say why the content is opened; that goes on the record.")
    asked, answered = await store_content.opened(parts.store, found, parts.master)
    return await _one(request, record_id, {"request": _shown(asked), "answer": _shown(answered)})


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
        evidence=evidence,
        content=content,
        lines=await store_lines.count(parts.store, record_id),
        turns=await store_turns.count(parts.store, record_id),
        training=await as_training(parts, found.intent),
    )


def _shown(part: store_content.Part) -> dict[str, str]:
    """A part as text; JSON is set out in lines, other bytes are shown as far as they are UTF-8."""
    if part.content is None:
        return {"text": "", "reason": part.reason}
    text = part.content.decode("utf-8", "backslashreplace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return {"text": text, "reason": ""}
