"""Answers of OpenAI's endpoints that hold no conversation: embeddings, moderations, model lists, pictures, transcriptions."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from proxy.dialects.gathering import Gathering, count, error_word
from proxy.dialects.jsonio import read_leniently
from proxy.dialects.openai.errors import chat_error_event
from proxy.dialects.openai.shapes import Bulky
from proxy.dialects.sse import EndRule, EventStreamReader

_ENTRY_LISTS = ("data", "results", "models")


_decode_bulky = msgspec.json.Decoder(Bulky).decode


def parse_bulky(raw: bytes) -> Any:
    """The tree of an answer with the entries of `data` left unread."""
    try:
        bulky = _decode_bulky(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_leniently(raw)
    return {field: getattr(bulky, field) for field in bulky.__struct_fields__}


def read_task(gathering: Gathering, tree: Any) -> None:
    """Take in an answer: its entries count as choices, a text (transcription) as text."""
    seen = gathering.seen
    if type(tree) is not dict:
        seen.unread = True
        return
    gathering.names(tree.get("model"), tree.get("id"))
    for key in _ENTRY_LISTS:
        entries = tree.get(key)
        if type(entries) is list:
            seen.choices = len(entries)
            break
    if type(text := tree.get("text")) is str:
        gathering.says(gathering.choice(0), text)
    usage = tree.get("usage")
    if type(usage) is dict:
        input_ = count(usage.get("input_tokens")) or count(usage.get("prompt_tokens"))
        gathering.uses(input_=input_, output=count(usage.get("output_tokens")))
    if error := tree.get("error"):
        seen.error = error_word(error)


class TaskStream(EventStreamReader):
    """Pictures and transcripts as they are made: events whose `type` ends in `.delta`, `.partial_image`, `.done`, `.completed`."""

    rule: ClassVar[EndRule] = EndRule(heads=(b"[DONE]", b'{"error":'))

    def read_event(self, name: bytes, payload: bytes) -> bool:  # noqa: ARG002 - the payload repeats the name
        """Take in one event."""
        if payload[:6] == b"[DONE]":
            return True
        event = read_leniently(payload)
        if type(event) is not dict:
            self.gathering.seen.unread = True
            return False
        if type(delta := event.get("delta")) is str:
            self.gathering.says(self.gathering.choice(0), delta)
        # The whole text comes once more at the end; what was seen in pieces is not counted twice.
        read_task(self.gathering, {key: value for key, value in event.items() if key != "text"})
        return bool(event.get("error"))

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `EventStreamReader.own_error`."""
        return chat_error_event(status, code, message, record_id)
