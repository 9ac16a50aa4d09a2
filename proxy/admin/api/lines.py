"""`/api/v1/exchanges/{id}/lines`: pages of the queries that an exchange's body carried, in their order, each with its content."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from proxy.admin.parts import AdminParts, exchange_of, opening, parts_of
from proxy.admin.problems import responses
from proxy.ledger import store_lines, store_results
from proxy.ledger.store_lines import ShownLine

router = APIRouter(tags=["exchanges"])

Parts = Annotated[AdminParts, Depends(parts_of)]


class Line(BaseModel):
    """One query that a carrier's body held, by the names of the record. Who asked for what purpose stands in the carrier.

    `content` is null where `content_reason` says why: `digests`, `erased`, `open`, `sealed` (as of an exchange), `encoded` (the
    carrier came content-encoded), `large` (a page shows 16 MiB at most), `role`, `reason` (as of an exchange). `opens`:
    whether it hashes to the line's commitment.
    `result` is the record of the download that brought its result first, empty as long as none did.
    """

    number: int
    id: str
    at: int
    instance: str
    epoch: int
    seq: int
    custom_id: str
    offset: int
    length: int
    end_user: str
    endpoint: str
    method: str
    target: str
    model_requested: str
    inspection: str
    flags: list[str]
    verdict: str
    decision: str
    clauses: list[str]
    rules: list[str]
    content: str | None
    encoding: Literal["utf-8", "base64"] | None
    content_reason: str
    opens: bool | None
    result: str


class LinePage(BaseModel):
    """A page; `next_cursor` is null after the last."""

    items: list[Line]
    next_cursor: str | None


@router.get("/exchanges/{id}/lines", responses=responses(400, 404))
async def list_lines(
    parts: Parts,
    request: Request,
    id: str,  # noqa: A002 - the name is the API's
    limit: Annotated[int, Query(ge=1, le=store_lines.MOST_OF_A_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
    reason: Annotated[str, Query(max_length=500, pattern=r"^[^\x00]*$", description="why their content is opened")] = "",
) -> LinePage:
    """The lines of a carrier in order, their content opened from the carrier's seal, as that of the exchange itself; none of any
    other exchange.
    """
    carrier = await exchange_of(parts, id)
    closed = await opening(parts, request, id, reason)
    items, after = await store_lines.page(parts.store, carrier, parts.master, limit=limit, cursor=cursor)
    results = await store_results.results_of(parts.store, [item.row["id"] for item in items])
    return LinePage(
        items=[Line(**_shown(item, closed), result=results.get(item.row["id"], "")) for item in items], next_cursor=after
    )


def _shown(line: ShownLine, closed: str) -> dict[str, Any]:
    if closed:
        return line.row | {"content": None, "encoding": None, "content_reason": closed, "opens": None}
    text, encoding = None, None
    if line.content is not None:
        try:
            text, encoding = line.content.decode(), "utf-8"
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(line.content).decode(), "base64"
    return line.row | {"content": text, "encoding": encoding, "content_reason": line.reason, "opens": line.opens}
