"""The google-genai Python SDK on WebSockets, 1.x and 3.x: what its callers do, and what they see (protocol: `recording`)."""

from __future__ import annotations

from typing import Any

from google import genai
from google.genai import types
from recording import Scenario, Witness, plain, play

MODEL = "gemini-live-2.5-flash"
TOOL = {
    "function_declarations": [{"name": "get_weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}]
}
SOUND = b"\0\1" * 1600


class Caller:
    """Opens sessions; the script of an answer is in what is said."""

    def __init__(self, base_url: str) -> None:
        self.client = genai.Client(api_key="journey-live-key", http_options=types.HttpOptions(base_url=base_url))

    async def say(self, *texts: str | None, modality: str = "TEXT", **config: Any) -> Any:
        """One turn for each text, only listening for None; all messages, and how the session ended."""
        messages: list[Any] = []
        try:
            async with self.client.aio.live.connect(model=MODEL, config={"response_modalities": [modality], **config}) as session:
                for text in texts:
                    if text is not None:
                        await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]}, turn_complete=True)
                    async for message in session.receive():
                        messages.append(plain(message))
                        if message.tool_call:
                            answers = [
                                types.FunctionResponse(id=call.id, name=call.name, response={"sky": "blue"})
                                for call in message.tool_call.function_calls
                            ]
                            await session.send_tool_response(function_responses=answers)
        except Exception as error:  # noqa: BLE001 - how a session fails is the result
            return {"messages": messages, "raised": type(error).__name__, "message": str(error)}
        return {"messages": messages}

    async def speak(self) -> Any:
        """Speech in pieces, and its end."""
        messages: list[Any] = []
        async with self.client.aio.live.connect(model=MODEL, config={"response_modalities": ["AUDIO"]}) as session:
            for _ in range(5):
                await session.send_realtime_input(audio=types.Blob(data=SOUND, mime_type="audio/pcm;rate=16000"))
            await session.send_realtime_input(audio_stream_end=True)
            messages += [plain(message) async for message in session.receive()]
        return messages

    async def leave(self) -> Any:
        """A caller that hangs up in the middle of an answer."""
        async with self.client.aio.live.connect(model=MODEL, config={"response_modalities": ["TEXT"]}) as session:
            text = "leave [[script: chunks=50 delay_ms=20]]"
            await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]}, turn_complete=True)
            return plain(await anext(session.receive()))


def scenarios(base_url: str, _witness: Witness) -> dict[str, Scenario]:
    """All scenarios of this SDK."""
    caller = Caller(base_url)
    return {
        "text": lambda: caller.say("hello", system_instruction="Be brief."),
        "three turns": lambda: caller.say("one", "two", "¿tres? 漢字 [[script: chunks=9]]"),
        "audio": lambda: caller.say("speak [[script: chunks=12]]", modality="AUDIO"),
        "tool": lambda: caller.say("weather [[script: tool]]", tools=[TOOL]),
        "by bytes": lambda: caller.say("bytes [[script: chunk_size=1 chunks=2]]"),
        "long": lambda: caller.say("long " * 40_000 + "[[script: words=4000]]"),
        "speech": caller.speak,
        "left": caller.leave,
        "closed by the server": lambda: caller.say("close [[script: close_code=1008]]", None),
        "cut": lambda: caller.say("cut [[script: fault=close]]"),
        "reset": lambda: caller.say("reset [[script: fault=reset]]"),
        "after all that": lambda: caller.say("hello again"),
    }


if __name__ == "__main__":
    play(scenarios)
