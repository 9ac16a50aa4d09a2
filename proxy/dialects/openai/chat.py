"""Answers of `/v1/chat/completions` and `/v1/completions`, whole and streamed."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from proxy.dialects.gathering import Gathering, count, error_word, word
from proxy.dialects.jsonio import read_leniently
from proxy.dialects.openai.errors import chat_error_event
from proxy.dialects.openai.shapes import PlainAnswer, PlainChunk
from proxy.dialects.sse import EndRule, EventStreamReader

_decode = msgspec.json.Decoder().decode
_REASONING_KEYS = ("reasoning_content", "reasoning")  # DeepSeek and others; OpenRouter, Groq
_STREAMED, _WHOLE = ("delta", "message"), ("message", "delta")
"""Where a choice's words are. Perplexity sends both: in a stream `message` repeats what came, else `delta` is empty."""


_decode_plain = msgspec.json.Decoder(PlainChunk).decode


class ChatStream(EventStreamReader):
    """Chunks without event names, ended by `[DONE]` or by a payload with `error`, which some hosts name `error` as well.

    Hosts that send no `[DONE]` (Perplexity, MiniMax's native path) end a stream by its framing alone, whose end is held too.
    """

    rule: ClassVar[EndRule] = EndRule(names=frozenset({b"error"}), heads=(b"[DONE]", b'{"error":'))
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
        read_chat(gathering, chunk, _STREAMED)
        seen = gathering.seen
        self._plain = seen.text_chars > said and seen.model is not None and seen.upstream_id is not None
        return type(chunk) is dict and bool(chunk.get("error"))

    def cannot_end(self, event: bytes) -> bool:
        """What neither begins as the rule says nor spells `error`, not even by escapes, ends nothing."""
        return not event.startswith(b"data: [") and event.find(b"error") < 0 and event.find(b"\\u") < 0

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `EventStreamReader.own_error`."""
        return chat_error_event(status, code, message, record_id)


_decode_plain_answer = msgspec.json.Decoder(PlainAnswer).decode


def parse_chat(raw: bytes) -> Any:
    """A whole answer in the cheapest form that `read_whole_chat` can take in; None when it is no JSON."""
    try:
        return _decode_plain_answer(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_leniently(raw)


def read_whole_chat(gathering: Gathering, answer: Any) -> None:
    """Take in what `parse_chat` gave."""
    if type(answer) is not PlainAnswer:
        read_chat(gathering, answer)
        return
    gathering.names(answer.model, answer.id)
    for choice in answer.choices:
        gathering.says(gathering.choice(choice.index), choice.message.content)
        gathering.seen.finish = word(choice.finish_reason) or gathering.seen.finish
    _read_usage(gathering, answer.usage)


def read_chat(gathering: Gathering, tree: Any, places: tuple[str, str] = _WHOLE) -> None:
    """Take in a whole answer or one chunk of it."""
    seen = gathering.seen
    if type(tree) is not dict:
        seen.unread = True
        return
    if seen.model is None or seen.upstream_id is None:
        gathering.names(tree.get("model"), tree.get("id") or tree.get("request_id"))  # the latter: xAI, of a chat that is deferred
    choices = tree.get("choices")
    if type(choices) is list:
        for choice in choices:
            if type(choice) is dict:
                _read_choice(gathering, choice, places)
    usage = tree.get("usage")
    if type(usage) is dict:
        _read_usage(gathering, usage)
    elif "x_groq" in tree:
        _read_groq(gathering, tree["x_groq"])
    if error := tree.get("error"):
        seen.error = error_word(error)
    elif tree.get("object") == "error" or "base_resp" in tree:
        _read_odd_error(gathering, tree)


def _read_odd_error(gathering: Gathering, tree: dict[str, Any]) -> None:
    """Mistral's and vLLM's error is the document itself; MiniMax's stands in `base_resp`, where 0 is none, with a status of 200."""
    if tree.get("object") == "error":
        gathering.seen.error = error_word(tree)
    elif type(state := tree["base_resp"]) is dict and (code := state.get("status_code")):
        gathering.seen.error = error_word({"code": code})


def _read_groq(gathering: Gathering, extra: Any) -> None:
    if type(extra) is not dict:
        return
    if type(usage := extra.get("usage")) is dict:
        _read_usage(gathering, usage)
    if error := extra.get("error"):
        gathering.seen.error = error_word(error)


def _read_choice(gathering: Gathering, choice: dict[str, Any], places: tuple[str, str]) -> None:
    index = gathering.choice(choice.get("index"))
    message = choice.get(places[0])
    if type(message) is not dict:
        # MiniMax's native stream ends in the whole message once more.
        again = places == _STREAMED and (gathering.seen.text_chars or gathering.seen.reasoning_chars)
        message = None if again else choice.get(places[1])
    if type(message) is dict:
        content = message.get("content")
        if type(content) is str:
            gathering.says(index, content)
        if len(message) > 1 or type(content) is not str:
            _read_rest(gathering, index, message)
    elif type(text := choice.get("text")) is str:  # beside a delta, as Together sends it, it would count twice
        gathering.says(index, text)
    if type(usage := choice.get("usage")) is dict:  # Moonshot
        _read_usage(gathering, usage)
    if finish := choice.get("finish_reason"):
        gathering.seen.finish = word(finish) or gathering.seen.finish
    if (found := choice.get("logprobs")) or type(found) is float:  # Together's chunks have a bare number
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
            break  # some hosts send the same thought under two or three names
    else:
        if type(details := message.get("reasoning_details")) is list:
            _read_details(gathering, index, details)
    if type(calls := message.get("tool_calls")) is list:
        for place, call in enumerate(calls):
            if type(call) is dict:
                _read_call(gathering, index, place, call)
    if type(call := message.get("function_call")) is dict:
        gathering.calls(index, "function", call.get("name"), call.get("arguments"))


def _read_details(gathering: Gathering, index: int, details: list[Any]) -> None:
    """MiniMax, OpenRouter: `{"type": "reasoning.text", "text": …}`, `{"type": "reasoning.summary", "summary": …}`."""
    for detail in details:
        if type(detail) is dict:
            for key in ("text", "summary"):
                if type(thought := detail.get(key)) is str:
                    gathering.thinks(index, thought)


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
    if type(prompt) is dict:
        cached = count(prompt.get("cached_tokens"))
    else:
        cached = count(usage.get("prompt_cache_hit_tokens")) or count(usage.get("cached_tokens"))  # DeepSeek; Moonshot, Together
    thought = completion if type(completion) is dict else usage  # Perplexity counts beside the others
    gathering.uses(
        input_=count(usage.get("prompt_tokens")),
        output=count(usage.get("completion_tokens")),
        cached=cached,
        reasoning=count(thought.get("reasoning_tokens")),
    )
