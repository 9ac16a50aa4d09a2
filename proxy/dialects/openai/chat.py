"""Answers of `/v1/chat/completions` and `/v1/completions`, whole and streamed."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.dialects.gathering import Gathering, count, error_word, word
from proxy.dialects.jsonio import read_leniently
from proxy.dialects.openai.errors import chat_error_event
from proxy.dialects.sse import EndRule, EventStreamReader

_decode = msgspec.json.Decoder().decode
_REASONING_KEYS = ("reasoning_content", "reasoning")  # DeepSeek and others; OpenRouter, Groq


class _PlainText(msgspec.Struct, gc=False):
    content: str
    tool_calls: None = None
    function_call: None = None
    refusal: None = None
    reasoning_content: None = None
    reasoning: None = None


class _PlainChoice(msgspec.Struct, gc=False):
    delta: _PlainText
    index: int
    finish_reason: None = None
    logprobs: None = None
    message: None = None
    text: None = None


class _PlainChunk(msgspec.Struct, gc=False):
    """A chunk that says text and nothing else, which is what nearly all are; any other does not fit and is read in full."""

    choices: list[_PlainChoice]
    usage: None = None
    x_groq: None = None
    error: None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode


class ChatStream(EventStreamReader):
    """Chunks without event names, ended by `[DONE]` or by a payload whose first member is `error`."""

    rule = EndRule(heads=(b"[DONE]", b'{"error":'))
    own_error = staticmethod(chat_error_event)
    _plain = False  # whether the chunk before this one was plain, so that this one probably is

    def read_event(self, name: bytes, payload: bytes) -> bool:  # noqa: ARG002 - chunks have no names
        """Take in one chunk."""
        if payload[:6] == b"[DONE]":  # the SDKs too look at the beginning only
            return True
        gathering = self.gathering
        if self._plain:
            try:
                for choice in _decode_plain(payload).choices:
                    gathering.says(gathering.choice(choice.index), choice.delta.content)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._plain = False
            else:
                return False
        try:
            chunk = _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            chunk = read_leniently(payload)
        said = gathering.seen.text_chars
        read_chat(gathering, chunk)
        seen = gathering.seen
        self._plain = seen.text_chars > said and seen.model is not None and seen.upstream_id is not None
        return type(chunk) is dict and bool(chunk.get("error"))


class _PlainEnd(msgspec.Struct, gc=False):
    message: _PlainText
    index: int
    finish_reason: str
    logprobs: None = None
    delta: None = None
    text: None = None


class _PlainAnswer(msgspec.Struct, gc=False):
    """A whole answer that says text and nothing else; any other does not fit and is read in full."""

    id: str
    model: str
    choices: list[_PlainEnd]
    usage: dict[str, Any]
    x_groq: None = None
    error: None = None


_decode_plain_answer = msgspec.json.Decoder(_PlainAnswer).decode


def parse_chat(raw: bytes) -> Any:
    """A whole answer in the cheapest form that `read_whole_chat` can take in; None when it is no JSON."""
    try:
        return _decode_plain_answer(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_leniently(raw)


def read_whole_chat(gathering: Gathering, answer: Any) -> None:
    """Take in what `parse_chat` gave."""
    if type(answer) is not _PlainAnswer:
        read_chat(gathering, answer)
        return
    gathering.names(answer.model, answer.id)
    for choice in answer.choices:
        gathering.says(gathering.choice(choice.index), choice.message.content)
        gathering.seen.finish = word(choice.finish_reason) or gathering.seen.finish
    _read_usage(gathering, answer.usage)


def read_chat(gathering: Gathering, tree: Any) -> None:
    """Take in a whole answer or one chunk of it."""
    seen = gathering.seen
    if type(tree) is not dict:
        seen.unread = True
        return
    if seen.model is None or seen.upstream_id is None:
        gathering.names(tree.get("model"), tree.get("id"))
    choices = tree.get("choices")
    if type(choices) is list:
        for choice in choices:
            if type(choice) is dict:
                _read_choice(gathering, choice)
    usage = tree.get("usage")
    if type(usage) is dict:
        _read_usage(gathering, usage)
    elif type(extra := tree.get("x_groq")) is dict and type(extra.get("usage")) is dict:
        _read_usage(gathering, extra["usage"])
    if error := tree.get("error"):
        seen.error = error_word(error)
    elif tree.get("object") == "error":  # Mistral, vLLM: the error itself is the document
        seen.error = error_word(tree)


def _read_choice(gathering: Gathering, choice: dict[str, Any]) -> None:
    index = gathering.choice(choice.get("index"))
    message = choice.get("delta") or choice.get("message")
    if type(message) is dict:
        content = message.get("content")
        if type(content) is str:
            gathering.says(index, content)
        if len(message) > 1 or type(content) is not str:
            _read_rest(gathering, index, message)
    if type(text := choice.get("text")) is str:
        gathering.says(index, text)
    if finish := choice.get("finish_reason"):
        gathering.seen.finish = word(finish) or gathering.seen.finish
    if choice.get("logprobs"):
        gathering.seen.logprobs = True


def _read_rest(gathering: Gathering, index: int, message: dict[str, Any]) -> None:
    content = message.get("content")
    if type(content) is list:  # Mistral's reasoning models answer in parts
        _read_parts(gathering, index, content)
    if type(refusal := message.get("refusal")) is str:
        gathering.says(index, refusal)
    for key in _REASONING_KEYS:
        if type(thought := message.get(key)) is str:
            gathering.thinks(index, thought)
            break  # some hosts send the same thought under both names
    if type(calls := message.get("tool_calls")) is list:
        for place, call in enumerate(calls):
            if type(call) is dict:
                _read_call(gathering, index, place, call)
    if type(call := message.get("function_call")) is dict:
        gathering.calls(index, "function", call.get("name"), call.get("arguments"))


def _read_parts(gathering: Gathering, index: int, parts: list[Any]) -> None:
    for part in parts:
        if type(part) is not dict:
            continue
        if type(text := part.get("text")) is str:
            gathering.says(index, text)
        elif type(thoughts := part.get("thinking")) is list:
            for thought in thoughts:
                if type(thought) is dict and type(text := thought.get("text")) is str:
                    gathering.thinks(index, text)


def _read_call(gathering: Gathering, index: int, place: int, call: dict[str, Any]) -> None:
    key = call.get("index")
    function = call.get("function")
    if type(function) is not dict:
        function = call.get("custom")
    if type(function) is not dict:
        function = {}
    pieces = (function.get("name"), function.get("arguments"), function.get("input"))
    gathering.calls(index, key if type(key) is int else place, *pieces)


def _read_usage(gathering: Gathering, usage: dict[str, Any]) -> None:
    prompt = usage.get("prompt_tokens_details")
    completion = usage.get("completion_tokens_details")
    cached = count(prompt.get("cached_tokens")) if type(prompt) is dict else 0
    gathering.uses(
        input_=count(usage.get("prompt_tokens")),
        output=count(usage.get("completion_tokens")),
        cached=cached or count(usage.get("prompt_cache_hit_tokens")),  # the latter: DeepSeek
        reasoning=count(completion.get("reasoning_tokens")) if type(completion) is dict else 0,
    )
