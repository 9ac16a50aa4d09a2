"""What Gemini answers: candidates whole, as events, or as elements of an array; embeddings, token counts and model lists."""

from __future__ import annotations

from typing import Any, ClassVar

from proxy.dialects.gathering import Gathering, count, error_word, word
from proxy.dialects.gemini.errors import error_event
from proxy.dialects.jsonio import read_leniently, write_compact
from proxy.dialects.sse import EndRule, EventStreamReader

_ENTRY_LISTS = ("embeddings", "models", "tunedModels")


class GenerateStream(EventStreamReader):
    """Events without names (`alt=sse`). No event says that it is the last, so only an error ends the stream before its close."""

    rule: ClassVar[EndRule] = EndRule(heads=(b'{"error":',))

    def read_event(self, name: bytes, payload: bytes) -> bool:  # noqa: ARG002 - these events have no names
        """Take in one response."""
        tree = read_leniently(payload)
        read_generated(self.gathering, tree)
        return type(tree) is dict and bool(tree.get("error"))

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `EventStreamReader.own_error`."""
        return error_event(status, code, message, record_id)


def read_generated(gathering: Gathering, tree: Any) -> None:
    """Take in a whole response or one of a stream; a stream's usage is a running total."""
    if type(tree) is list:  # an error that came instead of a stream
        for element in tree:
            read_generated(gathering, element if type(element) is dict else None)
        return
    if type(tree) is not dict:
        gathering.seen.unread = True
        return
    gathering.names(tree.get("modelVersion"), tree.get("responseId"))
    candidates = tree.get("candidates")
    for candidate in candidates if type(candidates) is list else ():
        if type(candidate) is dict:
            _read_candidate(gathering, candidate)
    _read_frame(gathering, tree)


def _read_frame(gathering: Gathering, tree: dict[str, Any]) -> None:
    if type(feedback := tree.get("promptFeedback")) is dict and (reason := word(feedback.get("blockReason"))):
        gathering.seen.finish = reason
    if type(usage := tree.get("usageMetadata")) is dict:
        _read_usage(gathering, usage)
    elif type(total := tree.get("totalTokens")) is int:
        gathering.uses(input_=count(total), output=0, cached=count(tree.get("cachedContentTokenCount")))
    for key in _ENTRY_LISTS:
        if type(entries := tree.get(key)) is list:
            gathering.seen.choices = len(entries)
    if error := tree.get("error"):
        gathering.seen.error = _error(error)


def _error(error: Any) -> str | None:
    return word(error.get("status")) or error_word(error) if type(error) is dict else error_word(error)


def _read_candidate(gathering: Gathering, candidate: dict[str, Any]) -> None:
    index = gathering.choice(candidate.get("index"))
    content = candidate.get("content")
    parts = content.get("parts") if type(content) is dict else None
    for part in parts if type(parts) is list else ():
        if type(part) is dict:
            _read_part(gathering, index, part)
    if finish := word(candidate.get("finishReason")):
        gathering.seen.finish = finish
    if candidate.get("logprobsResult"):
        gathering.seen.logprobs = True


def _read_part(gathering: Gathering, index: int, part: dict[str, Any]) -> None:
    if type(text := part.get("text")) is str:
        if part.get("thought") is True:
            gathering.thinks(index, text)
        else:
            gathering.says(index, text)
    if type(call := part.get("functionCall")) is dict:
        # Calls come whole and need not have an id: each is a new one.
        gathering.calls(index, gathering.seen.tool_calls, call.get("name"), write_compact(call.get("args") or {}))


def _read_usage(gathering: Gathering, usage: dict[str, Any]) -> None:
    thoughts = count(usage.get("thoughtsTokenCount"))
    gathering.uses(
        input_=count(usage.get("promptTokenCount")) + count(usage.get("toolUsePromptTokenCount")),
        output=count(usage.get("candidatesTokenCount")) + thoughts,
        cached=count(usage.get("cachedContentTokenCount")),
        reasoning=thoughts,
    )
