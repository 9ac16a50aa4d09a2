"""The openai Python SDK, 1.x and 3.x: what its callers do, and what they see (protocol: `recording`)."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

import openai
from recording import Scenario, Witness, plain, play

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
STATUSES = (400, 401, 403, 404, 409, 413, 422, 429, 451, 500, 502, 503, 529)


class Caller:
    """Calls the API in both styles; `say` makes a request whose script is in its message."""

    def __init__(self, base_url: str, witness: Witness) -> None:
        self.sync = openai.OpenAI(api_key="sk-journey-openai", base_url=base_url)
        self.asynchronous = openai.AsyncOpenAI(api_key="sk-journey-openai", base_url=base_url)
        witness.attend(self.sync._client, self.asynchronous._client)

    @staticmethod
    def say(text: str, script: str = "", **more: Any) -> dict[str, Any]:
        """Arguments of a chat call."""
        content = f"{text} [[script: {script}]]" if script else text
        return {
            "model": "gpt-5.2",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}],
            **more,
        }

    def chat(self, text: str, script: str = "", *, timeout: float = 20, retries: int = 2, **more: Any) -> Any:
        """A whole answer."""
        client = self.sync.with_options(timeout=timeout, max_retries=retries)
        return plain(client.chat.completions.create(**self.say(text, script, **more)))

    async def chat_async(self, text: str, script: str = "", **more: Any) -> Any:
        """A whole answer, awaited."""
        return plain(await self.asynchronous.chat.completions.create(**self.say(text, script, **more)))

    def stream(self, text: str, script: str = "", *, timeout: float = 20, **more: Any) -> Any:
        """A stream's events, and how it ended."""
        events: list[Any] = []
        client = self.sync.with_options(timeout=timeout, max_retries=0)
        try:
            with client.chat.completions.create(**self.say(text, script, stream=True, **more)) as chunks:
                events.extend(plain(chunk) for chunk in chunks)
        except Exception as error:  # noqa: BLE001 - how a stream fails is the result
            return {"events": events, "raised": type(error).__name__, "message": str(error)}
        return {"events": events}

    async def stream_async(self, text: str, script: str = "", **more: Any) -> Any:
        """A stream's events, awaited."""
        chunks = await self.asynchronous.chat.completions.create(**self.say(text, script, stream=True, **more))
        return [plain(chunk) async for chunk in chunks]

    def left_early(self) -> Any:
        """A caller that hangs up after the second event and goes on with something else."""
        with self.sync.chat.completions.create(**self.say("left", "chunks=200 delay_ms=20", stream=True)) as chunks:
            seen = [plain(chunk) for chunk, _ in zip(chunks, range(2), strict=False)]
        return [seen, self.chat("after leaving")]

    def closed_silently(self) -> Any:
        """An answer after which the connection is closed unannounced; a call that met the close on its way would be made again."""
        answer = self.chat("silent close", "then=close")
        time.sleep(0.5)
        return answer

    async def parallel(self) -> Any:
        """Sixteen calls at once."""
        calls = [self.chat_async(f"parallel {number}", f"head_delay_ms={number * 5}") for number in range(16)]
        return await asyncio.gather(*calls)

    def responses(self, text: str, script: str = "", **more: Any) -> Any:
        """The responses API, whole or streamed."""
        asked = {"model": "gpt-5.2", "input": f"{text} [[script: {script}]]", **more}
        if more.get("stream"):
            return [plain(event) for event in self.sync.with_options(max_retries=0).responses.create(**asked)]
        return plain(self.sync.responses.create(**asked))


def _answers(caller: Caller) -> dict[str, Scenario]:
    return {
        "chat": lambda: caller.chat("hello"),
        "chat unicode": lambda: caller.chat("¿dónde? \u2028 漢字 🜁"),
        "chat async": lambda: caller.chat_async("hello async"),
        "chat choices and logprobs": lambda: caller.chat("two", n=2, logprobs=True, top_logprobs=2, user="end-user-1"),
        "chat tool": lambda: caller.chat("weather", "tool", tools=[TOOL]),
        "chat reasoning": lambda: caller.chat("think", "reasoning"),
        "chat long": lambda: caller.chat("long " * 40_000, "words=4000"),
        "stream": lambda: caller.stream("stream", "chunks=12 delay_ms=2"),
        "stream usage": lambda: caller.stream("usage", "chunks=3", stream_options={"include_usage": True}),
        "stream tool": lambda: caller.stream("stream weather", "tool", tools=[TOOL]),
        "stream choices": lambda: caller.stream("stream two", "chunks=3", n=2),
        "stream async": lambda: caller.stream_async("stream async", "chunks=12 delay_ms=2"),
        "stream by bytes": lambda: caller.stream("stream by bytes", "chunk_size=1 chunks=2"),
        "responses": lambda: caller.responses("responses"),
        "responses tool": lambda: caller.responses("weather", "tool", tools=[{"type": "function", **TOOL["function"]}]),
        "responses stream": lambda: caller.responses("stream", "chunks=4 reasoning", stream=True),
        "parallel": caller.parallel,
        "left early": caller.left_early,
    }


def _other_endpoints(caller: Caller) -> dict[str, Scenario]:
    sync = caller.sync
    return {
        "completions": lambda: plain(sync.completions.create(model="gpt-3.5-turbo-instruct", prompt=["one", "two"])),
        "embeddings": lambda: plain(sync.embeddings.create(model="text-embedding-3-small", input=["a", "b"])),
        "moderations": lambda: plain(sync.moderations.create(input="harmless")),
        "models": lambda: [plain(model) for model in sync.models.list()],
        "model": lambda: plain(sync.models.retrieve("gpt-5.2")),
        "image": lambda: plain(sync.images.generate(model="gpt-image-1", prompt="a pixel")),
        "speech": lambda: hashlib.sha256(
            sync.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="a long speech [[script: words=5000]]").content
        ).hexdigest(),
    }


def _errors(caller: Caller) -> dict[str, Scenario]:
    found: dict[str, Scenario] = {
        f"error {status}": lambda status=status: caller.chat("fail", f"status={status} retry_after_ms=5") for status in STATUSES
    }
    return found | {
        "error async": lambda: caller.chat_async("fail async", "status=403"),
        "error model": lambda: caller.chat("fail by name", model="scripted-404"),
        "error of a stream": lambda: caller.stream("fail stream", "status=400"),
        "retry twice": lambda: caller.chat("retry", "status=429 times=2 retry_after_ms=5"),
        "retry after a second": lambda: caller.chat("retry later", "status=429 times=1 retry_after=1"),
        "retry 500 async": lambda: caller.chat_async("retry async", "status=500 times=1 retry_after_ms=5"),
        "retry forbidden": lambda: caller.chat("do not retry", "status=429 should_retry=false"),
        "retry demanded": lambda: caller.chat("do retry", "status=403 times=1 should_retry=true retry_after_ms=5"),
        "timeout": lambda: caller.chat("slow", "head_delay_ms=3000", timeout=1.0, retries=0),
        "timeout in a stream": lambda: caller.stream("stalled", "fault=stall after_bytes=700", timeout=1.0),
        "slow first byte": lambda: caller.chat("slow head", "head_delay_ms=300 body_delay_ms=300"),
        "truncated stream": lambda: caller.stream("truncated", "fault=truncate"),
        "error in a stream": lambda: caller.stream("error event", "fault=error_event"),
        "error in responses": lambda: caller.responses("error event", "fault=error_event", stream=True),
        "reset before the head": lambda: caller.chat("reset", "fault=reset at=start", retries=0),
        "reset in an answer": lambda: caller.chat("reset", "fault=reset after_bytes=200", retries=0),
        "reset in a stream": lambda: caller.stream("reset", "fault=reset after_bytes=900"),
        "closed in an answer": lambda: caller.chat("close", "fault=close after_bytes=200", retries=0),
        "closed in a stream": lambda: caller.stream("close", "fault=close after_bytes=900"),
        "garbage": lambda: caller.chat("garbage", "fault=garbage", retries=0),
    }


def _shapes(caller: Caller) -> dict[str, Scenario]:
    scripts = {
        "gzip": "encoding=gzip",
        "deflate": "encoding=deflate",
        "chunked": "framing=chunked chunk_size=7",
        "close-delimited": "framing=close",
        "early hints": "interim=103,102",
        "odd headers": "duplicates=3 headers=30 header_bytes=4000",
        "announced close": "then=announce",
        "http 1.0": "head=http10",
        "no reason": "head=no_reason",
    }
    shaped: dict[str, Scenario] = {
        name: lambda text=name, script=script: caller.chat(text, script) for name, script in scripts.items()
    }
    return shaped | {
        "silent close": caller.closed_silently,
        "gzip stream": lambda: caller.stream("gzip stream", "encoding=gzip chunks=5"),
        "after a silent close": lambda: caller.chat("after a silent close"),
    }


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All scenarios of this SDK."""
    caller = Caller(base_url, witness)
    return _answers(caller) | _other_endpoints(caller) | _shapes(caller) | _errors(caller)


if __name__ == "__main__":
    play(scenarios)
