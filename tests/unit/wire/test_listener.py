"""All connections of a worker: how many, and how they are drained."""

from __future__ import annotations

from tests.unit.wire.faked import GET, Desk, answer


def test_most_connections() -> None:
    """One connection more than allowed is closed at once; when one leaves there is room again."""
    desk = Desk(max_connections=2)
    first, _, third = desk.client(), desk.client(), desk.client()
    assert third.aborted
    stats = desk.listener.stats
    assert (stats.connections, stats.open_connections, stats.refused_connections) == (3, 2, 1)
    first.end()
    assert not desk.client().aborted


def test_drain() -> None:
    """Draining closes idle connections at once, busy ones after their answer, and takes no new ones."""
    desk = Desk()
    idle, busy, ahead = desk.client(), desk.client(), desk.client()
    busy.feed(GET)
    ahead.feed(GET + GET)
    desk.listener.drain()
    desk.loop.run()
    assert (idle.lost, busy.lost) == (True, False)
    for request in list(desk.requests):
        assert not request.keep_alive
        answer(request)
    desk.loop.run()
    assert (busy.lost, ahead.lost, len(desk.requests)) == (True, True, 2)
    assert desk.client().aborted


def test_part_beside_a_connection_that_opens() -> None:
    """A connection that was made before and is opened after says so too: its client would keep it, and be cut off in the end."""
    desk = Desk()
    client = desk.client(meanwhile=desk.listener.part)
    client.feed(GET)
    assert not desk.requests[-1].keep_alive


def test_part() -> None:
    """Parting serves all that comes, on old connections and new ones, each answer its connection's last; what is already under way
    without having said so may be followed by one more.
    """
    desk = Desk()
    idle, busy = desk.client(), desk.client()
    busy.feed(GET)
    said = desk.requests[0].keep_alive
    desk.listener.part()
    answer(desk.requests[0])
    desk.loop.run()
    assert (said, busy.lost, idle.lost) == (True, False, False)
    for client in (busy, idle, desk.client()):
        client.feed(GET)
        assert not desk.requests[-1].keep_alive
        desk.requests[-1].finish(close=not desk.requests[-1].keep_alive)
        desk.loop.run()
        assert client.lost
