"""Sessions as bytes: any cut of either direction gives the same turns, and no message makes a reader raise."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects import by_name, find
from proxy.dialects.contract import PathParameters
from proxy.dialects.jsonio import StrictJSONError
from proxy.dialects.session import Heard, SessionReader, SessionTurn, Settled
from proxy.wire.websocket import BINARY, PING, TEXT, FrameReader, frame

KEY = b"\x01\x80\xff\x10"
PATHS = {
    "/v1/realtime": "openai",
    "/v1/realtime/translations": "openai",
    "/v1/responses": "openai",
    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent": "gemini",
}
TYPES = (
    "session.update",
    "conversation.item.create",
    "input_audio_buffer.append",
    "response.create",
    "session.input_audio_buffer.append",
    "session.created",
    "response.created",
    "response.output_text.delta",
    "response.output_audio.delta",
    "response.done",
    "response.completed",
    "input_audio_buffer.committed",
    "conversation.item.input_audio_transcription.completed",
    "session.closed",
    "error",
)
NAMES = [
    "setup",
    "clientContent",
    "client_content",
    "realtimeInput",
    "toolResponse",
    "serverContent",
    "toolCall",
    "usageMetadata",
    "turnComplete",
    "modelTurn",
    "response",
    "session",
    "item",
    "error",
    "delta",
    "audio",
    "parts",
    "text",
    "turns",
    "functionCalls",
    "id",
    "status",
    "usage",
    "type",
    "content",
    "event_id",
    "response_id",
]
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 1 << 70), st.text(max_size=5), st.sampled_from([*TYPES, "AAAA", "r1"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)),
    max_leaves=12,
)
EVENTS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(TYPES)},
        optional={
            "response_id": st.sampled_from(["r1", "r2"]),
            "item_id": st.sampled_from(["r1", "r2"]),
            "delta": st.sampled_from(["AAAA", "text", 5]),
            "audio": st.sampled_from(["AAAA", "AA==", None]),
            "response": st.one_of(st.fixed_dictionaries({"id": st.sampled_from(["r1", "r2"])}), ODD),
            "session": ODD,
            "item": ODD,
            "error": ODD,
        },
    ),
    st.dictionaries(st.sampled_from(NAMES), ODD, max_size=3),
    st.sampled_from(
        [
            {"clientContent": {"turns": [{"parts": [{"text": "a"}]}], "turnComplete": True}},
            {"serverContent": {"modelTurn": {"parts": [{"text": "b"}]}}},
            {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 1}},
        ]
    ),
)
SAID = st.lists(st.tuples(st.booleans(), st.sampled_from([TEXT, BINARY, PING]), EVENTS), max_size=12)


def session(path: str) -> SessionReader:
    """A reader."""
    endpoint = find(by_name(PATHS[path]), "GET", path)[1]
    assert endpoint.session is not None
    return endpoint.session(PathParameters(), {}, True)


def turns_of(path: str, said: list[tuple[bool, bytes]], *, apart: bool = False) -> tuple[list[SessionTurn], Any]:
    """The turns of a session, from the bytes of (client?, piece) in order. `apart`: another reader hears what the client says."""
    reader = session(path)

    def hear(payload: bytes, _start: int, end: int) -> None:
        heard = session(path).hear(payload, msgspec.json.decode(msgspec.json.encode(reader.settled), type=Settled))
        reader.heard(msgspec.json.decode(msgspec.json.encode(heard), type=Heard), end)

    frames = {masked: FrameReader(masked=masked, message_cap=1 << 20, refuse_longer=masked) for masked in (True, False)}
    for asks, piece in said:
        for message in frames[asks].feed(piece):
            take = (hear if apart else reader.asked) if asks else reader.answered
            try:
                take(message.payload or b"", message.start, message.end)
            except StrictJSONError:
                return reader.take(), "two readings"
    reader.close("client_gone", "")
    return reader.take(), reader.facts()


@settings(max_examples=250, deadline=None)
@given(path=st.sampled_from(sorted(PATHS)), said=SAID, size=st.integers(1, 40))
def test_any_cut_gives_the_same_turns(path: str, said: list[tuple[bool, int, Any]], size: int) -> None:
    """However small the pieces, whatever the messages hold, and whoever hears them."""
    whole = []
    for asks, opcode, event in said:
        payload = b"ping" if opcode == PING else json.dumps(event).encode()
        whole.append((asks, frame(opcode, payload, KEY if asks else b"")))
    pieces = [(asks, sent[at : at + size]) for asks, sent in whole for at in range(0, len(sent), size)]
    assert turns_of(path, pieces) == turns_of(path, whole) == turns_of(path, whole, apart=True)


@settings(max_examples=100, deadline=None)
@given(path=st.sampled_from(sorted(PATHS)), payloads=st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=8))
def test_no_bytes_make_a_reader_raise(path: str, payloads: list[tuple[bool, bytes]]) -> None:
    """But for what two parsers could read differently."""
    turns, facts = turns_of(path, [(asks, frame(BINARY, payload, KEY if asks else b"")) for asks, payload in payloads])
    assert isinstance(turns, list)
    assert facts
