"""The request's body: small ones in memory, larger ones to the spool as they arrive; and what its dialect understands of it."""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import Protocol

from proxy.core.exchange import Exchange
from proxy.core.facts import RequestFacts
from proxy.core.oneshot import Oneshot
from proxy.dialects.contract import Endpoint, PathParameters
from proxy.dialects.jsonio import StrictJSONError, inspect_json
from proxy.dialects.multipart import FormReader, read_form
from proxy.dialects.related import RelatedReader, is_related
from proxy.gateway.refusal import Refused
from proxy.gateway.routes import Route
from proxy.wire.coding import Decoder
from proxy.wire.request import BodyError, Request

IN_MEMORY = 64 * 1024
# Of a slow client's many small packets one piece is made: each has its frame, its seal and its place in memory.
_PIECE_BYTES = 64 * 1024
_UNSYNCED_PIECES = 4
_CHARSET = re.compile(rb"(?i);[ \t]*charset[ \t]*=[ \t]*\"?([^\s\";]+)")
_BODY_CODES = {400: "malformed_body", 408: "body_too_slow", 413: "body_too_large", 0: "client_gone"}


class PieceSpool(Protocol):
    """Where pieces of a long body are made durable."""

    def request_piece(self, piece: bytes) -> Oneshot[None]:
        """Take the next piece; filled when it is durable. Fails with LedgerUnavailableError."""
        ...


class Body:
    """A complete request body. `whole` is its bytes, or of a spooled body what inspection needs (empty if nothing does).

    `form`: what was read of a spooled form as it came. `sent`: what goes upstream in its place, None for the same.
    """

    __slots__ = ("form", "sent", "spooled", "whole")

    def __init__(self, whole: bytes, *, spooled: bool, form: FormReader | None = None) -> None:
        self.whole = whole
        self.spooled = spooled
        self.form = form
        self.sent: bytes | None = None


def at_hand(exchange: Exchange) -> Body | None:
    """The body of a request that came in one piece, as most do; None when there is more to wait for, or too much."""
    request: Request = exchange.request
    if request.complete and request.received <= IN_MEMORY:
        return Body(request.take(), spooled=False)
    return None


async def receive(exchange: Exchange) -> Body:
    """Wait for the whole body.

    Raises: Refused 400, 408, 413, or with status 499 when the client is gone; LedgerUnavailableError.
    """
    request: Request = exchange.request
    route: Route = exchange.route
    request.body_cap = route.endpoint.body_cap
    try:
        if await request.collect(IN_MEMORY):
            return Body(request.take(), spooled=False)
        return await _spool(request, exchange.stream, route.endpoint)
    except BodyError as error:
        raise Refused(error.status or 499, _BODY_CODES[error.status], str(error)) from error


async def _spool(request: Request, spool: PieceSpool, endpoint: Endpoint) -> Body:
    """The body into the spool. Only JSON that is read whole stays in memory as well. What carries lines is all there on return."""
    kind = content_type(request)
    form = FormReader(kind) if endpoint.form_body else None
    if endpoint.carries == "file" and is_related(kind):
        form = RelatedReader(kind)
    keep = endpoint.json_body and not endpoint.carries
    kept: list[bytes] = []
    unsynced: deque[Oneshot[None]] = deque()
    while piece := await request.piece(_PIECE_BYTES):
        unsynced.append(spool.request_piece(piece))
        if form is not None:
            form.feed(piece)
        if keep:
            kept.append(piece)
        if len(unsynced) > _UNSYNCED_PIECES:
            await unsynced.popleft()
    while endpoint.carries and unsynced:
        await unsynced.popleft()
    return Body(b"".join(kept), spooled=True, form=form)


def content_type(request: Request) -> str:
    """The request's, as text."""
    return request.head.values.get(b"content-type", b"").decode("latin-1")


def understand(exchange: Exchange) -> RequestFacts:
    """What the dialect makes of the request.

    Raises: Refused 400 (JSON with two readings), 415 (a charset other than UTF-8).
    """
    route: Route = exchange.route
    request: Request = exchange.request
    body: Body = exchange.body
    endpoint = route.endpoint
    values = request.head.values
    if body.form is not None:
        return endpoint.read_request(body.form.tree, route.parameters)
    if not body.whole or not (endpoint.json_body or endpoint.form_body):
        return endpoint.read_request(None, route.parameters)
    if endpoint.form_body:
        return endpoint.read_request(read_form(body.whole, content_type(request)), route.parameters)
    flags: list[str] = []
    raw = body.whole
    coding = values.get(b"content-encoding")
    if coding is not None and coding.lower() != b"identity":
        raw = _decoded(raw, coding, flags)
    try:
        return facts_of(endpoint, raw, charset(values.get(b"content-type", b"")), route.parameters, flags)
    except StrictJSONError as error:
        raise Refused(error.status, error.code, str(error)) from error


def facts_of(endpoint: Endpoint, raw: bytes, charset: str | None, parameters: PathParameters, flags: list[str]) -> RequestFacts:
    """What JSON says, decoded; `flags` is what was found out before. Raises: StrictJSONError."""
    tree = None
    if raw:
        inspected = inspect_json(raw, charset)
        tree, flags = inspected.tree, flags + inspected.flags
    facts = endpoint.read_request(tree, parameters)
    if tree is None:
        facts.inspection = "none"
    if flags:
        facts.flags = [*facts.flags, *flags]
    return facts


@lru_cache(maxsize=64)
def charset(content_type: bytes) -> str | None:
    """The charset that a content type names."""
    found = _CHARSET.search(content_type)
    return found.group(1).decode("latin-1") if found else None


def _decoded(raw: bytes, coding: bytes, flags: list[str]) -> bytes:
    """An encoded body as it will be read upstream; empty, and flagged, when it cannot be read here."""
    decoder = Decoder(coding)
    plain = b"".join(decoder.feed(raw))
    decoder.finish()
    if decoder.state != "read":
        flags.append("encoded_body_unread")
        return b""
    return plain
