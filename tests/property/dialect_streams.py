"""Streams as the providers send them, and the checker that a reader's holds and facts are right however a stream is cut."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import msgspec

from proxy.core.facts import AnswerFacts
from proxy.dialects import by_name
from proxy.dialects.contract import AnswerReader


def _sse(*payloads: Any, end: str = "\n", named: bool = False) -> bytes:
    lines = []
    for payload in payloads:
        text = payload if isinstance(payload, str) else msgspec.json.encode(payload).decode()
        name = f"event: {payload['type']}{end}" if named else ""
        lines.append(f"{name}data: {text}{end}{end}")
    return "".join(lines).encode()


def _chunk(**delta: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "model": "gpt-4o", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


_CHAT = (
    _chunk(role="assistant", content=""),
    _chunk(reasoning_content="hm"),
    _chunk(content="héllo "),
    _chunk(content="wörld 😀"),
    _chunk(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}]),
    _chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":1}'}}]),
    {"id": "chatcmpl-1", "model": "gpt-4o", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}},
)
_RESPONSE = (
    {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5", "status": "in_progress"}},
    {"type": "response.reasoning_summary_text.delta", "delta": "thinking"},
    {"type": "response.output_text.delta", "delta": "hello"},
    {"type": "response.output_item.added", "item": {"type": "function_call", "id": "fc_1", "name": "f", "arguments": ""}},
    {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": "{}"},
    {
        "type": "response.completed",
        "response": {"id": "resp_1", "status": "completed", "usage": {"input_tokens": 3, "output_tokens": 4}},
    },
)
_MESSAGE = (
    {
        "type": "message_start",
        "message": {"id": "msg_1", "role": "assistant", "model": "claude", "usage": {"input_tokens": 9, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 12}},
    {"type": "message_stop"},
)
_GENERATED = (
    {"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}]}}], "modelVersion": "gemini-2", "responseId": "r"},
    {"candidates": [{"content": {"parts": [{"text": 'he said "]}"'}, {"functionCall": {"name": "f", "args": {"a": [1]}}}]}}]},
    {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 5}},
)
_LINES = (
    {"model": "llama4", "message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
    {"model": "llama4", "message": {"role": "assistant", "content": 'he said "\n"'}, "done": False},
    {"model": "llama4", "message": {"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, "done": False},
)
_LAST_LINE = {"model": "llama4", "message": {"content": ""}, "done": True, "prompt_eval_count": 3, "eval_count": 4}

_RUN = (
    ("thread.run.created", {"id": "run_1", "object": "thread.run", "status": "queued", "model": "gpt-5"}),
    ("thread.message.created", {"id": "msg_1", "object": "thread.message", "role": "assistant", "content": []}),
    ("thread.message.delta", {"id": "msg_1", "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "héllo"}}]}}),
    (
        "thread.run.step.delta",
        {"id": "step_1", "delta": {"step_details": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}}},
    ),
    (
        "thread.run.completed",
        {"id": "run_1", "object": "thread.run", "status": "completed", "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    ),
)
_INTERACTION = (
    {"event_type": "interaction.created", "interaction": {"id": "int_1", "model": "gemini-3", "status": "in_progress"}},
    {"event_type": "step.start", "index": 0, "step": {"type": "function_call", "name": "f"}},
    {"event_type": "step.delta", "index": 0, "delta": {"type": "arguments_delta", "arguments": "{}"}},
    {"event_type": "step.delta", "index": 1, "delta": {"type": "thought_summary", "content": {"type": "text", "text": "hm"}}},
    {"event_type": "step.delta", "index": 2, "delta": {"type": "text", "text": "héllo"}},
)
_INTERACTED = {
    "event_type": "interaction.completed",
    "interaction": {"id": "int_1", "status": "completed", "usage": {"total_input_tokens": 3, "total_output_tokens": 4}},
}


def _events(*events: tuple[str, Any]) -> bytes:
    return b"".join(f"event: {name}\ndata: {msgspec.json.encode(payload).decode()}\n\n".encode() for name, payload in events)


def _reader(dialect: str, method: str, path: str, stream: str) -> Callable[[], AnswerReader]:
    found = by_name(dialect).match(method, path)
    assert found is not None
    return lambda: found[0].answer(stream, True)


chat = _reader("openai", "POST", "/v1/chat/completions", "sse")
responses = _reader("openai", "POST", "/v1/responses", "sse")
messages = _reader("anthropic", "POST", "/v1/messages", "sse")
generate = _reader("gemini", "POST", "/v1beta/models/g:streamGenerateContent", "sse")
array = _reader("gemini", "POST", "/v1beta/models/g:streamGenerateContent", "json")
lines = _reader("ollama", "POST", "/api/chat", "json")
run = _reader("openai", "POST", "/v1/threads/t/runs", "sse")
interaction = _reader("gemini", "POST", "/v1beta/interactions", "sse")

_ARRAY = b"[" + b",\r\n".join(map(msgspec.json.encode, _GENERATED)) + b"\n"

STREAMS: dict[str, tuple[Callable[[], AnswerReader], bytes, bytes]] = {
    "chat": (chat, _sse(*_CHAT), _sse("[DONE]")),
    "chat, CRLF": (chat, b": ping\r\n\r\n" + _sse(*_CHAT, end="\r\n"), _sse("[DONE]", end="\r\n")),
    "chat, CR": (chat, _sse(*_CHAT, end="\r"), _sse("[DONE]", end="\r") + b"\r\r"),
    "chat, more after the end": (chat, _sse(*_CHAT), _sse("[DONE]") + b"\n: bye\n\n" + _sse(_chunk(content="x"))),
    "chat, broken": (chat, b"\xef\xbb\xbf" + _sse(*_CHAT[:3]), _sse({"error": {"type": "server_error", "message": "x"}})),
    "chat, comments between": (chat, b": OPENROUTER PROCESSING\n\n" + _sse(*_CHAT[:2]) + b": keep-alive\n\n\n", _sse("[DONE]")),
    "chat, broken by name": (chat, _sse(*_CHAT[:3]), b"event: error\n" + _sse({"error": {"message": "x"}, "status_code": 500})),
    "chat, without an end": (chat, _sse(*_CHAT), b""),
    "responses": (responses, _sse(*_RESPONSE[:-1], named=True), _sse(_RESPONSE[-1], named=True)),
    "responses without names": (responses, _sse(*_RESPONSE[:-1]), _sse(_RESPONSE[-1]) + _sse("[DONE]")),
    "messages": (messages, _sse(*_MESSAGE[:-1], named=True), _sse(_MESSAGE[-1], named=True)),
    "messages, CRLF": (messages, _sse(*_MESSAGE[:-1], named=True, end="\r\n"), _sse(_MESSAGE[-1], named=True, end="\r\n")),
    "generate": (generate, _sse(*_GENERATED, end="\r\n"), b""),
    "run": (run, _events(*_RUN), b"event: done\ndata: [DONE]\n\n"),
    "run, broken": (run, _events(*_RUN[:2]), _events(("error", {"message": "x", "type": "server_error"}))),
    "interaction": (
        interaction,
        _events(*((event["event_type"], event) for event in _INTERACTION)),
        _events(("interaction.completed", _INTERACTED), ("done", "[DONE]")),
    ),
    "interaction, without names": (interaction, _sse(*_INTERACTION, _INTERACTED), _sse("[DONE]")),
    "generate, array": (array, _ARRAY, b"]\r\n"),
    "lines": (lines, b"\n".join([*map(msgspec.json.encode, _LINES), b""]), msgspec.json.encode(_LAST_LINE) + b"\n"),
    "lines, broken": (lines, msgspec.json.encode(_LINES[0]) + b"\r\n\n", b'{"error": "x"}\n'),
}
"""By name: the maker of the reader, the stream up to its ending event, and what must be held in the end."""


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """The stream in pieces, cut at the given places."""
    bounds = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(bounds)]


def check(make: Callable[[], AnswerReader], body: bytes, ending: bytes, pieces: list[bytes]) -> None:
    """Assert that no byte of the ending is ever let go, that holds are never claimed back, and that facts ignore the cuts."""
    reader = make()
    fed = released = 0
    for piece in pieces:
        hold = reader.feed(piece)
        fed += len(piece)
        assert 0 <= hold <= fed - released, "bytes were claimed back that had been let go"
        released = fed - hold
        assert released <= len(body), "a byte of the ending was let go"
    assert fed == len(body) + len(ending)
    assert fed - released == len(ending), "more than the ending was held in the end"
    assert reader.ended == bool(ending)
    assert reader.facts() == facts_at_once(make, body + ending)


def facts_at_once(make: Callable[[], AnswerReader], stream: bytes) -> AnswerFacts:
    """The facts of a stream fed as one piece."""
    reader = make()
    reader.feed(stream)
    return reader.facts()
