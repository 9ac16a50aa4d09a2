"""Sessions of OpenAI's: Realtime (voice and text), transcription, translation, and Responses over a WebSocket.

A turn is one response: from the client's `response.create`, or from the `response.created` of a server that detects speech by
itself, to its `response.done`. In a transcription session it is one committed piece of speech and its transcript, in a
translation session all there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.core.facts import Message, RequestFacts
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters
from proxy.dialects.gathering import count, error_word, word
from proxy.dialects.openai import content, requests
from proxy.dialects.openai.errors import error_object
from proxy.dialects.openai.responses import ResponseStream
from proxy.dialects.parameters import Reader, integer, number, odd, read_parameters, size, text
from proxy.dialects.session import MESSAGE_CAP, OpenTurn, SessionReader, TurnReader, decoded_bytes, joined
from proxy.dialects.turns import tally
from proxy.dialects.whole import CountedReader

_APPEND = "input_audio_buffer.append"
_TEXT_DELTAS = ("response.output_text.delta", "response.text.delta")
_TRANSCRIPT_DELTAS = ("response.output_audio_transcript.delta", "response.audio_transcript.delta")
_AUDIO_DELTAS = ("response.output_audio.delta", "response.audio.delta")
_CALL_DELTAS = ("response.function_call_arguments.delta", "response.mcp_call_arguments.delta")
_TRANSCRIBED = "conversation.item.input_audio_transcription."
_TRANSLATION = "translation"
_FAILED = ("failed",)

_CONFIGURING: dict[str, Reader] = {
    "model": text("model"),
    "tools": size("tools"),
    "temperature": number("temperature"),
}
_MOST_TOKENS = integer("max_tokens")


def _error_payload(status: int, code: str, message: str, record_id: str) -> bytes:
    error = error_object(status, code, message, record_id) | {"event_id": None}
    return msgspec.json.encode({"type": "error", "event_id": f"event_{record_id}", "error": error})


class RealtimeReader(TurnReader):
    """See `SessionReader`. `kind`: `realtime`, `transcription` or `translation`."""

    def __init__(self, path: PathParameters, kind: str, *, collect: bool = False) -> None:
        super().__init__(path.model, collect=collect, kind=kind)
        self._created = 0
        self._pending: list[tuple[Any, Any]] = []

    def error_message(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """The server's own `error` event."""
        return _error_payload(status, code, message, record_id)

    def ask(self, event: Any, start: int, end: int) -> None:  # noqa: ARG002 - the base's parameter
        """A client's event."""
        kind = event.get("type") if type(event) is dict else None
        if type(kind) is not str:
            odd(self.input)
            return
        if kind.endswith(_APPEND):
            self.input.audio_bytes += decoded_bytes(event.get("audio"))
            if self.settled.kind == _TRANSLATION:
                self.begins(_TRANSLATION, end)
        elif kind == "conversation.item.create":
            self._read_items([event.get("item")])
        elif kind in ("session.update", "transcription_session.update"):
            self._settle(event.get("session"))
        elif kind == "response.create":
            self._create(event, end)

    def _read_items(self, items: list[Any]) -> None:
        self.input.messages += len(items)
        tally(content.response_turns({"input": items}), self.input)
        for item in items:
            parts = item.get("content") if type(item) is dict else None
            for part in parts if type(parts) is list else ():
                if type(part) is dict:
                    self.input.audio_bytes += decoded_bytes(part.get("audio"))

    def _settle(self, given: Any) -> None:
        """What holds for the session from now on, as client or server say."""
        settled, session = self.settled, self.settled.facts
        if type(given) is not dict:
            return
        _configure(session, given)
        if type(instructions := given.get("instructions")) is str:
            session.system_chars = len(instructions)
        if given.get("type") == "transcription":
            settled.kind = "transcription"
        if session.model:
            settled.model = session.model
        session.model = None

    def _create(self, event: dict[str, Any], end: int) -> None:
        given = event.get("response")
        if type(given) is dict and type(items := given.get("input")) is list:
            self._read_items(items)
        self._equip(given)
        name = event.get("event_id")
        self.begins(name if type(name) is str else "", end)

    def opens(self, name: str, end: int) -> None:
        """See `TurnReader.opens`."""
        if name == _TRANSLATION and self.settled.kind == _TRANSLATION:
            if not self.turns:
                self.begin(_TRANSLATION, end, 0)
            return
        self._created += 1
        key = ("created", self._created)
        if self.begin(key, end, 0) is not None:
            self._pending.append((key, name))

    def _equip(self, given: Any) -> None:
        """Add what the session says to the input of the turn that begins now, and what its response says on top."""
        facts, session = self.input, self.settled.facts
        facts.stream = True
        facts.tools, facts.temperature, facts.max_tokens = session.tools, session.temperature, session.max_tokens
        instructions = None
        if type(given) is dict:
            _configure(facts, given)
            instructions = given.get("instructions")
        facts.system_chars += len(instructions) if type(instructions) is str else session.system_chars

    def answer(self, event: Any, start: int, end: int) -> None:
        """A server's event."""
        kind = event.get("type") if type(event) is dict else None
        if type(kind) is not str:
            return
        if kind.startswith("response."):
            self._response(kind, event, start, end)
        elif kind.startswith(_TRANSCRIBED) or kind == "input_audio_buffer.committed":
            if self.settled.kind == "transcription":
                self._transcription(kind, event, start, end)
        elif kind.startswith(("session.", "transcription_session.")):
            self._session_event(kind, event, end)
        elif kind == "error":
            self._failed(event, end)

    def _response(self, kind: str, event: dict[str, Any], start: int, end: int) -> None:
        response = event.get("response")
        name = word(event.get("response_id")) or (word(response.get("id")) if type(response) is dict else None)
        if kind == "response.created":
            self._created_turn(name, start)
        turn = self.turns.get(name)
        if turn is None:
            return
        turn.gathering.seen.events += 1
        if kind == "response.done":
            self._done(name, turn, response if type(response) is dict else {}, end)
        elif type(delta := event.get("delta")) is str:
            _read_delta(turn, kind, event, delta)
        elif (
            kind == "response.output_item.added" and type(item := event.get("item")) is dict and item.get("type") == "function_call"
        ):
            turn.gathering.calls(0, word(item.get("id")), item.get("name"))

    def _created_turn(self, name: str | None, start: int) -> None:
        if self._pending:
            turn: OpenTurn | None = self.rename(self._pending.pop(0)[0], name)
        else:  # the server has heard the end of speech
            self._equip(None)
            turn = self.begin(name, self.asked_to, start)
        if turn is not None:
            turn.answered_at = start
            turn.gathering.names(None, name)

    def _done(self, name: str | None, turn: OpenTurn, response: dict[str, Any], end: int) -> None:
        gathering = turn.gathering
        status = word(response.get("status")) or "completed"
        details = response.get("status_details")
        gathering.seen.finish = status
        failure = ""
        if type(details) is dict:
            gathering.seen.finish = word(details.get("reason")) or status
            failure = error_word(details.get("error")) or ""
        if type(usage := response.get("usage")) is dict:
            given = usage.get("input_token_details")
            cached = count(given.get("cached_tokens")) if type(given) is dict else 0
            gathering.uses(input_=count(usage.get("input_tokens")), output=count(usage.get("output_tokens")), cached=cached)
        gathering.choice(0)
        failed = status in _FAILED
        gathering.seen.error = (failure or status) if failed else None
        self.end(name, end, "upstream_error" if failed else "completed", (failure or status) if failed else "")

    def _transcription(self, kind: str, event: dict[str, Any], start: int, end: int) -> None:
        name = word(event.get("item_id"))
        if kind == "input_audio_buffer.committed":
            self.begin(name, self.asked_to, start)
            return
        turn = self.turns.get(name)
        if turn is None:
            return
        turn.gathering.seen.events += 1
        if kind.endswith(".delta") and type(delta := event.get("delta")) is str:
            turn.gathering.says(0, delta)
        elif kind.endswith(".completed"):
            if type(transcript := event.get("transcript")) is str and not turn.gathering.seen.text_chars:
                turn.gathering.says(0, transcript)
            if type(usage := event.get("usage")) is dict:
                turn.gathering.uses(input_=count(usage.get("input_tokens")), output=count(usage.get("output_tokens")))
            self.end(name, end, "completed")
        elif kind.endswith(".failed"):
            self.end(name, end, "upstream_error", error_word(event.get("error")) or "error")

    def _session_event(self, kind: str, event: dict[str, Any], end: int) -> None:
        self._settle(event.get("session"))
        turn = self.turns.get(_TRANSLATION)
        if turn is None:
            return
        turn.gathering.seen.events += 1
        delta = event.get("delta")
        if kind == "session.output_transcript.delta" and type(delta) is str:
            turn.gathering.says(0, delta)
        elif kind == "session.output_audio.delta":
            turn.gathering.seen.audio_bytes += decoded_bytes(delta)
        elif kind == "session.closed":
            self.end(_TRANSLATION, end, "completed")

    def _failed(self, event: dict[str, Any], end: int) -> None:
        """An error ends a turn that was asked for and has not begun: the one it names, else the oldest."""
        error = event.get("error")
        named = error.get("event_id") if type(error) is dict else None
        for index, (key, event_id) in enumerate(self._pending):
            if named is None or named == event_id:
                del self._pending[index]
                failure = error_word(error) or "error"
                self.turns[key].gathering.seen.error = failure
                self.end(key, end, "upstream_error", failure)
                return


def _read_delta(turn: OpenTurn, kind: str, event: dict[str, Any], delta: str) -> None:
    gathering = turn.gathering
    if kind in _AUDIO_DELTAS:
        gathering.seen.audio_bytes += decoded_bytes(delta)
    elif kind in _TEXT_DELTAS or kind in _TRANSCRIPT_DELTAS:
        gathering.says(gathering.choice(0), delta)
    elif kind in _CALL_DELTAS:
        gathering.calls(0, word(event.get("item_id")), delta)


def _configure(facts: RequestFacts, given: dict[str, Any]) -> None:
    """Take over what a session or a response is given; what it does not name stays."""
    if "tools" in given:
        facts.tools = 0
    read_parameters(_CONFIGURING, given, facts)
    for key in ("max_output_tokens", "max_response_output_tokens"):
        if type(most := given.get(key)) is int:  # or `inf`
            facts.max_tokens = None
            _MOST_TOKENS(facts, most)


class ResponsesSocket(TurnReader):
    """See `SessionReader`: the Responses API over a WebSocket, one response at a time."""

    def __init__(self, path: PathParameters, *, collect: bool = False) -> None:
        super().__init__(path.model, collect=collect)
        self._created = 0
        self._streams: dict[int, ResponseStream] = {}

    def error_message(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """The server's own `error` event."""
        return _error_payload(status, code, message, record_id)

    def ask(self, event: Any, start: int, end: int) -> None:  # noqa: ARG002 - the base's parameter
        """A client's event: what creates a response is a request of the API with a type."""
        if type(event) is not dict:
            odd(self.input)
        elif event.get("type") == "response.create":
            inner = event.get("response")
            facts = requests.read_response(inner if type(inner) is dict else event, PathParameters())
            facts.stream = True
            self.input = joined(self.input, facts)
            self.begins("", end)

    def opens(self, name: str, end: int) -> None:  # noqa: ARG002 - turns have no name before they are answered
        """See `TurnReader.opens`."""
        self._created += 1
        turn = self.begin(self._created, end, self.answered_to)
        if turn is not None:
            stream = self._streams[self._created] = ResponseStream(collect=self._collect)
            turn.gathering = stream.gathering

    def answered(self, payload: bytes | None, start: int, end: int) -> None:
        """See `SessionReader.answered`: events are those of a stream, and belong to the oldest turn."""
        super().answered(payload, start, end)
        key = next(iter(self.turns), None)
        if key is None or payload is None:
            return
        stream = self._streams[key]
        stream.gathering.seen.events += 1
        if stream.read_event(b"", payload):
            del self._streams[key]
            failure = stream.gathering.seen.error or ""
            self.end(key, end, "upstream_error" if failure else "completed", failure)

    def answer(self, event: Any, start: int, end: int) -> None:
        """Read by `answered`, from its bytes."""


def _reader(kind: str, path: PathParameters, query: Mapping[str, str], *, collect: bool) -> SessionReader:
    kind = "transcription" if query.get("intent") == "transcription" else kind
    return RealtimeReader(path, kind, collect=collect)


def _messages(_body: Any) -> list[Message]:
    return []


def _answer(_stream: str, _collect: bool) -> AnswerReader:
    """What answers a handshake that is refused."""
    return CountedReader()


def _row(pattern: str, kind: str) -> Endpoint:
    def session(path: PathParameters, query: Mapping[str, str], collect: bool) -> SessionReader:
        return _reader(kind, path, query, collect=collect)

    return Endpoint(
        "realtime", "GET", pattern, requests.read_bare, _messages, _answer, json_body=False, body_cap=MESSAGE_CAP, session=session
    )


def _responses(path: PathParameters, _query: Mapping[str, str], collect: bool) -> SessionReader:
    return ResponsesSocket(path, collect=collect)


ROWS = (
    _row("/v1/realtime", "realtime"),
    _row("/v1/realtime/transcription", "transcription"),
    _row("/v1/realtime/translations", _TRANSLATION),
    Endpoint(
        "responses",
        "GET",
        "/v1/responses",
        requests.read_bare,
        _messages,
        _answer,
        json_body=False,
        body_cap=MESSAGE_CAP,
        session=_responses,
    ),
)
"""The rows that take a WebSocket."""
