"""The openai Python SDK on WebSockets, 1.x and 3.x: what its callers do, and what they see (protocol: `recording`)."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager
from typing import Any

import openai
from recording import Scenario, Witness, play

TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SOUND = base64.b64encode(b"\0\1" * 1200).decode()


class Caller:
    """Opens sessions; the script of an answer is in what is said."""

    def __init__(self, base_url: str) -> None:
        self.client = openai.AsyncOpenAI(api_key="sk-journey-realtime", base_url=base_url)

    def connect(self, model: str = "gpt-realtime") -> AbstractAsyncContextManager[Any]:
        """The connection of either generation of the SDK."""
        newer = getattr(self.client, "realtime", None)
        return (newer or self.client.beta.realtime).connect(model=model)

    async def say(
        self, *texts: str | None, model: str = "gpt-realtime", session: dict[str, Any] | None = None, **response: Any
    ) -> Any:
        """One response for each text, only listening for None; all events, and how the session ended."""
        events: list[Any] = []
        async with self.connect(model) as connection:
            try:
                events.append(await received(connection))
                if session is not None:
                    await connection.session.update(session=session)
                    events.append(await received(connection))
                for text in texts:
                    if text is None:
                        events.append(await received(connection))
                        continue
                    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
                    await connection.conversation.item.create(item=item)
                    await connection.response.create(**({"response": response} if response else {}))
                    events += await until(connection, "response.done", "error")
            except Exception as error:  # noqa: BLE001 - how a session fails is the result
                return {"events": events, **closed(error)}
        return {"events": events}

    async def speak(self) -> Any:
        """A server that detects speech by itself."""
        async with self.connect() as connection:
            events = [await received(connection)]
            await connection.session.update(session={"type": "realtime", "turn_detection": {"type": "server_vad"}})
            for _ in range(3):
                await connection.input_audio_buffer.append(audio=SOUND)
            return events + await until(connection, "response.done")

    async def leave(self) -> Any:
        """A caller that hangs up in the middle of an answer."""
        async with self.connect() as connection:
            await connection.response.create(response={"instructions": "[[script: chunks=50 delay_ms=20]]"})
            return [await received(connection) for _ in range(4)]

    async def responses(self) -> Any:
        """The Responses API over a WebSocket, where the SDK has it."""
        if not hasattr(self.client.responses, "connect"):
            return "not in this SDK"
        events: list[Any] = []
        async with self.client.responses.connect() as connection:
            for text in ("one", "two"):
                await connection.response.create(model="gpt-5.2", input=f"{text} [[script: chunks=3]]")
                events += await until(connection, "response.completed")
        return events


async def received(connection: Any) -> Any:
    """One event as the SDK gives it."""
    event = await connection.recv()
    return event if isinstance(event, dict) else event.to_dict()


async def until(connection: Any, *kinds: str) -> list[Any]:
    """Events up to one of these kinds."""
    events = [await received(connection)]
    while events[-1]["type"] not in kinds:
        events.append(await received(connection))
    return events


def closed(error: Exception) -> dict[str, Any]:
    """How the library says that a session has ended."""
    close = getattr(error, "rcvd", None)
    return {"raised": type(error).__name__, "code": getattr(close, "code", None), "reason": getattr(close, "reason", None)}


def scenarios(base_url: str, _witness: Witness) -> dict[str, Scenario]:
    """All scenarios of this SDK."""
    caller = Caller(base_url)
    brief = {"type": "realtime", "instructions": "Be brief.", "tools": [TOOL]}
    return {
        "text": lambda: caller.say("hello"),
        "three turns": lambda: caller.say("one", "two", "¿tres? 漢字 [[script: chunks=9]]"),
        "audio": lambda: caller.say("speak [[script: chunks=12]]", output_modalities=["audio"]),
        "tool": lambda: caller.say("weather [[script: tool]]", session=brief),
        "by bytes": lambda: caller.say("bytes [[script: chunk_size=1 chunks=2]]"),
        "long": lambda: caller.say("long " * 40_000 + "[[script: words=4000]]"),
        "speech": caller.speak,
        "left": caller.leave,
        "responses": caller.responses,
        "error event": lambda: caller.say("fail [[script: fault=error_event]]"),
        "closed by the server": lambda: caller.say("close [[script: close_code=1008]]", None),
        "closed in order": lambda: caller.say("close [[script: close_code=1000]]", None),
        "cut": lambda: caller.say("cut [[script: fault=close]]"),
        "reset": lambda: caller.say("reset [[script: fault=reset]]"),
        "refused": lambda: caller.say("never", model="scripted-401"),
        "after all that": lambda: caller.say("hello again"),
    }


if __name__ == "__main__":
    play(scenarios)
