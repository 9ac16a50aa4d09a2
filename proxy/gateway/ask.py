"""The upstream end of the corridor: an exchange's request onto the wire, its answer's head back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from proxy.core.errors import LedgerUnavailableError, UpstreamError
from proxy.core.exchange import Exchange
from proxy.core.oneshot import Oneshot
from proxy.gateway.house import House
from proxy.gateway.identity import SLOTS
from proxy.gateway.links import lead_here
from proxy.gateway.receive import Body
from proxy.gateway.routes import Route
from proxy.wire.coding import accepted
from proxy.wire.head import ResponseHead
from proxy.wire.request import Request
from proxy.wire.upstream import UpstreamConnection

_INJECTED = frozenset(SLOTS)
_NOTHING: frozenset[bytes] = frozenset()
_accepted: dict[bytes, bytes] = {}


class ReadBack(Protocol):
    """The pieces of a spooled body, from disk."""

    def next(self) -> Oneshot[bytes]:
        """The next piece, empty after the last."""
        ...


class Answer:
    """An answer's head and the connection its body comes by."""

    __slots__ = ("connection", "head")

    def __init__(self, head: ResponseHead, connection: UpstreamConnection) -> None:
        self.head = head
        self.connection = connection


async def ask(exchange: Exchange, house: House) -> Answer:
    """Send the request and wait for the answer's head; where the house cancels, not when the client has left.

    Raises: UpstreamError.
    """
    request: Request = exchange.request
    route: Route = exchange.route
    body: Body = exchange.body
    pool, cancel = route.upstream.pool, house.cancels
    connection = pool.idle() or await pool.open()
    if request.gone and cancel:
        connection.abort()
        raise UpstreamError("the client left before anything was sent")
    connection.begin(
        no_body=request.head.method == "HEAD",
        first_byte_seconds=house.gateway.first_byte_seconds,
        interim=request.write if request.head.minor == 1 else _ignore,
    )
    if cancel:
        request.on_gone = connection.abort
    if body.sent is not None:
        connection.send(request_head(exchange) + body.sent, last=True)
    elif body.spooled:
        body.whole = b""  # understood by now; it need not stay in memory while a slow upstream is fed
        connection.send(request_head(exchange), last=False)
        await _feed(connection, exchange.stream.read_back(), request.received)
    else:
        connection.send(request_head(exchange) + body.whole, last=True)
    answer = Answer(await connection.head, connection)
    if route.endpoint.links:
        lead_here(answer.head, exchange, house.identity.key, tls=house.gateway.tls_certificate is not None)
    return answer


async def _feed(connection: UpstreamConnection, pieces: ReadBack, size: int) -> None:
    """Send a spooled body of `size` bytes as fast as the upstream takes it; an early answer ends that. Raises: UpstreamError.

    The head promised `size` bytes: what is missing would be taken from whatever this connection carried next.
    """
    sent = 0
    try:
        while not connection.head.done and (piece := await pieces.next()):
            sent += len(piece)
            if sent > size:
                break
            connection.send(piece, last=False)
            await connection.drained()
    except LedgerUnavailableError as error:
        connection.abort()
        raise UpstreamError(str(error), status=503, sent=True) from error
    early = connection.head.done
    if sent != size and not early:
        connection.abort()
        raise UpstreamError("the request cannot be read back whole", status=503, sent=True)
    connection.sent_all = not early


def _ignore(_head: bytes) -> None:
    """An HTTP/1.0 client cannot read interim answers."""


def request_head(exchange: Exchange, dropped: frozenset[bytes] = _NOTHING, added: Sequence[bytes] = ()) -> bytes:
    """The request's head as it goes upstream, less `dropped` fields, with `added` lines."""
    request: Request = exchange.request
    route: Route = exchange.route
    upstream = route.upstream
    head = request.head
    target = route.target
    lines = [upstream.host_line, *added]
    if exchange.caller.inject:
        dropped = dropped | _INJECTED
        target = route.without_key_parameter()
        if upstream.key_header is not None:
            lines.append(upstream.key_header)
    if upstream.headers:
        dropped = dropped | {name for name, _ in upstream.headers}
        lines += [line for _, line in upstream.headers]
    lines += head.forwarded(dropped)
    if (codings := head.values.get(b"accept-encoding")) is not None:
        lines.append(_acceptable(codings))
    if head.length or head.chunked or b"content-length" in head.values:
        body: Body = exchange.body
        lines.append(b"Content-Length: %d" % (request.received if body.sent is None else len(body.sent)))
    return b"%b %b HTTP/1.1\r\n%b\r\n\r\n" % (head.raw_method, target, b"\r\n".join(lines))


def _acceptable(codings: bytes) -> bytes:
    """The line for the codings a client takes, less those that we could not read; remembered, since there are few."""
    known = _accepted.get(codings)
    if known is None:
        known = b"Accept-Encoding: " + accepted(codings)
        if len(_accepted) < 256:
            _accepted[codings] = known
    return known
