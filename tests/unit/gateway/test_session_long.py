"""Long messages in a session: read elsewhere, while what is said behind them waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from proxy.core.exchange import Exchange
from proxy.core.oneshot import Oneshot
from proxy.dialects import jsonio
from proxy.dialects.jsonio import StrictJSONError
from proxy.dialects.session import Heard, Settled
from proxy.gateway import reading
from proxy.gateway.long_lines import BODY, LongLines
from proxy.gateway.session import Session
from proxy.wire.websocket import CLOSE, INTERNAL_ERROR, PING, close_frame, frame
from tests.unit.gateway.stage import aside
from tests.unit.gateway.talking import CREATE, KEY, Talk, asks, created, done, says

LONG = asks(
    {"type": "conversation.item.create", "item": {"role": "user", "content": [{"type": "input_text", "text": "x" * 200_000}]}}
)
TWICE = frame(1, b'{"a":1,"a":2,"b":"' + b"x" * 200_000 + b'"}', KEY)


class Slow:
    """Reads a message when it is told to."""

    def __init__(self, talk: Talk) -> None:
        self.asked: list[tuple[Exchange, Settled, bytes, Oneshot[Heard]]] = []
        (session,) = talk.stage.corridor.relays
        assert isinstance(session, Session)
        session.turns.elsewhere = self

    def hear(self, exchange: Exchange, settled: Settled, parts: Sequence[bytes]) -> Oneshot[Heard]:
        """See `LongReader`."""
        self.asked.append((exchange, settled, b"".join(parts), Oneshot()))
        return self.asked[-1][3]

    def read(self) -> None:
        """The oldest."""
        exchange, settled, content, oneshot = self.asked.pop(0)
        try:
            oneshot.set(reading.hear(exchange.route.endpoint, exchange.route.parameters, settled, content))
        except StrictJSONError as error:
            oneshot.fail(error)


def test_what_follows_a_long_message_waits_until_it_is_read() -> None:
    """In order, its turn included; the upstream goes on meanwhile."""
    talk = Talk()
    slow = Slow(talk)
    talk.client.feed(LONG + asks(CREATE))
    talk.client.feed(frame(PING, b"?", KEY))
    talk.upstream.feed(created("heard"))
    assert not talk.upstream.taken
    assert talk.client.reading is False
    assert [turn.facts.prompt_chars for turn in talk.turns] == [0]
    slow.read()
    assert talk.upstream.taken == LONG + asks(CREATE) + frame(PING, b"?", KEY)
    assert talk.client.reading is True
    assert [turn.facts.prompt_chars for turn in talk.turns] == [0, 200_000]
    talk.client.feed(LONG + LONG)
    slow.read()
    slow.read()
    assert talk.upstream.taken.endswith(LONG + LONG)


def test_a_long_message_with_two_readings_ends_the_session_before_it_has_left() -> None:
    """As a short one does."""
    talk = Talk()
    slow = Slow(talk)
    talk.client.feed(asks(CREATE) + TWICE + asks(CREATE))
    slow.read()
    assert talk.upstream.taken == asks(CREATE)
    assert (talk.stage.outcome.outcome, talk.stage.outcome.error) == ("cut", "json_duplicate_key")
    assert talk.told()[-1][0] == CLOSE


def test_a_session_that_ends_meanwhile_takes_nothing_in() -> None:
    """What was not read has not left, and its turn never began; the client's close behind it is seen."""
    talk = Talk()
    slow = Slow(talk)
    talk.client.feed(LONG + asks(CREATE))
    talk.client.feed(close_frame(1000, "", KEY))
    talk.upstream.feed(created("heard") + done("heard") + close_frame(1001))
    slow.read()
    assert not talk.turns[1:] or talk.turns[-1].number == 1
    assert (talk.stage.outcome.outcome, talk.client.closing) == ("completed", True)
    talk.stage.check_figures()


def test_a_client_that_leaves_behind_a_long_message_has_the_time_to_say_it() -> None:
    """Read at last, it still goes upstream."""
    talk = Talk()
    slow = Slow(talk)
    talk.client.feed(LONG)
    talk.client.feed(close_frame(1000, "", KEY))
    talk.client.end()
    slow.read()
    assert talk.upstream.taken == LONG + close_frame(1000, "", KEY)
    talk.upstream.feed(close_frame(1000))
    assert talk.stage.outcome.outcome == "completed"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[LongLines]:
    """A reader with its process."""
    reader = LongLines(aside, ready_seconds=0)
    yield reader
    reader.close()


@pytest.mark.parametrize("planted", [False, True])
def test_no_long_message_is_parsed_by_the_gateway_itself(
    monkeypatch: pytest.MonkeyPatch, elsewhere: LongLines, planted: bool
) -> None:
    """To the same facts; read as short ones are, it would be."""
    talk = Talk()
    (session,) = talk.stage.corridor.relays
    assert isinstance(session, Session)
    session.turns.elsewhere = None if planted else elsewhere
    sizes, inspect = [0], jsonio.inspect_json

    def spied(raw: bytes) -> jsonio.Inspected:
        sizes.append(len(raw))
        return inspect(raw)

    monkeypatch.setattr("proxy.dialects.session.inspect_json", spied)
    items = [{"role": "user", "content": "hi"}] * 50_000
    sent = asks({"type": "response.create", "response": {"input": items, "temperature": 0.5}})
    for at in range(0, len(sent), 60_000):
        talk.client.feed(sent[at : at + 60_000])
    assert (max(sizes) > BODY) is planted
    facts = talk.turns[-1].facts
    assert (facts.messages, facts.prompt_chars, facts.temperature, facts.inspection) == (50_000, 100_000, 0.5, "full")
    assert talk.upstream.taken == sent


def test_a_message_that_no_process_can_read_ends_the_session() -> None:
    """It could ask for an answer that nobody has judged, so it does not leave; the record says why."""
    talk = Talk()
    (session,) = talk.stage.corridor.relays
    assert isinstance(session, Session)
    session.turns.elsewhere = LongLines(aside, command=("false",))
    talk.client.feed(asks({"type": "response.create", "response": {"instructions": "x" * BODY}}) + asks(CREATE))
    assert (talk.stage.outcome.outcome, talk.stage.outcome.error) == ("cut", "reading_failed")
    assert not talk.upstream.taken
    assert not talk.turns
    opcode, payload = talk.told()[-1]
    assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, INTERNAL_ERROR)


def test_what_stands_before_a_long_message_leaves_at_once() -> None:
    """In one read too: a turn names no bytes that nobody has recorded."""
    talk = Talk()
    Slow(talk)
    talk.client.feed(asks(CREATE) + LONG)
    assert talk.upstream.taken == asks(CREATE)


def test_an_upstream_that_closes_meanwhile_hears_nothing_within_a_message() -> None:
    """A part of it has left; a close frame of ours would be read as more of it."""
    talk = Talk()
    slow = Slow(talk)
    talk.client.feed(LONG[:150_000])
    sent = bytes(talk.upstream.taken)
    talk.client.feed(LONG[150_000:])
    talk.upstream.feed(close_frame(1009))
    assert talk.upstream.taken == sent
    slow.read()
    assert talk.upstream.taken == sent


def test_an_upstream_that_breaks_off_meanwhile_has_not_completed() -> None:
    """Though the client has said that it closes: that never left."""
    talk = Talk()
    slow = Slow(talk)
    talk.client.feed(LONG + close_frame(1000, "", KEY))
    talk.upstream.end()
    assert talk.stage.outcome.outcome == "upstream_error"
    slow.read()


def test_what_the_upstream_says_meanwhile_holds() -> None:
    """The message changes what it names, and nothing else of what the session has come to."""
    talk = Talk()
    slow = Slow(talk)
    talk.client.feed(asks({"type": "session.update", "session": {"temperature": 0.7, "instructions": "x" * 200_000}}))
    exchange, settled, content, oneshot = slow.asked.pop()
    heard = reading.hear(exchange.route.endpoint, exchange.route.parameters, settled, content)
    talk.upstream.feed(says({"type": "session.created", "session": {"model": "gpt-realtime-2", "tools": [{"name": "a"}]}}))
    oneshot.set(heard)
    talk.client.feed(asks(CREATE))
    talk.upstream.feed(created("r1"))
    facts = talk.turns[-1].facts
    assert (facts.model, facts.tools, facts.temperature) == ("gpt-realtime-2", 1, 0.7)
