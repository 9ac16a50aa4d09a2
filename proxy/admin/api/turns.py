"""`/api/v1/exchanges/{id}/turns`: pages of the answers in a session, in their order."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from proxy.admin.parts import AdminParts, exchange_of, parts_of
from proxy.admin.problems import responses
from proxy.ledger import store_exchanges, store_turns

router = APIRouter(tags=["exchanges"])

Parts = Annotated[AdminParts, Depends(parts_of)]


class TurnUsage(BaseModel):
    """Tokens as the provider counted them."""

    input: int
    output: int
    cached: int
    reasoning: int


class Turn(BaseModel):
    """One answer within a session, by the names of the record; who asked for what purpose stands in the session.

    `at` is when it began, in microseconds since 1970; `outcome` is null while it is open. `asked_from` and `asked_to` are places in
    the session's request, `answered_from` and `answered_to` in its answer, in bytes of frames. `asked_audio` and `answered_audio`
    are bytes of speech.
    """

    number: int
    id: str
    at: int
    instance: str
    epoch: int
    seq: int
    end_user: str
    model_requested: str
    model_returned: str
    inspection: str
    flags: list[str]
    asked_from: int
    asked_to: int
    answered_from: int
    answered_to: int
    messages: int
    prompt_chars: int
    text_chars: int
    tool_calls: int
    asked_audio: int
    answered_audio: int
    verdict: str
    decision: str
    outcome: str | None
    error: str
    finish: str
    usage: TurnUsage
    duration_us: int


class TurnPage(BaseModel):
    """A page; `next_cursor` is null after the last."""

    items: list[Turn]
    next_cursor: str | None


@router.get("/exchanges/{id}/turns", responses=responses(400, 404))
async def list_turns(
    parts: Parts,
    id: str,  # noqa: A002 - the name is the API's
    limit: Annotated[int, Query(ge=1, le=store_exchanges.MOST_OF_A_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> TurnPage:
    """The turns of a session in order; none of any other exchange."""
    await exchange_of(parts, id)
    items, after = await store_turns.page(parts.store, id, limit=limit, cursor=cursor)
    return TurnPage(items=[Turn(**item) for item in items], next_cursor=after)
