"""Requests behind each other on a connection whose client is slow: its slowness, and its deadlines, hold for all of them."""

from __future__ import annotations

from proxy.wire.deadlines import NEVER
from proxy.wire.request import BodyError
from proxy.wire.server import ServerConnection
from tests.unit.wire.faked import GET, LONG, OK, POST, Desk, FakeTransport, answer, ask_for_body

HELD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000


def stuck(desk: Desk, behind: bytes) -> FakeTransport:
    """A client that takes nothing of its first answer, and whose next request has begun."""
    client = desk.client()
    client.stuck = True
    client.feed(GET + behind)
    answer(desk.requests[0], HELD)
    desk.loop.run()
    assert len(desk.requests) == 2
    return client


def deadline(client: FakeTransport) -> float:
    """Of its connection."""
    assert isinstance(client.protocol, ServerConnection)
    return client.protocol.deadline


def test_not_writable_from_the_start() -> None:
    """The second answer finds the connection as full as the first left it, and is told when there is room."""
    desk = Desk()
    client = stuck(desk, GET)
    second = desk.requests[1]
    assert not second.writable
    told: list[bool] = []
    second.on_writable = lambda: told.append(second.writable)
    client.unstick()
    assert told == [True]
    assert deadline(client) == NEVER
    answer(second)
    assert client.taken.endswith(OK)


def test_write_deadline_stays() -> None:
    """Neither the next request, nor its body, nor the wait for one puts off the time in which something must be taken."""
    for behind in (GET, POST, LONG, LONG + b"x" * 1000, GET + GET[:9]):
        desk = Desk(write_stall_seconds=60, idle_seconds=75, body_seconds=300, header_seconds=300)
        client = stuck(desk, behind)
        if behind.startswith(GET):
            answer(desk.requests[1])
            desk.loop.run()
        desk.loop.pass_time(59)
        assert not client.aborted
        desk.loop.pass_time(2)
        assert client.aborted, behind


def test_body_is_due_again() -> None:
    """A client that has taken its answer owes the rest of the next request's body, from then on."""
    desk = Desk(body_seconds=30)
    client = stuck(desk, LONG + b"x" * 1000)
    desk.loop.pass_time(20)
    desk.requests[1].body_cap = 2_000_000
    ended = ask_for_body(desk.requests[1])
    client.unstick()
    desk.loop.pass_time(28)
    assert not ended
    desk.loop.pass_time(3)
    assert isinstance(ended[0], BodyError)
    assert ended[0].status == 408


def test_body_that_waits_for_us_is_not_due() -> None:
    """Room for the answer does not make a body late that we are not reading."""
    desk = Desk(body_seconds=30)
    client = stuck(desk, LONG)
    while client.reading:
        client.feed(b"x" * 65536)
    client.unstick()
    assert deadline(client) == NEVER


def test_next_head_is_due_again() -> None:
    """So it is with a head that has begun, and with none."""
    for behind, seconds in ((b"", 75), (GET[:9], 10)):
        desk = Desk(header_seconds=10, idle_seconds=75)
        client = desk.client()
        client.stuck = True
        client.feed(GET + behind)
        answer(desk.requests[0], HELD)
        desk.loop.run()
        desk.loop.pass_time(20)
        client.unstick()
        assert deadline(client) == desk.loop.now + seconds


def test_drain_reads_on() -> None:
    """A body that is under way when no further request is taken is read to its end, however long it is."""
    desk = Desk()
    client = desk.client()
    client.feed(LONG)
    request = desk.requests[0]
    while client.reading:
        client.feed(b"x" * 65536)
    desk.listener.drain()
    taken = len(request.take())
    while not request.complete:
        assert client.reading
        client.feed(b"x" * min(65536, 1_000_000 - request.received))
        taken += len(request.take())
    assert taken == 1_000_000
    assert not request.keep_alive
    answer(request)
    desk.loop.run()
    assert client.lost
