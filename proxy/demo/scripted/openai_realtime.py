"""OpenAI's Realtime API on a WebSocket, and Responses on one: events in, events out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

from proxy.demo.scripted import openai_responses
from proxy.demo.scripted.content import Asked, encode, tool_call
from proxy.demo.scripted.script import Script

Event = dict[str, Any]

HEARD = 3
"""Pieces of audio after which a session that detects speech takes it for ended."""


class Realtime:
    """One session. `hear` gives what answers a client's event; `asked_for(event, use)` makes an `Asked` of it."""

    binary = False

    def __init__(self, asked: Asked) -> None:
        self._opening = asked
        self._session: Event = {
            "id": "sess_" + asked.stamp.hex("session"),
            "object": "realtime.session",
            "type": "realtime",
            "model": asked.parameter("model") or asked.parameter("deployment") or "gpt-realtime",
            "instructions": "",
            "tools": [],
        }
        self._events = 0
        self._responses = 0
        self._heard = 0
        self._said: list[Any] = []

    def greet(self) -> list[Event]:
        """What is said first."""
        return [self._event("session.created", session=self._session)]

    def hear(self, event: Event) -> tuple[list[Event], Script]:
        """Answers, and the script they are given by."""
        return list(self._answers(event)), self._about(event).script

    def error(self, message: str) -> Event:
        """The error event."""
        error = {"type": "invalid_request_error", "code": None, "message": message, "param": None, "event_id": None}
        return self._event("error", error=error)

    def _about(self, event: Event) -> Asked:
        return self._opening.about({"event": event, "said": self._said}, str(self._session["model"]), f"response{self._responses}")

    def _event(self, kind: str, **fields: Any) -> Event:
        self._events += 1
        return {"type": kind, "event_id": "event_" + self._opening.stamp.hex(f"event{self._events}", 20), **fields}

    def _answers(self, event: Event) -> Iterator[Event]:
        kind = event.get("type")
        if kind == "session.update":
            self._session |= event.get("session") or {}
            yield self._event("session.updated", session=self._session)
        elif kind == "conversation.item.create":
            item = {"id": "item_" + self._opening.stamp.hex(f"item{self._events}"), **event["item"]}
            self._said.append(item)
            yield self._event("conversation.item.created", previous_item_id=None, item=item)
        elif kind == "input_audio_buffer.append":
            self._heard += 1
            if self._session.get("turn_detection") and self._heard % HEARD == 0:
                yield self._event("input_audio_buffer.committed", previous_item_id=None, item_id=f"item_{self._heard}")
                yield from self._response({})
        elif kind == "input_audio_buffer.commit":
            yield self._event("input_audio_buffer.committed", previous_item_id=None, item_id=f"item_{self._heard}")
        elif kind == "response.create":
            yield from self._response(event.get("response") or {})
        else:
            yield self.error(f"unknown event {kind!r}")

    def _response(self, given: Event) -> Iterator[Event]:
        asked = self._about(given)
        self._responses += 1
        name, item = f"resp_{asked.stamp.hex('response')}", f"item_{asked.stamp.hex('item')}"
        response: Event = {"id": name, "object": "realtime.response", "status_details": None, "output": []}
        yield self._event("response.created", response={**response, "status": "in_progress"})
        place = {"response_id": name, "item_id": item, "output_index": 0}
        if asked.script.tool and self._session["tools"]:
            tool = self._session["tools"][0]
            called, arguments = tool_call(tool.get("name"), tool.get("parameters"))
            call = {"id": item, "type": "function_call", "name": called, "call_id": f"call_{item}", "arguments": ""}
            yield self._event("response.output_item.added", response_id=name, output_index=0, item=call)
            whole = encode(arguments).decode()
            for piece in (whole[:5], whole[5:]):
                yield self._event("response.function_call_arguments.delta", call_id=f"call_{item}", delta=piece, **place)
        else:
            modalities = given.get("output_modalities") or given.get("modalities") or self._session.get("modalities") or ["text"]
            for part in asked.parts():
                if "audio" in modalities:
                    sound = b64encode(part.encode() * 40).decode()
                    yield self._event("response.output_audio.delta", content_index=0, delta=sound, **place)
                    yield self._event("response.output_audio_transcript.delta", content_index=0, delta=part, **place)
                else:
                    yield self._event("response.output_text.delta", content_index=0, delta=part, **place)
        usage = {
            "total_tokens": asked.tokens_in + asked.tokens_out,
            "input_tokens": asked.tokens_in,
            "output_tokens": asked.tokens_out,
            "input_token_details": {"cached_tokens": 1, "text_tokens": asked.tokens_in, "audio_tokens": 0},
            "output_token_details": {"text_tokens": asked.tokens_out, "audio_tokens": 0},
        }
        yield self._event("response.done", response={**response, "status": "completed", "usage": usage})


class ResponsesSocket:
    """Responses over a WebSocket: the events of a stream, each a message."""

    binary = False

    def __init__(self, asked: Asked) -> None:
        self._opening = asked
        self._responses = 0

    def greet(self) -> list[Event]:
        """Nothing is said first."""
        return []

    def hear(self, event: Event) -> tuple[list[Event], Script]:
        """The events of one response."""
        self._responses += 1
        asked = self._opening.about({**event, "stream": True}, str(event.get("model") or "scripted"), f"response{self._responses}")
        if event.get("type") != "response.create":
            return [self.error(f"unknown event {event.get('type')!r}")], asked.script
        content = openai_responses.responses(asked)
        pieces = [*content.opening, *content.deltas, *content.closing]
        return [msgspec.json.decode(piece.partition(b"data: ")[2]) for piece in pieces], asked.script

    def error(self, message: str) -> Event:
        """The error event."""
        return {"type": "error", "status": 400, "error": {"type": "invalid_request_error", "code": None, "message": message}}
