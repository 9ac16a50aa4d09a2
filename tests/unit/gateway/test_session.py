"""A session in memory, once it is open: what leaves when, what is recorded, and how each side sees the end."""

from __future__ import annotations

import json

import pytest

from proxy.wire.websocket import BINARY, CLOSE, PING, TEXT, close_frame, frame
from tests.unit.gateway.talking import CREATE, KEY, Talk, asks, created, done, says


def test_a_clients_frames_leave_once_they_are_durable_and_as_they_came() -> None:
    """In order, masked as the client masked them; an upstream's leave at once."""
    talk = Talk()
    talk.stage.ledger.holds.add("said")
    sent = asks({"type": "session.update", "session": {}}) + frame(PING, b"?", KEY)
    talk.client.feed(sent)
    talk.upstream.feed(says({"type": "session.created"}))
    assert talk.upstream.taken == b""
    assert talk.told() == [(TEXT, b'{"type": "session.created"}')]
    talk.stage.ledger.let()
    assert talk.upstream.taken == sent
    said = talk.stage.events.index("said")
    assert talk.stage.events[said + 1] == "sent"


def test_a_client_that_leaves_ends_session_and_turn() -> None:
    """The upstream's connection is closed with it."""
    talk = Talk()
    talk.client.feed(asks(CREATE))
    talk.client.end()
    assert talk.upstream.aborted
    assert (talk.stage.outcome.outcome, talk.turns[-1].outcome) == ("client_gone", "client_gone")
    talk.stage.check_figures()


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_an_upstream_that_breaks_off_is_broken_off(error: Exception | None) -> None:
    """Without a close frame, as the client would have seen it."""
    talk = Talk()
    talk.client.feed(asks(CREATE))
    talk.upstream.feed(created())
    talk.upstream.lose(error)
    assert talk.client.closing
    assert CLOSE not in [opcode for opcode, _ in talk.told()]
    assert (talk.stage.outcome.outcome, talk.turns[-1].outcome) == ("upstream_error", "upstream_error")


MALFORMED = {
    "unmasked": (frame(TEXT, b"{}"), 1002),
    "reserved bits": (b"\xf1" + frame(TEXT, b"{}", KEY)[1:], 1002),
    "a giant": (b"\x82\xff" + (1 << 40).to_bytes(8, "big") + KEY, 1009),
    "no UTF-8": (frame(TEXT, b'{"a": "\xff"}', KEY), 1007),
    "two readings": (frame(TEXT, b'{"type": "a", "type": "response.create"}', KEY), 1007),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("cut", [1, 1000])
def test_malformed_frames_end_the_session(name: str, cut: int) -> None:
    """The whole ones before them pass, nothing after; the client is told why, in the provider's way and by the code."""
    bad, code = MALFORMED[name]
    talk = Talk()
    good = asks({"type": "input_audio_buffer.clear"})
    sent = good + bad
    for start in range(0, len(sent), cut):
        talk.client.feed(sent[start : start + cut])
    assert bytes(talk.upstream.taken)[: len(good)] == good
    assert len(talk.upstream.taken) < len(sent)
    assert talk.upstream.aborted
    (first, error), (last, close) = talk.told()
    assert (first, json.loads(error)["type"]) == (TEXT, "error")
    assert (last, int.from_bytes(close[:2], "big")) == (CLOSE, code)
    assert talk.stage.outcome.outcome == "cut"
    talk.stage.check_figures()


def test_malformed_frames_of_an_upstream_break_the_session_off() -> None:
    """What was whole before them has passed."""
    talk = Talk()
    good = says({"type": "session.created"})
    talk.upstream.feed(good + frame(TEXT, b"masked", KEY))
    assert talk.client.taken == good
    assert talk.client.closing
    assert talk.stage.outcome.outcome == "upstream_error"


@pytest.mark.parametrize("held", [False, True])
def test_a_ledger_that_fails_ends_the_session(held: bool) -> None:
    """What could not be recorded does not go upstream; the client is told by an error event and 1011."""
    talk = Talk()
    if held:
        talk.stage.ledger.holds.add("said")
    else:
        talk.stage.ledger.fails.add("said")
    talk.client.feed(asks(CREATE))
    talk.stage.ledger.let(fail=True)
    assert talk.upstream.taken == b""
    (_, error), (_, close) = talk.told()
    assert json.loads(error)["error"]["code"] == "session_cut"
    assert close[:2] == (1011).to_bytes(2, "big")
    assert talk.stage.outcome.outcome == "cut"


def test_with_serve_a_session_goes_on_unrecorded_and_is_counted() -> None:
    """`ledger.on_failure: serve`."""
    talk = Talk(ledger={"on_failure": "serve"})
    talk.stage.ledger.fails.add("said")
    talk.client.feed(asks(CREATE))
    assert talk.upstream.taken == asks(CREATE)
    talk.upstream.feed(close_frame(1000))
    assert talk.stage.corridor.stats.unrecorded == 1


def test_an_outcome_that_fails_ends_the_session_with_an_error() -> None:
    """In place of the close frame that was held."""
    talk = Talk()
    talk.stage.ledger.fails.add("outcome")
    talk.upstream.feed(close_frame(1000))
    (first, _), (last, close) = talk.told()
    assert (first, last, close[:2]) == (TEXT, CLOSE, (1011).to_bytes(2, "big"))


def test_a_drain_ends_a_session_between_two_turns() -> None:
    """At once when there is no turn, otherwise after it; by 1001."""
    talk = Talk()
    talk.client.feed(asks(CREATE))
    talk.upstream.feed(created())
    talk.stage.corridor.drain()
    assert not talk.upstream.closing
    talk.upstream.feed(done())
    assert talk.upstream.aborted
    assert talk.told()[-1][1][:2] == (1001).to_bytes(2, "big")
    assert talk.turns[-1].outcome == "completed"
    idle = Talk()
    idle.stage.corridor.drain()
    assert idle.told()[-1][1][:2] == (1001).to_bytes(2, "big")


def test_a_cut_within_a_frame_is_a_reset() -> None:
    """Nothing of ours can be said there that the client would not take for the frame's."""
    talk = Talk()
    talk.upstream.feed(frame(TEXT, b"x" * 100)[:50])
    talk.stage.corridor.drain()
    assert talk.client.aborted
    between = Talk()
    between.upstream.feed(bytes((BINARY, 1)) + b"x")
    between.stage.corridor.drain()
    assert [opcode for opcode, _ in between.told()] == [BINARY, CLOSE]


def test_an_upstream_is_read_no_faster_than_disk_and_client_take() -> None:
    """And goes on when they have caught up."""
    talk = Talk()
    talk.upstream.feed(frame(BINARY, b"x" * 70_000))
    assert not talk.upstream.reading
    talk.stage.ledger.streams[-1].synced()
    assert talk.upstream.reading
    talk.client.stuck = True
    talk.upstream.feed(frame(BINARY, b"x" * 70_000))
    talk.stage.ledger.streams[-1].synced()
    assert not talk.upstream.reading
    talk.client.unstick()
    assert talk.upstream.reading


def test_a_client_is_read_no_faster_than_the_upstream_takes() -> None:
    """At most some hundred kilobytes wait in memory."""
    talk = Talk()
    talk.upstream.stuck = True
    for _ in range(20):
        if talk.client.reading:
            talk.client.feed(frame(BINARY, b"x" * 60_000, KEY))
    assert not talk.client.reading
    assert len(talk.upstream.buffered) < 300_000
    talk.upstream.unstick()
    assert talk.client.reading
