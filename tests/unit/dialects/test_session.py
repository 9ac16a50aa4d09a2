"""Sessions read message by message: which turns there are, and what is known of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.core.facts import Usage
from proxy.dialects import by_name, find
from proxy.dialects.contract import PathParameters
from proxy.dialects.jsonio import StrictJSONError
from proxy.dialects.parameters import MAX_REFERENCES
from proxy.dialects.session import MOST_OPEN, SessionReader, SessionTurn


def reader(dialect: str, path: str, query: dict[str, str] | None = None, *, collect: bool = False) -> SessionReader:
    """The reader of a path's sessions."""
    endpoint = find(by_name(dialect), "GET", path)[1]
    assert endpoint.session is not None
    return endpoint.session(PathParameters(model="m-1"), query or {}, collect)


class Script:
    """Says messages of both sides, ten bytes apart."""

    def __init__(self, session: SessionReader) -> None:
        self.session = session
        self.asked = self.answered = 0
        self.turns: list[SessionTurn] = []

    def asks(self, *events: Any) -> Script:
        """The client's."""
        for event in events:
            self.session.asked(json.dumps(event).encode(), self.asked, self.asked + 10)
            self.asked += 10
            self.turns += self.session.take()
        return self

    def says(self, *events: Any) -> Script:
        """The upstream's."""
        for event in events:
            self.session.answered(json.dumps(event).encode(), self.answered, self.answered + 10)
            self.answered += 10
            self.turns += self.session.take()
        return self

    @property
    def ended(self) -> list[SessionTurn]:
        """Turns that have ended."""
        return [turn for turn in self.turns if turn.outcome]


def realtime(query: dict[str, str] | None = None, path: str = "/v1/realtime", *, collect: bool = False) -> Script:
    """A session of OpenAI's."""
    return Script(reader("openai", path, query, collect=collect))


def created(name: str) -> dict[str, Any]:
    """A response begins."""
    return {"type": "response.created", "response": {"id": name}}


def done(name: str, status: str = "completed", **more: Any) -> dict[str, Any]:
    """A response has ended."""
    return {"type": "response.done", "response": {"id": name, "status": status, **more}}


def test_speech_that_the_server_hears_is_a_turn() -> None:
    """Without a `response.create`: it begins with the response, and has the audio since the turn before."""
    talk = realtime().asks(
        {"type": "input_audio_buffer.append", "audio": "AAAA" * 100}, {"type": "input_audio_buffer.append", "audio": "AAA="}
    )
    talk.says(
        {"type": "input_audio_buffer.speech_stopped"},
        created("r1"),
        {"type": "response.output_audio.delta", "response_id": "r1", "delta": "AAAA" * 50},
        {"type": "response.output_audio_transcript.delta", "response_id": "r1", "delta": "hello"},
        done("r1"),
    )
    (turn,) = talk.ended
    assert (turn.request.audio_bytes, turn.answer.audio_bytes, turn.answer.text_chars) == (302, 150, 5)
    assert (turn.asked, turn.answered, turn.outcome) == ((0, 20), (10, 50), "completed")


def test_names_of_the_beta_and_of_now_are_both_read() -> None:
    """`response.text.delta`, `response.audio_transcript.delta`; the text too where it is wanted."""
    talk = realtime(collect=True).asks({"type": "response.create"})
    talk.says(created("r1"), {"type": "response.text.delta", "response_id": "r1", "delta": "a"})
    talk.says({"type": "response.output_text.delta", "response_id": "r1", "delta": "b"}, done("r1"))
    assert talk.ended[0].answer.text == "ab"


def test_a_call_of_a_tool_is_counted_with_its_result_in_the_next_turn() -> None:
    """A function call of the answer, and its output among what was said next."""
    talk = realtime(collect=True).asks({"type": "response.create"})
    talk.says(
        created("r1"),
        {"type": "response.output_item.added", "response_id": "r1", "item": {"id": "i", "type": "function_call", "name": "f"}},
    )
    talk.says({"type": "response.function_call_arguments.delta", "response_id": "r1", "item_id": "i", "delta": "{}"}, done("r1"))
    talk.asks({"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "sunny"}})
    talk.asks({"type": "response.create"}).says(created("r2"), done("r2"))
    first, second = talk.ended
    assert (first.answer.tool_calls, first.answer.tool_calls_text) == (1, "f{}")
    assert (second.request.messages, second.request.prompt_chars, second.number) == (1, 5, 2)


def test_what_a_response_is_given_counts_before_what_the_session_has() -> None:
    """Instructions, tools, temperature and limits of one response."""
    talk = realtime().asks(
        {"type": "session.update", "session": {"instructions": "long instructions", "tools": [{}], "temperature": 0.7}},
        {"type": "response.create", "response": {"instructions": "short", "max_output_tokens": 9, "tools": [{}, {}]}},
        {"type": "response.create"},
    )
    one, two = (turn.request for turn in talk.turns)
    assert (one.system_chars, one.tools, one.max_tokens, one.temperature) == (5, 2, 9, 0.7)
    assert (two.system_chars, two.tools, two.max_tokens) == (17, 1, None)


def test_the_model_that_the_server_names_is_returned() -> None:
    """By `session.created`; the one that was asked for stays the requested one of the turn's carrier."""
    talk = realtime().says({"type": "session.created", "session": {"id": "s", "model": "gpt-realtime-2026"}})
    talk.asks({"type": "response.create"}).says(created("r1"), done("r1"))
    assert talk.ended[0].answer.model == "gpt-realtime-2026"


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [("cancelled", "completed", ""), ("incomplete", "completed", ""), ("failed", "upstream_error", "server_error")],
)
def test_a_responses_status_is_its_outcome(status: str, outcome: str, error: str) -> None:
    """What was interrupted or cut short came to its end all the same."""
    details = {"type": status, "reason": "why", "error": {"type": "server_error"} if error else None}
    talk = realtime().asks({"type": "response.create"}).says(created("r1"), done("r1", status, status_details=details))
    assert (talk.ended[0].outcome, talk.ended[0].error, talk.ended[0].answer.finish) == (outcome, error, "why")


def test_an_error_ends_the_request_that_it_names() -> None:
    """And no other; one that names none ends the oldest that has not begun."""
    talk = realtime().asks({"type": "response.create", "event_id": "a"}, {"type": "response.create", "event_id": "b"})
    talk.says({"type": "error", "error": {"type": "invalid_request_error", "event_id": "b"}}, created("r1"), done("r1"))
    assert [(turn.number, turn.outcome) for turn in talk.ended] == [(2, "upstream_error"), (1, "completed")]


def test_responses_beside_each_other_are_told_apart() -> None:
    """Out-of-band ones run at the same time."""
    talk = realtime().asks({"type": "response.create"}, {"type": "response.create"})
    talk.says(created("r1"), created("r2"))
    talk.says({"type": "response.output_text.delta", "response_id": "r2", "delta": "two"}, done("r1"), done("r2"))
    assert [(turn.number, turn.answer.text_chars) for turn in talk.ended] == [(1, 0), (2, 3)]


def test_a_transcription_is_a_turn_where_the_session_is_for_them() -> None:
    """And is none in a conversation, whose answer is the turn."""
    events = (
        {"type": "input_audio_buffer.committed", "item_id": "i1"},
        {"type": "conversation.item.input_audio_transcription.delta", "item_id": "i1", "delta": "what"},
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "i1",
            "transcript": "what",
            "usage": {"input_tokens": 3, "output_tokens": 1},
        },
    )
    assert realtime().says(*events).turns == []
    for talk in (
        realtime({"intent": "transcription"}),
        realtime().asks({"type": "session.update", "session": {"type": "transcription"}}),
    ):
        (turn,) = talk.says(*events).ended
        assert (turn.answer.text_chars, turn.answer.usage, turn.outcome) == (4, Usage(input=3, output=1), "completed")


def test_a_translation_is_one_turn() -> None:
    """From the first speech to the end of the session."""
    talk = realtime(path="/v1/realtime/translations").asks(*({"type": "session.input_audio_buffer.append", "audio": "AAAA"},) * 3)
    talk.says({"type": "session.output_transcript.delta", "delta": "bon"}, {"type": "session.output_audio.delta", "delta": "AAAA"})
    talk.says({"type": "session.closed"})
    (turn,) = talk.ended
    assert (turn.answer.text_chars, turn.answer.audio_bytes, turn.outcome) == (3, 3, "completed")


def test_responses_over_a_socket_are_requests_and_streams_of_that_api() -> None:
    """Facts as those of `/v1/responses`."""
    talk = realtime(path="/v1/responses").asks({"type": "response.create", "model": "gpt-5.2", "input": "hello", "user": "u-1"})
    talk.says(
        {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5.2-0101"}},
        {"type": "response.output_text.delta", "delta": "hi"},
    )
    talk.says(
        {
            "type": "response.completed",
            "response": {"id": "resp_1", "status": "completed", "usage": {"input_tokens": 2, "output_tokens": 1}},
        }
    )
    (turn,) = talk.ended
    assert (turn.request.model, turn.request.prompt_chars, turn.request.end_user) == ("gpt-5.2", 5, "u-1")
    assert (turn.answer.model, turn.answer.text_chars, turn.answer.usage) == ("gpt-5.2-0101", 2, Usage(input=2, output=1))
    talk.asks({"type": "response.create", "input": "x"}).says({"type": "error", "error": {"type": "invalid_request_error"}})
    assert (talk.ended[1].outcome, talk.ended[1].error) == ("upstream_error", "invalid_request_error")


LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


def live(*, collect: bool = False) -> Script:
    """A session of Gemini's."""
    return Script(reader("gemini", LIVE, collect=collect))


@pytest.mark.parametrize("snake", [False, True])
def test_a_live_turn_has_setup_content_and_usage(snake: bool) -> None:
    """In either spelling."""
    setup = {
        "model": "models/gemini-live",
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{}, {}]}],
    }
    if snake:
        setup = {
            "model": "models/gemini-live",
            "system_instruction": setup["systemInstruction"],
            "tools": [{"function_declarations": [{}, {}]}],
        }
    names = ("client_content", "turn_complete") if snake else ("clientContent", "turnComplete")
    talk = live(collect=True).asks({"setup": setup}).says({"setupComplete": {}})
    talk.asks({names[0]: {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], names[1]: True}})
    talk.says(
        {"serverContent": {"modelTurn": {"parts": [{"text": "hi"}, {"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}]}}}
    )
    talk.says(
        {"serverContent": {"generationComplete": True}},
        {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 4, "responseTokenCount": 2}},
    )
    (turn,) = talk.ended
    assert (turn.request.model, turn.request.prompt_chars, turn.request.system_chars, turn.request.tools) == (
        "gemini-live",
        5,
        9,
        2,
    )
    assert (turn.answer.text, turn.answer.audio_bytes, turn.answer.usage) == ("hi", 3, Usage(input=4, output=2))
    assert (turn.answer.finish, turn.answer.model) == ("generationComplete", "gemini-live")


def test_a_live_turn_can_begin_with_what_the_model_heard() -> None:
    """And goes on over a tool's result."""
    talk = live().asks(
        {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "AAAA"}}}, {"realtimeInput": {"text": "now"}}
    )
    talk.says({"toolCall": {"functionCalls": [{"id": "c", "name": "f", "args": {}}]}})
    talk.asks({"toolResponse": {"functionResponses": [{"id": "c", "response": {}}]}})
    talk.says(
        {"serverContent": {"outputTranscription": {"text": "done"}}},
        {"serverContent": {"interrupted": True}},
        {"serverContent": {"turnComplete": True}},
    )
    (turn,) = talk.ended
    assert (turn.request.audio_bytes, turn.request.prompt_chars, turn.answer.tool_calls, turn.answer.text_chars) == (3, 3, 1, 4)
    assert (turn.answer.finish, turn.outcome) == ("interrupted", "completed")


def test_the_end_of_a_session_ends_its_turns() -> None:
    """As the session's end says; a Gemini answer that was generated to its end had come to it."""
    talk = realtime().asks({"type": "response.create"}).says(created("r1"))
    talk.session.close("client_gone", "")
    assert [turn.outcome for turn in talk.session.take()] == ["client_gone"]
    played = live().asks({"clientContent": {"turnComplete": True}}).says({"serverContent": {"generationComplete": True}})
    played.session.close("upstream_error", "")
    assert [turn.outcome for turn in played.session.take()] == ["completed"]


def test_a_session_sums_its_turns() -> None:
    """Usage, texts and calls; the number of turns as its choices."""
    talk = realtime()
    for name in ("r1", "r2"):
        usage = {"input_tokens": 2, "output_tokens": 3, "input_token_details": {"cached_tokens": 1}}
        talk.asks({"type": "response.create"}).says(created(name), done(name, usage=usage))
    facts = talk.session.facts()
    assert (facts.usage, facts.choices, facts.events) == (Usage(4, 6, 2), 2, 4)


def test_what_a_live_session_refers_to_is_bounded() -> None:
    """However many messages it comes in."""
    talk = live()
    for number in range(50):
        parts = [{"fileData": {"fileUri": f"files/{number}-{one}"}} for one in range(10)]
        talk.asks({"clientContent": {"turns": [{"role": "user", "parts": parts}]}})
    talk.asks({"clientContent": {"turnComplete": True}})
    assert len(talk.turns[0].request.references) == MAX_REFERENCES
    assert "many_references" in talk.turns[0].request.flags


def test_the_turns_of_a_session_are_bounded() -> None:
    """A flood of requests opens no more than so many; what is beyond is said not to be read."""
    talk = realtime().asks(*({"type": "response.create"},) * (MOST_OPEN + 5))
    assert len(talk.turns) == MOST_OPEN
    assert talk.session.facts().unread


def test_json_with_two_readings_is_refused_and_raw_audio_is_not() -> None:
    """As in requests; what is no object is passed on and flagged."""
    session = realtime().session
    with pytest.raises(StrictJSONError):
        session.asked(b'{"type":"x","type":"response.create"}', 0, 10)
    session.asked(b"\xff\xfe\x00", 10, 20)
    session.asked(b'{"type":"response.create"}', 20, 30)
    assert session.take()[0].request.flags == ["not_json", "odd_types"]


def test_error_messages_are_the_providers_own() -> None:
    """OpenAI has an event, Gemini none."""
    event = json.loads(realtime().session.error_message(503, "session_cut", "why", "rec_1"))
    assert (event["type"], event["error"]["code"], event["error"]["message"]) == ("error", "session_cut", "why (record rec_1)")
    assert live().session.error_message(503, "session_cut", "why", "rec_1") == b""
