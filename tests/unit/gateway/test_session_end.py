"""How a session ends for its client, and what of it is an error."""

from __future__ import annotations

import pytest

from proxy.wire.websocket import CLOSE, TEXT, FrameReader, close_frame
from tests.unit.gateway.talking import CREATE, KEY, Talk, asks, created, done


def test_the_close_frame_of_an_upstream_is_held_until_the_outcome_is_durable() -> None:
    """The upstream is answered at once, with its own code; the client closes last."""
    talk = Talk()
    talk.stage.ledger.holds.add("outcome")
    talk.upstream.feed(created() + done() + close_frame(1001, "expired") + b"what comes behind means nothing")
    assert [opcode for opcode, _ in talk.told()] == [TEXT, TEXT]
    read = FrameReader(masked=True, message_cap=100, refuse_longer=True)
    read.feed(bytes(talk.upstream.taken))
    assert read.close_code == 1001
    assert talk.upstream.closing
    talk.stage.ledger.let()
    assert talk.told()[-1] == (CLOSE, b"\x03\xe9expired")
    assert not talk.client.closing
    talk.client.feed(close_frame(1001, "", KEY))
    assert talk.client.closing
    outcome = talk.stage.outcome
    assert (outcome.outcome, outcome.facts.finish, outcome.status) == ("completed", "1001", 101)
    assert outcome.delivered_bytes == len(created() + done() + close_frame(1001, "expired"))
    talk.stage.check_figures()


def test_a_client_that_closes_while_the_end_is_held_still_gets_the_upstreams_close() -> None:
    """Both close at the same time: the connection stays until the outcome is durable."""
    talk = Talk()
    talk.stage.ledger.holds.add("outcome")
    talk.upstream.feed(close_frame(4321))
    talk.client.feed(close_frame(1000, "", KEY))
    assert not talk.client.closing
    talk.stage.ledger.let()
    assert talk.told() == [(CLOSE, (4321).to_bytes(2, "big"))]
    assert talk.client.closing


def test_a_client_that_closes_is_answered_by_its_upstream() -> None:
    """Its close frame passes, the answer to it comes back, and both connections end."""
    talk = Talk()
    talk.client.feed(close_frame(1000, "bye", KEY))
    assert talk.upstream.taken == close_frame(1000, "bye", KEY)
    talk.upstream.feed(close_frame(1000, "bye"))
    assert talk.told() == [(CLOSE, b"\x03\xe8bye")]
    assert talk.client.closing
    assert talk.stage.outcome.outcome == "completed"


@pytest.mark.parametrize(
    ("own", "told", "error"),
    [(4999, 4999, None), (4999, 1000, None), (1000, 4999, "close code 4999"), (None, 1011, "close code 1011")],
)
def test_a_clients_own_close_is_no_error(own: int | None, told: int, error: str | None) -> None:
    """Its code is how the session ended; what the upstream says by itself is an error, also where both close at once."""
    talk = Talk()
    talk.client.feed(asks(CREATE) + (close_frame(own, "", KEY) if own else b""))
    talk.upstream.feed(close_frame(told))
    assert (talk.stage.outcome.facts.error, talk.stage.outcome.facts.finish) == (error, str(told))
    assert (talk.turns[-1].outcome, talk.turns[-1].error) == ("client_gone" if own else "upstream_error", error or "")


def test_a_client_that_closes_and_leaves_still_closes_upstream() -> None:
    """Its close frame is sent on; the upstream has a second to answer it."""
    talk = Talk()
    talk.stage.ledger.holds.add("said")
    talk.client.feed(close_frame(1000, "", KEY))
    talk.client.end()
    talk.stage.ledger.let()
    assert talk.upstream.taken == close_frame(1000, "", KEY)
    talk.upstream.feed(close_frame(1000))
    assert talk.stage.outcome.outcome == "completed"
