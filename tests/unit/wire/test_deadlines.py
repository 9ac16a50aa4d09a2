"""Deadlines: which state of a client's connection has which, and that one sweep finds whoever is late."""

from __future__ import annotations

from itertools import pairwise

import pytest

from proxy.wire.deadlines import NEVER, Deadlines
from proxy.wire.request import READ_AHEAD, BodyError
from tests.unit.wire.faked import GET, LONG, POST, Desk, FakeLoop, FakeTransport, answer, ask_for_body


def stalled(transport: FakeTransport, desk: Desk, seconds: float) -> bool:
    """Whether the connection is closed or answered 408 after that time, and no second earlier."""
    before = len(transport.taken)
    desk.loop.pass_time(seconds - 1)
    early = transport.closing or len(transport.taken) != before
    desk.loop.pass_time(2)
    return not early and (transport.closing or len(transport.taken) != before)


def test_no_head() -> None:
    """A connection that says nothing is closed after `header_seconds`."""
    desk = Desk(header_seconds=10)
    client = desk.client()
    assert stalled(client, desk, 10)
    assert client.closing
    assert not client.taken


def test_slow_head() -> None:
    """Bytes that dribble do not extend the head's deadline; it is answered 408."""
    desk = Desk(header_seconds=10)
    client = desk.client()
    for at in range(9):
        client.feed(GET[at : at + 1])
        desk.loop.pass_time(1)
    assert not client.taken
    desk.loop.pass_time(2)
    assert client.taken.startswith(b"HTTP/1.1 408 ")


def test_slow_second_head() -> None:
    """The deadline holds for later heads too, from their first byte."""
    desk = Desk(header_seconds=10, idle_seconds=75)
    client = desk.client()
    client.feed(GET)
    answer(desk.requests[0])
    desk.loop.pass_time(60)
    client.feed(b"GET")
    assert stalled(client, desk, 10)


def test_slow_body() -> None:
    """A body that stands still is given up after `body_seconds`."""
    desk = Desk(body_seconds=30)
    client = desk.client()
    client.feed(POST[:-2])
    ended = ask_for_body(desk.requests[0])
    desk.loop.pass_time(29)
    assert not ended
    desk.loop.pass_time(2)
    assert isinstance(ended[0], BodyError)
    assert ended[0].status == 408


def test_minimum_rate() -> None:
    """Each byte received extends the body's deadline by what the minimum rate grants for it."""
    desk = Desk(body_seconds=30, body_bytes_per_second=1000)
    client = desk.client()
    client.feed(LONG)
    desk.requests[0].body_cap = 10_000_000
    ended = ask_for_body(desk.requests[0])
    client.feed(b"x" * 20000)
    desk.loop.pass_time(49)
    assert not ended
    desk.loop.pass_time(2)
    assert ended


def test_waiting_for_us_is_not_slow() -> None:
    """While we do not read, a body's clock stands still; once we read on it runs again."""
    desk = Desk(body_seconds=30, body_bytes_per_second=1_000_000_000)
    client = desk.client()
    client.feed(LONG + b"x" * (READ_AHEAD + 1))
    request = desk.requests[0]
    assert not client.reading
    desk.loop.pass_time(1000)
    assert not client.closing
    request.body_cap = 10_000_000
    ended = ask_for_body(request, 500_000)
    assert client.reading
    desk.loop.pass_time(29)
    assert not ended
    desk.loop.pass_time(2)
    assert ended


def test_idle() -> None:
    """A kept connection is closed after `idle_seconds` without a word."""
    desk = Desk(idle_seconds=75)
    client = desk.client()
    client.feed(GET)
    answer(desk.requests[0])
    assert stalled(client, desk, 75)
    assert client.lost


def test_no_deadline_while_answering() -> None:
    """An upstream may take its time: nothing ends the client's connection meanwhile."""
    desk = Desk()
    client = desk.client()
    client.feed(POST)
    desk.loop.pass_time(800)
    assert not client.closing


def test_stalled_reader() -> None:
    """A client that takes nothing for `write_stall_seconds` is cut off; its request is told."""
    desk = Desk(write_stall_seconds=60)
    client = desk.client()
    client.feed(GET)
    request = desk.requests[0]
    client.stuck = True
    request.write(b"x" * 70000)
    assert not request.writable
    assert stalled(client, desk, 60)
    assert client.aborted
    assert request.gone


def test_slow_reader_resumes() -> None:
    """Once the client has caught up the writer is told, and the stall's deadline is off."""
    desk = Desk(write_stall_seconds=60)
    client = desk.client()
    client.feed(GET)
    request = desk.requests[0]
    room: list[int] = []
    request.on_writable = lambda: room.append(1)
    client.stuck = True
    request.write(b"x" * 70000)
    client.unstick()
    assert (room, request.writable) == ([1], True)
    desk.loop.pass_time(500)
    assert not client.closing


def test_idle_after_a_slow_reader() -> None:
    """The idle deadline holds also when the client took the answer's end only after it was done."""
    desk = Desk(idle_seconds=75)
    client = desk.client()
    client.feed(GET)
    client.stuck = True
    answer(desk.requests[0], b"x" * 70000)
    desk.loop.pass_time(5)
    client.unstick()
    desk.loop.pass_time(100)
    assert client.lost


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("size", [70000, 1000])
def test_answer_nobody_takes(size: int, *, close: bool) -> None:
    """A finished answer that its client does not take cannot hold the connection for ever, closed or kept."""
    desk = Desk(write_stall_seconds=60, idle_seconds=75)
    client = desk.client()
    client.feed(GET)
    client.stuck = True
    answer(desk.requests[0], b"x" * size, close=close)
    desk.loop.pass_time(200)
    assert client.lost
    assert not desk.listener.connections


class Late:
    """Something watched that counts how often it is told to be late."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.told = 0

    def expire(self) -> None:
        """Count, and have no deadline any more."""
        self.told += 1
        self.deadline = NEVER


def test_sweep() -> None:
    """Whoever is late is told within half a second of it, once; nobody else is."""
    loop = FakeLoop()
    deadlines = Deadlines(loop)  # type: ignore[arg-type]
    late, later, never = Late(loop.now + 1), Late(loop.now + 3), Late(NEVER)
    deadlines.watched |= {late, later, never}
    loop.pass_time(0.9)
    assert late.told == 0
    loop.pass_time(0.7)
    loop.pass_time(1)
    assert (late.told, later.told, never.told) == (1, 0, 0)
    deadlines.close()
    loop.pass_time(10)
    assert later.told == 0


def test_sweep_in_slices() -> None:
    """Thousands of connections are looked at in several turns of the loop, all of them."""
    loop = FakeLoop()
    deadlines = Deadlines(loop)  # type: ignore[arg-type]
    crowd = [Late(loop.now) for _ in range(4500)]
    deadlines.watched |= set(crowd)
    turns = []
    loop.on_turn = lambda: turns.append(sum(one.told for one in crowd))
    loop.pass_time(0.6)
    assert [one.told for one in crowd] == [1] * 4500
    assert len([turn for turn in turns if 0 < turn < 4500]) >= 1
    assert max(after - before for before, after in pairwise([0, *turns])) <= 2000
