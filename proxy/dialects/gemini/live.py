"""Sessions of the Live API (`BidiGenerateContent`): messages of JSON, in text frames or binary ones, names in either spelling.

A turn begins with a client's `clientContent` that asks for an answer, or with the first thing that the model says or calls to what
it has heard, and ends with `turnComplete`. A client's answer to a tool call belongs to the turn that called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.core.facts import Message
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters
from proxy.dialects.gathering import count, word
from proxy.dialects.gemini import requests
from proxy.dialects.gemini.requests import member
from proxy.dialects.jsonio import write_compact
from proxy.dialects.parameters import odd, refer_path
from proxy.dialects.paths import PathTable
from proxy.dialects.session import MESSAGE_CAP, OpenTurn, SessionReader, Settled, TurnReader, decoded_bytes
from proxy.dialects.whole import CountedReader

_TURN = "turn"
_MEDIA = ("mediaChunks", "audio", "video")


class LiveReader(TurnReader):
    """See `SessionReader`."""

    def __init__(self, path: PathParameters, *, collect: bool = False) -> None:
        super().__init__(path.model, collect=collect)

    def error_message(self, status: int, code: str, message: str, record_id: str) -> bytes:  # noqa: ARG002 - the contract's parameters
        """None: the Live API tells of errors by its close frame."""
        return b""

    def ask(self, event: Any, start: int, end: int) -> None:  # noqa: ARG002 - the base's parameter
        """A client's message."""
        if type(event) is not dict:
            odd(self.input)
            return
        if type(setup := event.get("setup")) is dict:
            facts = requests.read_generate(setup, PathParameters())
            self.settled = Settled(facts, facts.model or self.settled.model)
        if type(content := member(event, "clientContent")) is dict:
            self._read_content(content, end)
        if type(heard := member(event, "realtimeInput")) is dict:
            self._read_media(heard)
        if type(results := member(event, "toolResponse")) is dict:
            answers = member(results, "functionResponses")
            self.input.messages += len(answers) if type(answers) is list else 1

    def _read_content(self, content: dict[str, Any], end: int) -> None:
        facts = requests.read_generate({"contents": content.get("turns")}, PathParameters())
        known = self.input
        known.messages += facts.messages
        known.prompt_chars += facts.prompt_chars
        known.system_chars += facts.system_chars
        known.media += facts.media
        refer_path(known, tuple(facts.references))
        for reason in facts.flags:
            if reason not in known.flags:
                known.flags.append(reason)
                known.inspection = "partial"
        if member(content, "turnComplete") is True:
            self.begins(_TURN, end)

    def opens(self, name: str, end: int) -> None:  # noqa: ARG002 - there is one turn at a time
        """See `TurnReader.opens`."""
        if not self.turns:
            self._open(end, self.answered_to)

    def _read_media(self, heard: dict[str, Any]) -> None:
        facts = self.input
        if type(text := heard.get("text")) is str:
            facts.messages += 1
            facts.prompt_chars += len(text)
        for name in _MEDIA:
            given = member(heard, name)
            for blob in given if type(given) is list else [given]:
                if type(blob) is not dict:
                    continue
                if str(member(blob, "mimeType")).startswith("audio/"):
                    facts.audio_bytes += decoded_bytes(blob.get("data"))
                else:
                    facts.media += 1

    def _open(self, asked_end: int, answered_at: int) -> OpenTurn | None:
        facts, setup = self.input, self.settled.facts
        facts.stream = True
        facts.tools, facts.temperature, facts.top_p = setup.tools, setup.temperature, setup.top_p
        facts.max_tokens, facts.reasoning = setup.max_tokens, setup.reasoning
        facts.system_chars += setup.system_chars
        return self.begin(_TURN, asked_end, answered_at)

    def answer(self, event: Any, start: int, end: int) -> None:
        """A server's message."""
        if type(event) is not dict:
            return
        content = member(event, "serverContent")
        call = member(event, "toolCall")
        turn = self.turns.get(_TURN)
        if turn is None and (type(call) is dict or (type(content) is dict and _says_something(content))):
            turn = self._open(self.asked_to, start)
        if turn is None:
            return
        turn.gathering.seen.events += 1
        if type(usage := member(event, "usageMetadata")) is dict:
            _read_usage(turn, usage)
        if type(call) is dict:
            _read_calls(turn, call)
        if type(content) is dict:
            _read_content(turn, content)
            if member(content, "turnComplete") is True:
                turn.gathering.choice(0)
                self.end(_TURN, end, "completed")

    def close(self, outcome: str, error: str) -> None:
        """See `SessionReader.close`: an answer that was generated to its end was one, whether or not it was played to its end."""
        turn = self.turns.get(_TURN)
        if turn is not None and turn.gathering.seen.finish == "generationComplete":
            self.end(_TURN, self.answered_to, "completed")
        super().close(outcome, error)


def _says_something(content: dict[str, Any]) -> bool:
    return any(member(content, name) for name in ("modelTurn", "outputTranscription", "generationComplete", "interrupted"))


def _read_content(turn: OpenTurn, content: dict[str, Any]) -> None:
    gathering = turn.gathering
    for name in ("generationComplete", "interrupted"):
        if member(content, name) is True:
            gathering.seen.finish = name
    if type(said := member(content, "outputTranscription")) is dict and type(text := said.get("text")) is str:
        gathering.says(gathering.choice(0), text)
    model_turn = member(content, "modelTurn")
    parts = model_turn.get("parts") if type(model_turn) is dict else None
    for part in parts if type(parts) is list else ():
        if type(part) is dict:
            _read_part(turn, part)


def _read_part(turn: OpenTurn, part: dict[str, Any]) -> None:
    gathering = turn.gathering
    if type(text := part.get("text")) is str:
        if part.get("thought") is True:
            gathering.thinks(0, text)
        else:
            gathering.says(gathering.choice(0), text)
    if type(blob := member(part, "inlineData")) is dict and str(member(blob, "mimeType")).startswith("audio/"):
        gathering.seen.audio_bytes += decoded_bytes(blob.get("data"))


def _read_calls(turn: OpenTurn, call: dict[str, Any]) -> None:
    calls = member(call, "functionCalls")
    for one in calls if type(calls) is list else ():
        if type(one) is dict:
            key = word(one.get("id")) or turn.gathering.seen.tool_calls
            turn.gathering.calls(0, key, one.get("name"), write_compact(one.get("args") or {}))


def _read_usage(turn: OpenTurn, usage: dict[str, Any]) -> None:
    thoughts = count(member(usage, "thoughtsTokenCount"))
    turn.gathering.uses(
        input_=count(member(usage, "promptTokenCount")) + count(member(usage, "toolUsePromptTokenCount")),
        output=count(member(usage, "responseTokenCount")) + thoughts,
        cached=count(member(usage, "cachedContentTokenCount")),
        reasoning=thoughts,
    )


def _session(path: PathParameters, _query: Mapping[str, str], collect: bool) -> SessionReader:
    return LiveReader(path, collect=collect)


def _messages(_body: Any) -> list[Message]:
    return []


def _answer(_stream: str, _collect: bool) -> AnswerReader:
    """What answers a handshake that is refused."""
    return CountedReader()


def _row(pattern: str) -> Endpoint:
    return Endpoint(
        "live", "GET", pattern, requests.read_bare, _messages, _answer, json_body=False, body_cap=MESSAGE_CAP, session=_session
    )


ROWS = (
    _row("/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"),
    _row("/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContentConstrained"),
    _row("/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent"),
)
"""The rows that take a WebSocket; the last is Vertex AI's."""

_TABLE = PathTable(ROWS, prefix="(?:/[^/]+)*?", place="v[0-9][0-9a-z]*")


def match(method: str, path: str) -> tuple[Endpoint, PathParameters] | None:
    """See `Dialect.match`; the version is part of a name here, and says nothing of what is asked for."""
    found = _TABLE.match(method, path)
    return (found[0], PathParameters()) if found is not None else None
