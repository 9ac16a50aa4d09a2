"""`/api/v1/exchanges`: pages of exchanges, newest first, and one exchange with its evidence and its content."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, Field

from proxy.admin.api.deciding import Name
from proxy.admin.api.instants import instant
from proxy.admin.api.jobs import Job, started
from proxy.admin.parts import AdminParts, exchange_of, opening, parts_of, session_of
from proxy.admin.problems import responses
from proxy.ledger import store_content, store_exchanges, store_lines, store_results, store_turns

router = APIRouter(tags=["exchanges"])


class Usage(BaseModel):
    """Tokens as the provider counted them, or estimated."""

    input: int
    output: int
    cached: int
    reasoning: int
    estimated: bool


class Exchange(BaseModel):
    """A request and its answer, by the names of the record.

    `at` is in microseconds since 1970 UTC, `started` says the same for people. `outcome` is null while the exchange is open.
    Durations (`*_us`) are microseconds.
    """

    id: str
    at: int
    started: datetime
    instance: str
    epoch: int
    seq: int
    principal: str
    credential: str
    key: str
    end_user: str
    purpose: str
    project: str
    upstream: str
    host: str
    dialect: str
    endpoint: str
    method: str
    target: str
    agent: str
    retry: int
    model_requested: str
    inspection: str
    flags: list[str]
    stream: bool
    request_bytes: int
    verdict: str
    decision: str
    clauses: list[str]
    rules: list[str]
    outcome: str | None
    status: int
    error: str
    model_returned: str
    upstream_request_id: str
    finish: str
    usage: Usage
    answer_bytes: int
    delivered_bytes: int
    first_byte_us: int
    duration_us: int


class Page(BaseModel):
    """A page; `next_cursor` is null after the last."""

    items: list[Exchange]
    next_cursor: str | None


Side = Literal["request", "answer"]


class Content(BaseModel):
    """What was asked and answered: text, or base64 where `encoding` says so; null where there is a reason."""

    request: str | None
    answer: str | None
    encoding: dict[Side, Literal["utf-8", "base64"]]


class Evidence(BaseModel):
    """The entries of the record as they were written, parsed; null where not shipped, or gone by retention."""

    intent: dict[str, Any] | None
    outcome: dict[str, Any] | None


class ResultOf(BaseModel):
    """What a download answers: the records that made the batch and that carried its queries (empty when no record here did), and
    how many of the carrier's lines have their result in it.
    """

    batch: str
    carrier: str
    lines: int


class Record(Exchange):
    """An exchange with all its evidence and its content. `commitments_open` is true if every part that can be shown hashes to its
    commitment, false if one does not, null if nothing could be held against one. `content` is null if neither part can be shown;
    `content_reason` says why a part cannot: `digests` (never kept), `erased`, `open` (not ended, or its end is not shipped yet),
    `sealed` (does not open under this master key), `large`, `role` (whoever asks may not open contents), `reason`
    (none was given). `lines`: how many queries its body carried, `turns`: how many answers the session that it opened had, both as
    far as they are shipped.
    `result_of` is null unless the answer holds results of a batch; `results` are the records that brought results of the batch that
    this one made, oldest first.
    """

    evidence: Evidence
    lines: int
    turns: int
    result_of: ResultOf | None
    results: list[str]
    content: Content | None
    content_reason: dict[Side, str]
    commitments_open: bool | None


Parts = Annotated[AdminParts, Depends(parts_of)]


class Filters(BaseModel):
    """Which exchanges; all that are given must hold."""

    principal: str | None = Field(None, max_length=512)
    upstream: str | None = Field(None, max_length=512)
    endpoint: str | None = Field(None, max_length=512)
    dialect: str | None = Field(None, max_length=512)
    outcome: str | None = Field(None, max_length=64, description="an outcome, or `open` for exchanges without one")
    purpose: str | None = Field(None, max_length=512)
    decision: str | None = Field(None, max_length=64)
    model_requested: str | None = Field(None, max_length=512)
    since: Annotated[int | None, BeforeValidator(instant)] = Field(
        None, ge=-(2**53), le=2**53, description="µs since 1970, or ISO 8601"
    )
    until: Annotated[int | None, BeforeValidator(instant)] = Field(None, ge=-(2**53), le=2**53, description="excluded; as `since`")
    limit: int = Field(50, ge=1, le=store_exchanges.MOST_OF_A_PAGE)
    cursor: str | None = Field(None, max_length=512)


class Search(BaseModel):
    """A text, and the exchanges in whose contents to look for it; `reason` says why they are opened. It ends at `most` hits."""

    model_config = {
        "extra": "forbid",
        "json_schema_extra": {
            "examples": [
                {"text": "teacher forcing", "reason": "case_019a…: do they distil?", "principal": "lab", "since": "2026-11-01"}
            ]
        },
    }

    text: str = Field(min_length=2, max_length=500, pattern=r"^[^\x00]*$")
    reason: str = Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")
    principal: Name | None = None
    upstream: Name | None = None
    endpoint: Name | None = None
    purpose: Name | None = None
    model_requested: Name | None = None
    since: Annotated[Annotated[int, Field(ge=-(2**53), le=2**53)] | None, BeforeValidator(instant)] = None
    until: Annotated[Annotated[int, Field(ge=-(2**53), le=2**53)] | None, BeforeValidator(instant)] = None
    most: int = Field(100, ge=1, le=1000)


_EQUAL = ("principal", "upstream", "endpoint", "purpose", "model_requested")


@router.get("/exchanges", responses=responses(400))
async def list_exchanges(parts: Parts, filters: Annotated[Filters, Query()]) -> Page:
    """Exchanges, newest first."""
    equal = filters.model_dump(exclude={"since", "until", "limit", "cursor"}, exclude_none=True)
    wanted = store_exchanges.Wanted(equal, filters.since, filters.until)
    items, after = await store_exchanges.page(parts.store, wanted, limit=filters.limit, cursor=filters.cursor)
    return Page(items=[Exchange(**_started(item)) for item in items], next_cursor=after)


@router.post("/exchanges/search", status_code=202, responses=responses(409, 429))
async def search_contents(parts: Parts, request: Request, wanted: Search) -> Job:
    """Begin to open the contents of these exchanges, newest first, and look for a text. That you do, and why, is recorded; the
    result names records and holds nothing of their contents.
    """
    by = session_of(request).name
    equal = wanted.model_dump(include=set(_EQUAL), exclude_none=True)
    told = " ".join(f"{name}={value}" for name, value in equal.items())
    span = {name: value for name, value in (("since", wanted.since), ("until", wanted.until)) if value is not None}
    await parts.record("contents_searched", {"by": by, "reason": wanted.reason, "exchanges": told, **span})
    asked = {"text": wanted.text, "equal": equal, "since": wanted.since, "until": wanted.until, "most": wanted.most}
    return started(parts, "search", asked, by)


@router.get("/exchanges/{id}", responses=responses(404))
async def read_exchange(
    parts: Parts,
    request: Request,
    id: str,  # noqa: A002 - the name is the API's
    reason: Annotated[str, Query(max_length=500, pattern=r"^[^\x00]*$", description="why its content is opened")] = "",
) -> Record:
    """One exchange with its evidence and its content. Whoever gets a content is recorded, with the reason, once an hour; people
    have to give one, and viewers get none.
    """
    found = await exchange_of(parts, id)
    closed = await opening(parts, request, id, reason)
    if closed:
        request_part = answer_part = store_content.Part(None, closed)
    else:
        request_part, answer_part = await store_content.opened(parts.store, found, parts.master)
    checks = [part.opens for part in (request_part, answer_part) if part.opens is not None]
    evidence = Evidence(
        intent=msgspec.json.decode(found.intent) if found.intent else None,
        outcome=msgspec.json.decode(found.outcome) if found.outcome else None,
    )
    result_of = await store_results.result_of(parts.store, id)
    return Record(
        **_started(store_exchanges.shown(found.row)),
        evidence=evidence,
        lines=await store_lines.count(parts.store, id),
        turns=await store_turns.count(parts.store, id),
        result_of=ResultOf(**vars(result_of)) if result_of is not None else None,
        results=await store_results.downloads_of(parts.store, id),
        **_content(request_part, answer_part),
        commitments_open=all(checks) if checks else None,
    )


def _started(item: store_exchanges.Exchange) -> store_exchanges.Exchange:
    return item | {"started": datetime.fromtimestamp(item["at"] / 1_000_000, UTC)}


def _content(request: store_content.Part, answer: store_content.Part) -> dict[str, Any]:
    texts: dict[str, str | None] = {}
    encoding: dict[str, str] = {}
    reason: dict[str, str] = {}
    for name, part in (("request", request), ("answer", answer)):
        texts[name] = None
        if part.content is None:
            reason[name] = part.reason
            continue
        try:
            texts[name], encoding[name] = part.content.decode(), "utf-8"
        except UnicodeDecodeError:
            texts[name], encoding[name] = base64.b64encode(part.content).decode(), "base64"
    return {"content": texts | {"encoding": encoding} if encoding else None, "content_reason": reason}
