"""Answers that end otherwise than well: broken off, cut by us, left by their client; and those that somebody takes slowly."""

from __future__ import annotations

import pytest

from tests.unit.gateway.stage import Stage, post, status_of
from tests.unit.gateway.test_relay import CHUNKED, DELTA, DONE, HEAD, MESSAGES, SSE, STOP, TEXT, chunks, joined
from tests.unit.wire.faked import FakeTransport


def streaming(stage: Stage, request: bytes = b"", *pieces: bytes) -> FakeTransport:
    """A client in the middle of a chunked stream of events."""
    client = stage.client(request or post())
    stage.upstream.feed(HEAD + SSE + CHUNKED + b"\r\n")
    for piece in pieces or (DELTA,):
        stage.upstream.feed(b"%x\r\n%b\r\n" % (len(piece), piece))
    return client


BREAKS = {
    "chunked": HEAD + CHUNKED + b"\r\n5\r\nhello\r\n",
    "length": HEAD + b"Content-Length: 10\r\n\r\nhello",
    "stream": HEAD + SSE + CHUNKED + b"\r\n" + chunks(DELTA)[:-5],
    "stream within its last event": HEAD + SSE + CHUNKED + b"\r\n" + chunks(DELTA, DONE[:9])[:-5],
    "stream after its last event": HEAD + SSE + CHUNKED + b"\r\n" + chunks(DELTA, DONE)[:-5],
    "close": HEAD + b"\r\nhello",
}


@pytest.mark.parametrize("answer", BREAKS.values(), ids=BREAKS)
def test_broken_off(answer: bytes) -> None:
    """What the upstream breaks off is broken off for the client, after all that came; never a clean end."""
    stage = Stage()
    stage.ledger.holds.add("outcome")
    client = stage.client(post())
    stage.upstream.feed(answer)
    stage.upstream.lose(ConnectionResetError())
    assert not client.closing
    stage.ledger.let()
    stage.loop.run()
    assert client.lost
    assert not client.taken.endswith(b"0\r\n\r\n")
    outcome = stage.outcome
    told = bytes(client.taken).partition(b"\r\n\r\n")[2]
    told = joined(told) if b"chunked" in client.taken else told
    assert outcome.outcome == "upstream_error"
    assert outcome.answer_bytes == len(stage.ledger.streams[0].answered)
    assert outcome.delivered_bytes == len(told) == outcome.answer_bytes
    stage.check_figures()


def test_broken_off_without_framing() -> None:
    """Where the end of the connection is the end of the answer the client sees a reset instead."""
    stage = Stage()
    client = stage.client(post())
    stage.upstream.feed(BREAKS["close"])
    stage.upstream.lose(ConnectionResetError())
    assert client.aborted
    assert client.socket.options


def test_bad_chunk_in_midstream() -> None:
    """A malformed chunk breaks the stream off."""
    stage = Stage()
    client = streaming(stage)
    stage.upstream.feed(b"XX\r\n")
    assert (stage.outcome.outcome, client.lost) == ("upstream_error", True)


@pytest.mark.parametrize(
    ("request_", "piece", "error"),
    [(post(), DELTA, b'data: {"error":'), (post(MESSAGES), TEXT, b"event: error\ndata: ")],
)
def test_cut(request_: bytes, piece: bytes, error: bytes) -> None:
    """A stream that we cut ends with the provider's own error event in place of what was held, after its outcome."""
    stage = Stage()
    stage.ledger.holds.add("outcome")
    client = streaming(stage, request_, piece)
    (relay,) = stage.corridor.relays
    relay.cut("the proxy is shutting down")
    assert error not in client.taken
    stage.ledger.let()
    stage.loop.run()
    assert error in client.taken
    assert b"shutting down" in client.taken
    assert client.taken.endswith(b"0\r\n\r\n")
    assert (stage.outcome.outcome, client.lost, stage.upstream.aborted) == ("cut", True, True)
    stage.check_figures()


def test_cut_without_events() -> None:
    """A document cannot end in an error: its connection breaks."""
    stage = Stage()
    client = stage.client(post())
    stage.upstream.feed(HEAD + b"Content-Length: 10\r\n\r\nhello")
    (relay,) = stage.corridor.relays
    relay.cut("the proxy is shutting down")
    stage.loop.run()
    assert client.aborted


def test_outcome_not_recorded_in_midstream() -> None:
    """A stream whose outcome cannot be made durable is cut: what was held never leaves."""
    stage = Stage()
    stage.ledger.holds.add("outcome")
    client = streaming(stage, b"", DELTA, DONE)
    stage.upstream.feed(b"0\r\n\r\n")
    stage.ledger.let(fail=True)
    stage.loop.run()
    assert b"[DONE]" not in client.taken
    assert b'data: {"error":' in client.taken
    assert (client.lost, stage.corridor.stats.unrecorded) == (True, 1)


def test_outcome_not_recorded_before_the_head() -> None:
    """An answer that had not begun is replaced by a 503 that asks to try again."""
    stage = Stage()
    stage.ledger.holds.add("outcome")
    client = stage.client(post())
    stage.upstream.feed(HEAD + b"Content-Length: 5\r\n\r\nhello")
    stage.ledger.let(fail=True)
    assert (status_of(client.taken), b"\r\nretry-after: 1\r\n" in client.taken) == (503, True)
    assert b"hello" not in client.taken


# --- clients that leave


@pytest.mark.parametrize("events", range(4))
def test_client_leaves(events: int) -> None:
    """A client that leaves in mid-stream ends the call at once; the outcome counts what it was given."""
    stage = Stage()
    client = streaming(stage, b"", *[DELTA] * (events + 1))
    stage.ledger.holds.add("outcome")
    client.end()
    assert stage.upstream.aborted
    stage.ledger.let()
    size = len(DELTA) * (events + 1)
    outcome = stage.outcome
    assert (outcome.outcome, outcome.answer_bytes, outcome.delivered_bytes) == ("client_gone", size, size)
    stage.check_figures()


def test_client_leaves_while_the_outcome_is_written() -> None:
    """Whoever leaves once the answer was complete changes nothing of its outcome."""
    stage = Stage()
    stage.ledger.holds.add("outcome")
    client = stage.client(post())
    stage.upstream.feed(HEAD + b"Content-Length: 5\r\n\r\nhello")
    client.lose(ConnectionResetError())
    stage.ledger.let()
    assert (stage.outcome.outcome, stage.outcome.answer_bytes) == ("completed", 5)
    stage.check_figures()


def test_client_leaves_what_is_drained() -> None:
    """With `drain` the answer is read to its end for the record; delivered is what the client was given."""
    stage = Stage(on_client_abort="drain")
    client = streaming(stage)
    client.end()
    assert not stage.upstream.closing
    stage.upstream.feed(chunks(DELTA, DONE))
    outcome = stage.outcome
    assert (outcome.outcome, outcome.delivered_bytes) == ("client_gone", len(DELTA))
    assert stage.ledger.streams[0].answered == DELTA + DELTA + DONE
    assert not stage.upstream.closing


def test_drained_answer_needs_no_memory() -> None:
    """What nobody takes is not kept for anybody."""
    stage = Stage(on_client_abort="drain")
    client = stage.client(post())
    client.end()
    stage.upstream.feed(HEAD + CHUNKED + b"\r\n" + b"5\r\nhello\r\n" * 100)
    (relay,) = stage.corridor.relays
    assert (relay._held, relay._out, relay.delivered) == (b"", [], 0)


# --- slow ones


def test_slow_client_stops_the_upstream() -> None:
    """While the client does not take its answer the upstream is not read; once it does, reading goes on."""
    stage = Stage()
    client = streaming(stage)
    client.stuck = True
    big = b"data: " + b"x" * 30_000 + b"\n\n"
    fed = 0
    while stage.upstream.reading and fed < 100:
        stage.upstream.feed(b"%x\r\n%b\r\n" % (len(big), big))
        stage.ledger.streams[0].synced()
        fed += 1
    assert fed == 3
    client.unstick()
    assert stage.upstream.reading
    stage.upstream.feed(chunks(DONE))
    assert stage.outcome.outcome == "completed"


def test_client_that_takes_nothing() -> None:
    """A client that takes nothing for a minute is gone, and with it the call."""
    stage = Stage(write_stall_seconds=60.0)
    client = streaming(stage)
    client.stuck = True
    stage.upstream.feed(b"%x\r\n%b\r\n" % (70_000, b"x" * 70_000))
    stage.loop.pass_time(62)
    assert (client.lost, stage.upstream.lost, stage.outcome.outcome) == (True, True, "client_gone")


def test_slow_disk_stops_the_upstream() -> None:
    """A stream with too much that is not durable is not read until a tick has synced it."""
    stage = Stage(ledger={"unsynced_bytes": 1000})
    streaming(stage)
    stage.upstream.feed(b"%x\r\n%b\r\n" % (2000, b"x" * 2000))
    assert not stage.upstream.reading
    stage.ledger.streams[0].synced()
    assert stage.upstream.reading


def test_paused_connection_serves_again() -> None:
    """A connection that was paused by its last piece is read in the next exchange."""
    stage = Stage(ledger={"unsynced_bytes": 3})
    client = stage.client(post())
    stage.upstream.feed(HEAD + b"Content-Length: 5\r\n\r\n")
    stage.upstream.feed(b"hello")
    client.feed(post())
    stage.upstream.feed(HEAD + b"Content-Length: 5\r\n\r\nagain")
    assert client.taken.endswith(b"again")
    assert len(stage.callee.transports) == 1


def test_gone_while_paused() -> None:
    """A client that leaves while its stream is paused does not leave the upstream hanging."""
    stage = Stage(ledger={"unsynced_bytes": 3}, on_client_abort="drain")
    client = streaming(stage)
    assert not stage.upstream.reading
    client.end()
    stage.ledger.streams[0].synced()
    assert stage.upstream.reading


def test_message_stop_is_replaced() -> None:
    """A cut between the last event's arrival and its release leaves no trace of it."""
    stage = Stage()
    client = streaming(stage, post(MESSAGES), TEXT, STOP)
    (relay,) = stage.corridor.relays
    relay.cut("the proxy is shutting down")
    stage.loop.run()
    assert b"message_stop" not in client.taken
    assert b"event: error" in client.taken
