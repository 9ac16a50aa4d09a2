"""A connection that has switched protocols: whose bytes are whose, and how it ends."""

from __future__ import annotations

from proxy.wire.upgraded import LINGER_SECONDS, Upgraded
from tests.unit.wire.faked import Desk, FakeTransport

HANDSHAKE = b"GET /v1/realtime HTTP/1.1\r\nHost: a\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class Sink:
    """Keeps what the client sent."""

    def __init__(self) -> None:
        self.taken = b""

    def client_bytes(self, received: bytes) -> None:
        """Keep."""
        self.taken += received


def switched(early: bytes = b"") -> tuple[Desk, FakeTransport, Sink, Upgraded]:
    """A connection behind its 101."""
    desk, sink = Desk(), Sink()
    client = desk.client()
    client.feed(HANDSHAKE + early)
    return desk, client, sink, desk.requests[0].upgrade(SWITCHING, desk.loop, sink)  # type: ignore[arg-type]


def test_what_follows_the_answer_is_the_sinks() -> None:
    """Also what a client sent before it had the answer; nothing of it is taken for another request."""
    desk, client, sink, upgraded = switched(b"early")
    client.feed(b"GET / HTTP/1.1\r\n\r\n")
    assert client.taken == SWITCHING
    assert upgraded.early == b"early"
    assert sink.taken == b"GET / HTTP/1.1\r\n\r\n"
    assert len(desk.requests) == 1


def test_reading_can_be_paused() -> None:
    """And goes on."""
    _, client, sink, upgraded = switched()
    upgraded.pause()
    assert not client.reading
    upgraded.resume()
    client.feed(b"more")
    assert sink.taken == b"more"


def test_a_client_that_leaves_is_told_once_and_counted_out() -> None:
    """By the request's own callback."""
    desk, client, _, _ = switched()
    gone: list[bool] = []
    desk.requests[0].on_gone = lambda: gone.append(True)
    client.end()
    assert gone == [True]
    assert desk.listener.stats.open_connections == 0


def test_a_client_that_takes_nothing_is_cut_after_a_while() -> None:
    """As with any other answer."""
    desk, client, _, _ = switched()
    client.stuck = True
    desk.requests[0].write(b"x" * 100_000)
    assert not desk.requests[0].writable
    desk.loop.pass_time(desk.listener.options.write_stall_seconds + 2)
    assert client.aborted


def test_a_farewell_waits_so_long_and_no_longer() -> None:
    """For the client to close first."""
    desk, client, _, upgraded = switched()
    upgraded.farewell(lambda: desk.requests[0].finish(close=True))
    desk.loop.pass_time(LINGER_SECONDS / 2)
    assert not client.closing
    desk.loop.pass_time(LINGER_SECONDS)
    assert client.closing
