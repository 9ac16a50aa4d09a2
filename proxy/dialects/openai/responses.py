"""Answers of `/v1/responses`, whole and streamed."""

from __future__ import annotations

from typing import Any, ClassVar

from proxy.dialects.gathering import Gathering, count, error_word, word
from proxy.dialects.jsonio import read_leniently
from proxy.dialects.openai.errors import responses_error_event
from proxy.dialects.sse import EndRule, EventStreamReader

_ENDING = ("response.completed", "response.failed", "response.incomplete", "error")
_THOUGHT_DELTAS = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_SPEECH_DELTAS = ("response.output_text.delta", "response.refusal.delta")
_CALL_DELTAS = (
    "response.function_call_arguments.delta",
    "response.mcp_call_arguments.delta",
    "response.custom_tool_call_input.delta",
)


class ResponseStream(EventStreamReader):
    """Named events whose payload repeats the name as `type`; `[DONE]` where a host adds it."""

    rule: ClassVar[EndRule] = EndRule(
        names=frozenset(name.encode() for name in _ENDING),
        heads=(b"[DONE]", *(f'{{"type":"{name}"'.encode() for name in _ENDING)),
    )

    def read_event(self, name: bytes, payload: bytes) -> bool:
        """Take in one event."""
        if payload[:6] == b"[DONE]":
            return True
        event = read_leniently(payload)
        if type(event) is not dict:
            self.gathering.seen.unread = True
            return name in self.rule.names
        kind = event.get("type")
        if type(kind) is not str:
            kind = name.decode("utf-8", "replace")
        if type(delta := event.get("delta")) is str:
            self._read_delta(kind, event, delta)
        elif type(response := event.get("response")) is dict:
            self._read_response(kind, response)
        elif kind == "response.output_item.added" and type(item := event.get("item")) is dict:
            _read_call(self.gathering, item)
        elif kind == "error" or event.get("error"):
            self.gathering.seen.error = error_word(event.get("error")) or word(event.get("code")) or "error"
        return kind in _ENDING or name in self.rule.names or bool(event.get("error"))

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `EventStreamReader.own_error`."""
        return responses_error_event(status, code, message, record_id)

    def _read_delta(self, kind: str, event: dict[str, Any], delta: str) -> None:
        gathering = self.gathering
        if kind in _SPEECH_DELTAS:
            gathering.says(gathering.choice(0), delta)
            if event.get("logprobs"):
                gathering.seen.logprobs = True
        elif kind in _THOUGHT_DELTAS:
            gathering.thinks(gathering.choice(0), delta)
        elif kind in _CALL_DELTAS:
            gathering.calls(0, word(event.get("item_id")), delta)

    def _read_response(self, kind: str, response: dict[str, Any]) -> None:
        """The response so far; its texts were seen as deltas, so only what stands around them counts."""
        _read_frame(self.gathering, response)
        if kind in _ENDING:
            self.gathering.seen.finish = _finish(response) or kind.removeprefix("response.")


def read_response(gathering: Gathering, tree: Any) -> None:
    """Take in a whole response object."""
    if type(tree) is not dict:
        gathering.seen.unread = True
        return
    _read_frame(gathering, tree)
    gathering.seen.finish = _finish(tree)
    output = tree.get("output")
    if type(output) is list:
        for item in output:
            if type(item) is dict:
                _read_item(gathering, item)


def _read_frame(gathering: Gathering, response: dict[str, Any]) -> None:
    gathering.names(response.get("model"), response.get("id"))
    if error := response.get("error"):
        gathering.seen.error = error_word(error)
    usage = response.get("usage")
    if type(usage) is dict:
        given, made = usage.get("input_tokens_details"), usage.get("output_tokens_details")
        gathering.uses(
            input_=count(usage.get("input_tokens")),
            output=count(usage.get("output_tokens")),
            cached=count(given.get("cached_tokens")) if type(given) is dict else 0,
            reasoning=count(made.get("reasoning_tokens")) if type(made) is dict else 0,
        )


def _finish(response: dict[str, Any]) -> str | None:
    details = response.get("incomplete_details")
    reason = word(details.get("reason")) if type(details) is dict else None
    return reason or word(response.get("status"))


def _read_item(gathering: Gathering, item: dict[str, Any]) -> None:
    kind = item.get("type")
    if kind == "message":
        index = gathering.choice(0)
        for part in _objects(item.get("content")):
            for key in ("text", "refusal"):
                if type(text := part.get(key)) is str:
                    gathering.says(index, text)
            if part.get("logprobs"):
                gathering.seen.logprobs = True
    elif kind == "reasoning":
        for part in [*_objects(item.get("summary")), *_objects(item.get("content"))]:
            if type(text := part.get("text")) is str:
                gathering.thinks(gathering.choice(0), text)
    else:
        _read_call(gathering, item)


def _read_call(gathering: Gathering, item: dict[str, Any]) -> None:
    kind = item.get("type")
    if type(kind) is str and kind.endswith("_call"):
        key = word(item.get("id")) or word(item.get("call_id"))
        gathering.calls(0, key, item.get("name"), item.get("arguments"), item.get("input"))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if type(part) is dict] if type(value) is list else []
