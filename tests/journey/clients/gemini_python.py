"""The google-genai Python SDK, 1.x and 3.x: what its callers do, and what they see (protocol: `recording`)."""

from __future__ import annotations

import asyncio
from typing import Any

from google import genai
from google.genai import types
from recording import Scenario, Witness, plain, play

MODEL = "gemini-2.5-flash"
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            parameters=types.Schema(
                type="OBJECT", properties={"city": types.Schema(type="STRING"), "days": types.Schema(type="INTEGER")}
            ),
        )
    ]
)
STATUSES = (400, 401, 403, 404, 409, 429, 500, 503, 504)


class Caller:
    """Calls the API in both styles; `say` makes a request whose script is in its message."""

    def __init__(self, base_url: str, witness: Witness) -> None:
        self.client, self.hasty = (
            genai.Client(
                api_key="journey-gemini-key",
                http_options=types.HttpOptions(
                    base_url=base_url,
                    timeout=milliseconds,
                    client_args={"event_hooks": witness.hooks},
                    async_client_args={"event_hooks": witness.hooks_async},
                ),
            )
            for milliseconds in (60_000, 1000)
        )

    @staticmethod
    def say(text: str, script: str = "", **config: Any) -> dict[str, Any]:
        """Arguments of a generate call."""
        asked: dict[str, Any] = {"model": MODEL, "contents": f"{text} [[script: {script}]]" if script else text}
        if config:
            asked["config"] = types.GenerateContentConfig(**config)
        return asked

    def generate(self, text: str, script: str = "", **config: Any) -> Any:
        """A whole answer."""
        return _parsed(self.client.models.generate_content(**self.say(text, script, **config)))

    async def generate_async(self, text: str, script: str = "", **config: Any) -> Any:
        """A whole answer, awaited."""
        return _parsed(await self.client.aio.models.generate_content(**self.say(text, script, **config)))

    def stream(self, text: str, script: str = "", *, hasty: bool = False, **config: Any) -> Any:
        """A stream's chunks, and how it ended."""
        chunks: list[Any] = []
        client = self.hasty if hasty else self.client
        try:
            chunks.extend(_parsed(chunk) for chunk in client.models.generate_content_stream(**self.say(text, script, **config)))
        except Exception as error:  # noqa: BLE001 - how a stream fails is the result
            return {"chunks": chunks, "raised": type(error).__name__, "message": str(error)}
        return {"chunks": chunks}

    async def stream_async(self, text: str, script: str = "", **config: Any) -> Any:
        """A stream's chunks, awaited."""
        stream = await self.client.aio.models.generate_content_stream(**self.say(text, script, **config))
        return [_parsed(chunk) async for chunk in stream]

    async def parallel(self) -> Any:
        """Eight calls at once."""
        return await asyncio.gather(
            *(self.generate_async(f"parallel {number}", f"head_delay_ms={number * 5}") for number in range(8))
        )


def _parsed(answer: Any) -> Any:
    """An answer without the copy of its headers, which are compared by themselves."""
    value = plain(answer)
    value.pop("sdk_http_response", None)
    return value


def _answers(caller: Caller) -> dict[str, Scenario]:
    models = caller.client.models
    return {
        "generate": lambda: caller.generate("hello", temperature=0.2, max_output_tokens=256, system_instruction="Be brief."),
        "generate async": lambda: caller.generate_async("hello async"),
        "generate candidates": lambda: caller.generate("two", candidate_count=2),
        "generate tool": lambda: caller.generate("weather", "tool", tools=[TOOL]),
        "generate thinking": lambda: caller.generate("think", "reasoning"),
        "generate long": lambda: caller.generate("long " * 40_000, "words=4000"),
        "stream": lambda: caller.stream("stream", "chunks=12 delay_ms=2"),
        "stream tool": lambda: caller.stream("stream weather", "tool", tools=[TOOL]),
        "stream async": lambda: caller.stream_async("stream async", "chunks=12 delay_ms=2"),
        "stream by bytes": lambda: caller.stream("stream by bytes", "chunk_size=1 chunks=2"),
        "gzip": lambda: caller.generate("gzip", "encoding=gzip"),
        "gzip stream": lambda: caller.stream("gzip stream", "encoding=gzip"),
        "parallel": caller.parallel,
        "count tokens": lambda: _parsed(models.count_tokens(model=MODEL, contents="count me")),
        "embed": lambda: _parsed(models.embed_content(model="gemini-embedding-001", contents=["a", "b"])),
        "models": lambda: [_parsed(model) for model in models.list()],
        "model": lambda: _parsed(models.get(model=MODEL)),
    }


def _errors(caller: Caller) -> dict[str, Scenario]:
    found: dict[str, Scenario] = {
        f"error {status}": lambda status=status: caller.generate("fail", f"status={status}") for status in STATUSES
    }
    return found | {
        "error async": lambda: caller.generate_async("fail async", "status=403"),
        "error of a stream": lambda: caller.stream("fail stream", "status=429"),
        "ok after a failure": lambda: caller.generate("fail once", "status=503 times=1"),
        "ok at last": lambda: caller.generate("fail once", "status=503 times=1"),
        "timeout": lambda: caller.hasty.models.generate_content(**caller.say("slow", "head_delay_ms=3000")),
        "timeout in a stream": lambda: caller.stream("stalled", "fault=stall after_bytes=400", hasty=True),
        "truncated stream": lambda: caller.stream("truncated", "fault=truncate"),
        "error in a stream": lambda: caller.stream("error event", "fault=error_event"),
        "reset before the head": lambda: caller.generate("reset", "fault=reset at=start"),
        "reset in an answer": lambda: caller.generate("reset", "fault=reset after_bytes=100"),
        "reset in a stream": lambda: caller.stream("reset", "fault=reset after_bytes=400"),
        "closed in a stream": lambda: caller.stream("close", "fault=close after_bytes=400"),
    }


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All scenarios of this SDK."""
    caller = Caller(base_url, witness)
    return _answers(caller) | _errors(caller)


if __name__ == "__main__":
    play(scenarios)
