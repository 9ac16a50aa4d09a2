"""The client's side of the wire, from bytes: heads, order, keep-alive, leaving, breaking off."""

from __future__ import annotations

import socket
import struct

import pytest

from proxy.core.oneshot import drive
from proxy.wire.request import BodyError, Request
from tests.unit.wire.faked import GET, OK, POST, Desk, answer, ask_for_body


@pytest.mark.parametrize("cut", range(1, len(GET) + len(POST)))
def test_any_cut(cut: int) -> None:
    """Two requests, cut anywhere, are the same two requests."""
    desk = Desk()
    client = desk.client()
    whole = GET + POST
    client.feed(whole[:cut])
    client.feed(whole[cut:])
    answer(desk.requests[0])
    desk.loop.run()
    second = desk.requests[1]
    assert [request.head.method for request in desk.requests] == ["GET", "POST"]
    assert (second.take(), second.complete) == (b"hello", True)


def test_pipelined_in_order() -> None:
    """A request behind another is begun only once that one is answered."""
    desk = Desk()
    client = desk.client()
    client.feed(GET + POST + GET)
    for number in range(1, 4):
        assert len(desk.requests) == number
        answer(desk.requests[-1])
        desk.loop.run()
    assert bytes(client.taken) == OK * 3
    assert not client.closing


def test_pipelined_is_bounded() -> None:
    """What is sent ahead waits unparsed and bounded: then the socket is not read until the answer is done."""
    desk = Desk(max_header_bytes=1000)
    client = desk.client()
    client.feed(GET)
    client.feed(GET * 40)
    assert not client.reading
    answer(desk.requests[0])
    assert client.reading


def test_answered_while_the_body_ends() -> None:
    """An application that answers from within the last byte of a body loses nothing of what is pipelined behind it."""
    desk = Desk()

    def application(request: Request) -> None:
        async def walk() -> None:
            await request.collect(65536)
            answer(request)

        desk.requests.append(request)
        drive(walk(), lambda _: None)

    desk.listener.application = application
    client = desk.client()
    client.feed(POST[:-1])
    client.feed(POST[-1:] + GET)
    assert bytes(client.taken) == OK * 2


def test_empty_line_before_a_request() -> None:
    """An empty line left by an old client's body is skipped (RFC 9112 §2.2), also when it comes in halves."""
    desk = Desk()
    client = desk.client()
    client.feed(b"\r")
    client.feed(b"\n" + GET)
    assert len(desk.requests) == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 66000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 66000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 201 + b"\r\n", 431),
    ],
)
def test_unreadable(sent: bytes, status: int) -> None:
    """What is not a request is answered in our words, counted, never given to the application, and ends the connection."""
    desk = Desk()
    client = desk.client()
    client.feed(sent)
    assert client.taken.startswith(b"HTTP/1.1 %d " % status)
    assert b"x-tos-source: proxy" in client.taken
    assert b"Connection: close" in client.taken
    assert (desk.listener.stats.bad_heads, desk.requests, client.eof) == (1, [], True)
    client.feed(GET)
    assert not desk.requests
    desk.loop.pass_time(3)
    assert client.closing


def test_head_in_single_bytes() -> None:
    """A head may come byte by byte."""
    desk = Desk()
    client = desk.client()
    for at in range(len(GET)):
        client.feed(GET[at : at + 1])
    assert len(desk.requests) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
)
def test_last_request(head: bytes) -> None:
    """HTTP/1.0 and `Connection: close` end the connection after the answer."""
    desk = Desk()
    client = desk.client()
    client.feed(head + GET)
    assert not desk.requests[0].keep_alive
    answer(desk.requests[0])
    desk.loop.run()
    assert client.lost
    assert len(desk.requests) == 1


def test_old_client_keeps_alive() -> None:
    """An HTTP/1.0 client may ask to keep the connection."""
    desk = Desk()
    client = desk.client()
    client.feed(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    answer(desk.requests[0])
    client.feed(GET)
    assert len(desk.requests) == 2


def test_client_gone() -> None:
    """A client that ends its side while it waits is gone, and the request is told once."""
    desk = Desk()
    client = desk.client()
    client.feed(GET)
    gone: list[int] = []
    request = desk.requests[0]
    request.on_gone = lambda: gone.append(1)
    client.end()
    assert (gone, request.gone, client.lost) == ([1], True, True)
    request.write(b"x")
    request.finish()
    assert desk.listener.stats.open_connections == 0


def test_half_a_head() -> None:
    """A connection that ends within a head leaves nothing behind."""
    desk = Desk()
    client = desk.client()
    client.feed(GET[:20])
    client.end()
    assert client.lost
    assert (desk.requests, bytes(client.taken), desk.listener.connections) == ([], b"", set())
    assert not desk.deadlines.watched


def test_gone_within_the_body() -> None:
    """Whoever waits for the body is told that the client is gone."""
    desk = Desk()
    client = desk.client()
    client.feed(POST[:-2])
    ended = ask_for_body(desk.requests[0])
    client.lose(ConnectionResetError())
    assert isinstance(ended[0], BodyError)
    assert ended[0].status == 0


def test_break_off() -> None:
    """An answer cut short is closed after what was written."""
    desk = Desk()
    client = desk.client()
    client.feed(GET)
    client.stuck = True
    desk.requests[0].write(b"part")
    desk.requests[0].break_off(reset=False)
    client.unstick()
    assert bytes(client.taken) == b"part"
    assert not client.aborted


@pytest.mark.parametrize("stuck", [True, False])
def test_break_off_by_reset(*, stuck: bool) -> None:
    """Where a plain close would look like the answer's end the connection is reset, also when bytes are still on their way."""
    desk = Desk()
    client = desk.client()
    client.feed(GET)
    client.stuck = stuck
    desk.requests[0].write(b"part")
    desk.requests[0].break_off(reset=True)
    client.unstick()
    desk.loop.run()
    assert client.lost
    assert client.socket.options == [(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))]
    assert bytes(client.taken) == b"part"


def test_unix_socket() -> None:
    """A client on the unix socket has no address and is known as local."""
    desk = Desk()
    desk.client(peername="").feed(GET)
    assert (desk.requests[0].local_socket, desk.requests[0].peer) == (True, "")
    desk.client().feed(GET)
    assert (desk.requests[1].local_socket, desk.requests[1].peer) == (False, "192.0.2.7")
