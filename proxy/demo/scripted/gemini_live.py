"""Gemini's Live API on a WebSocket: messages in, messages out, in binary frames as the real one sends them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from proxy.demo.scripted.content import Asked, tool_call
from proxy.demo.scripted.script import Script

Event = dict[str, Any]
_ENDINGS = ("text", "audioStreamEnd", "audio_stream_end", "activityEnd", "activity_end")


def _member(event: Event, camel: str, snake: str) -> Any:
    return event.get(camel, event.get(snake))


class Live:
    """One session. See `openai_realtime.Realtime`."""

    binary = True

    def __init__(self, asked: Asked) -> None:
        self._opening = asked
        self._setup: Event = {}
        self._turns = 0
        self._said: list[Any] = []

    def greet(self) -> list[Event]:
        """The client speaks first."""
        return []

    def hear(self, event: Event) -> tuple[list[Event], Script]:
        """Answers, and the script they are given by."""
        self._said.append(event)
        asked = self._about()
        return list(self._answers(event, asked)), asked.script

    def error(self, message: str) -> Event:
        """What stands for an error; the real one closes instead."""
        return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}

    def _about(self) -> Asked:
        return self._opening.about({"said": self._said[-3:]}, str(self._setup.get("model") or "scripted"), f"turn{self._turns}")

    def _answers(self, event: Event, asked: Asked) -> Iterator[Event]:
        if (setup := event.get("setup")) is not None:
            self._setup = setup
            yield {"setupComplete": {}}
        elif (content := _member(event, "clientContent", "client_content")) is not None:
            if _member(content, "turnComplete", "turn_complete"):
                yield from self._turn(asked)
        elif (heard := _member(event, "realtimeInput", "realtime_input")) is not None:
            if any(name in heard for name in _ENDINGS):
                yield from self._turn(asked)
        elif _member(event, "toolResponse", "tool_response") is not None:
            yield from self._answer(asked)

    def _turn(self, asked: Asked) -> Iterator[Event]:
        tools = self._setup.get("tools") or []
        declared = _member(tools[0], "functionDeclarations", "function_declarations") if tools else None
        if asked.script.tool and declared:
            name, arguments = tool_call(declared[0].get("name"), declared[0].get("parameters"))
            yield {"toolCall": {"functionCalls": [{"id": f"call-{self._turns}", "name": name, "args": arguments}]}}
        else:
            yield from self._answer(asked)

    def _answer(self, asked: Asked) -> Iterator[Event]:
        self._turns += 1
        config = _member(self._setup, "generationConfig", "generation_config") or {}
        modalities = _member(config, "responseModalities", "response_modalities") or ["TEXT"]
        for part in asked.parts():
            if "AUDIO" in modalities:
                sound = {"mimeType": "audio/pcm;rate=24000", "data": b64encode(part.encode() * 40).decode()}
                yield {"serverContent": {"modelTurn": {"parts": [{"inlineData": sound}]}}}
            else:
                yield {"serverContent": {"modelTurn": {"parts": [{"text": part}]}}}
        yield {"serverContent": {"generationComplete": True}}
        counts = {"promptTokenCount": asked.tokens_in, "responseTokenCount": asked.tokens_out}
        total = asked.tokens_in + asked.tokens_out
        yield {"serverContent": {"turnComplete": True}, "usageMetadata": {**counts, "totalTokenCount": total}}
