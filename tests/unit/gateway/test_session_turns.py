"""The turns of a session, from its messages to entries."""

from __future__ import annotations

import json

from proxy.wire.websocket import BINARY, CLOSE, frame
from tests.unit.gateway.talking import CREATE, Talk, asks, created, done, says


def test_a_turn_is_recorded_when_it_begins_and_when_it_has_ended() -> None:
    """With its facts, its usage, and its place in the bytes of both directions; the request's entry before its bytes leave."""
    talk = Talk()
    update = asks({"type": "session.update", "session": {"instructions": "Be brief.", "tools": [{}, {}]}})
    item = asks(
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "héllo"}]},
        }
    )
    create = asks(CREATE)
    talk.client.feed(update + item + create)
    events = talk.stage.events
    assert events.index("turn") < events.index("said")
    first = says({"type": "session.updated"})
    deltas = says({"type": "response.output_text.delta", "response_id": "resp_1", "delta": "hi "}) * 2
    talk.upstream.feed(first + created() + deltas + done())
    begun, ended = talk.turns
    assert (begun.id, begun.outcome, begun.number) == (ended.id, "", 1)
    assert ended.carrier == talk.stage.intent.id
    assert (ended.outcome, ended.model_requested, ended.principal) == ("completed", "gpt-realtime", talk.stage.intent.principal)
    assert (ended.facts.prompt_chars, ended.facts.system_chars, ended.facts.messages, ended.facts.tools) == (5, 9, 1, 2)
    assert ended.answer.usage is not None
    assert (ended.answer.usage.input, ended.answer.usage.output, ended.answer.usage.cached, ended.answer.text_chars) == (7, 5, 2, 6)
    assert (ended.asked_from, ended.asked_to) == (0, len(update + item + create))
    assert (ended.answered_from, ended.answered_to) == (len(first), len(first + created() + deltas + done()))


def test_gemini_closes_without_an_error_message() -> None:
    """The Live API has none; its paths and its turns are its own."""
    path = b"/gemini/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=AIza-1"
    talk = Talk(path, b"User-Agent: google-genai")
    assert talk.stage.intent.target.endswith("?key=REDACTED")
    talk.client.feed(
        asks({"setup": {"model": "models/gemini-live"}})
        + asks({"client_content": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turn_complete": True}})
    )
    answer = {"serverContent": {"modelTurn": {"parts": [{"text": "hello"}]}}}
    talk.upstream.feed(frame(BINARY, json.dumps(answer).encode()))
    talk.upstream.feed(
        frame(BINARY, b'{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":3,"responseTokenCount":4}}')
    )
    ended = talk.turns[-1]
    assert (ended.model_requested, ended.outcome, ended.answer.text_chars) == ("gemini-live", "completed", 5)
    talk.stage.corridor.drain()
    assert [opcode for opcode, _ in talk.told()] == [BINARY, BINARY, CLOSE]
