"""Answers of Anthropic's `/v1/messages`, whole and streamed, and of its token counts and model lists."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from proxy.dialects.anthropic.errors import error_event
from proxy.dialects.gathering import Gathering, count, error_word, word
from proxy.dialects.jsonio import read_leniently, write_compact
from proxy.dialects.sse import EndRule, EventStreamReader

_decode = msgspec.json.Decoder().decode


class MessageStream(EventStreamReader):
    """Named events whose payload repeats the name as `type`, from `message_start` to `message_stop` or `error`."""

    rule: ClassVar[EndRule] = EndRule(
        names=frozenset({b"message_stop", b"error"}),
        heads=(b'{"type":"message_stop"', b'{"type":"error"'),
    )

    def read_event(self, name: bytes, payload: bytes) -> bool:
        """Take in one event."""
        try:
            event = _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            event = read_leniently(payload)
        if type(event) is not dict:
            self.gathering.seen.unread = True
            return name in self.rule.names
        kind = event.get("type")
        if type(kind) is not str:
            kind = name.decode("utf-8", "replace")
        gathering = self.gathering
        if kind == "content_block_delta":
            _read_delta(gathering, event.get("index"), event.get("delta"))
        elif kind == "content_block_start":
            _read_block(gathering, event.get("index"), event.get("content_block"))
        elif kind == "message_start":
            _read_frame(gathering, event.get("message"))
        elif kind == "message_delta":
            _read_frame(gathering, event.get("delta"))
            _read_usage(gathering, event.get("usage"))
        elif kind == "error":
            gathering.seen.error = error_word(event.get("error")) or "error"
        return kind in ("message_stop", "error") or name in self.rule.names

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `EventStreamReader.own_error`."""
        return error_event(status, code, message, record_id)


def read_message(gathering: Gathering, tree: Any) -> None:
    """Take in a whole message, a token count, a list of models or an error."""
    if type(tree) is not dict:
        gathering.seen.unread = True
        return
    if error := tree.get("error"):
        gathering.seen.error = error_word(error)
        return
    _read_frame(gathering, tree)
    if type(tokens := tree.get("input_tokens")) is int:
        gathering.uses(input_=count(tokens), output=0)
    blocks = tree.get("content")
    for place, block in enumerate(blocks if type(blocks) is list else ()):
        _read_block(gathering, place, block)
        if type(block) is dict and _is_call(block) and block.get("input"):
            gathering.calls(0, place, write_compact(block["input"]))


def _read_frame(gathering: Gathering, message: Any) -> None:
    if type(message) is not dict:
        return
    gathering.names(message.get("model"), message.get("id"))
    if message.get("role") is not None:
        gathering.choice(0)
    if finish := word(message.get("stop_reason")):
        gathering.seen.finish = finish
    _read_usage(gathering, message.get("usage"))


def _read_usage(gathering: Gathering, usage: Any) -> None:
    """Totals so far; what a later report leaves out stays. Cached tokens are not in `input_tokens`, so they are added."""
    if type(usage) is not dict:
        return
    known = gathering.seen.usage
    cached = count(usage.get("cache_read_input_tokens"))
    given = count(usage.get("input_tokens")) + count(usage.get("cache_creation_input_tokens")) + cached
    gathering.uses(
        input_=given or (known.input if known else 0),
        output=count(usage.get("output_tokens")) or (known.output if known else 0),
        cached=cached or (known.cached if known else 0),
    )


def _is_call(block: dict[str, Any]) -> bool:
    kind = block.get("type")
    return type(kind) is str and kind.endswith("tool_use")


def _read_block(gathering: Gathering, place: Any, block: Any) -> None:
    if type(block) is not dict:
        return
    if _is_call(block):
        gathering.calls(0, place if type(place) is int else None, block.get("name"))
    if type(text := block.get("text")) is str:
        gathering.says(0, text)
    if type(thought := block.get("thinking")) is str:
        gathering.thinks(0, thought)


def _read_delta(gathering: Gathering, place: Any, delta: Any) -> None:
    if type(delta) is not dict:
        return
    if type(text := delta.get("text")) is str:
        gathering.says(0, text)
    elif type(thought := delta.get("thinking")) is str:
        gathering.thinks(0, thought)
    elif type(arguments := delta.get("partial_json")) is str:
        gathering.calls(0, place if type(place) is int else None, arguments)
