"""The opening of a session: the client's handshake onto a connection of its own, the upstream's answer to it back, and what
carries both streams from then on.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.core.clock import Clock
from proxy.core.errors import UpstreamError
from proxy.core.exchange import Exchange
from proxy.core.ids import RecordIds
from proxy.gateway.ask import Answer, request_head
from proxy.gateway.house import House
from proxy.gateway.references import References
from proxy.gateway.routes import Route
from proxy.gateway.session import Session
from proxy.gateway.session_turns import Turns
from proxy.wire import handshake
from proxy.wire.handshake import EXTENSIONS, PROTOCOLS, HandshakeError
from proxy.wire.request import Request

_NOT_PASSED = frozenset([EXTENSIONS])
_SWAPPED = frozenset([EXTENSIONS, PROTOCOLS])


async def switch(exchange: Exchange, first_byte_seconds: float) -> Answer:
    """Send the handshake and wait for the answer's head: a 101 that agrees to it, or any other answer.

    Raises: UpstreamError.
    """
    request: Request = exchange.request
    route: Route = exchange.route
    connection = await route.upstream.pool.open()
    if request.gone:
        connection.abort()
        raise UpstreamError("the client left before anything was sent")
    connection.begin(no_body=False, first_byte_seconds=first_byte_seconds, interim=request.write)
    connection.switches = True
    request.on_gone = connection.abort
    connection.send(_handshake(exchange), last=True)
    head = await connection.head
    if head.status != 101:
        connection.switches = False
        return Answer(head, connection)
    try:
        handshake.check_answer(request.head, head)
    except HandshakeError as error:
        connection.abort()
        raise UpstreamError(f"the upstream's handshake is wrong: {error}", sent=True) from error
    return Answer(head, connection)


def session_of(
    exchange: Exchange,
    house: House,
    ids: RecordIds,
    clock: Clock,
    on_fault: Callable[[BaseException], None],
    references: References | None = None,
) -> Session:
    """What carries an exchange whose upstream has switched."""
    route: Route = exchange.route
    answer: Answer = exchange.answer
    assert route.endpoint.session is not None, "routes.session asked"
    reader = route.endpoint.session(route.parameters, route.parameters_of_query(), False)
    return Session(
        exchange.request,
        answer.connection,
        exchange.stream,
        Turns(reader, exchange, exchange.stream, ids, clock, house.identity.keyed, house.judges, references),
        route.upstream.pool.loop,
        on_fault,
        lambda refused: house.disclosed(refused, exchange),
        answered_ns=clock.monotonic_ns(),
        unsynced_limit=house.ledger.unsynced_bytes,
        serves=house.ledger.on_failure == "serve",
    )


def _handshake(exchange: Exchange) -> bytes:
    """The client's, without extensions; a key among the sub-protocols goes where another takes its place."""
    request: Request = exchange.request
    lines = list(handshake.UPGRADE_LINES)
    protocols = request.head.values.get(PROTOCOLS)
    if protocols is None or not exchange.caller.inject:
        return request_head(exchange, _NOT_PASSED, lines)
    if kept := handshake.protocols_without_key(protocols):
        lines.append(b"Sec-WebSocket-Protocol: " + kept)
    return request_head(exchange, _SWAPPED, lines)
