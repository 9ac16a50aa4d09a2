"""The anthropic Python SDK, 0.5x and 2.x: what its callers do, and what they see (protocol: `recording`)."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
from recording import Scenario, Witness, plain, play

TOOL = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}
STATUSES = (400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 504, 529)


class Caller:
    """Calls the API in both styles; `say` makes a request whose script is in its message."""

    def __init__(self, base_url: str, witness: Witness) -> None:
        self.sync = anthropic.Anthropic(api_key="sk-ant-journey", base_url=base_url)
        self.asynchronous = anthropic.AsyncAnthropic(api_key="sk-ant-journey", base_url=base_url)
        witness.attend(self.sync._client, self.asynchronous._client)

    @staticmethod
    def say(text: str, script: str = "", **more: Any) -> dict[str, Any]:
        """Arguments of a messages call."""
        content = f"{text} [[script: {script}]]" if script else text
        return {"model": "claude-sonnet-5-0", "max_tokens": 256, "messages": [{"role": "user", "content": content}], **more}

    def message(self, text: str, script: str = "", *, timeout: float = 20, retries: int = 2, **more: Any) -> Any:
        """A whole answer."""
        client = self.sync.with_options(timeout=timeout, max_retries=retries)
        return plain(client.messages.create(**self.say(text, script, **more)))

    async def message_async(self, text: str, script: str = "", **more: Any) -> Any:
        """A whole answer, awaited."""
        return plain(await self.asynchronous.messages.create(**self.say(text, script, **more)))

    def events(self, text: str, script: str = "", *, timeout: float = 20, **more: Any) -> Any:
        """A raw stream's events, and how it ended."""
        events: list[Any] = []
        client = self.sync.with_options(timeout=timeout, max_retries=0)
        try:
            with client.messages.create(**self.say(text, script, stream=True, **more)) as stream:
                events.extend(plain(event) for event in stream)
        except Exception as error:  # noqa: BLE001 - how a stream fails is the result
            return {"events": events, "raised": type(error).__name__, "message": str(error)}
        return {"events": events}

    def accumulated(self, text: str, script: str = "", **more: Any) -> Any:
        """The message that the SDK's own accumulator makes of a stream."""
        with self.sync.messages.stream(**self.say(text, script, **more)) as stream:
            return [list(stream.text_stream), plain(stream.get_final_message())]

    async def events_async(self, text: str, script: str = "", **more: Any) -> Any:
        """A raw stream's events, awaited."""
        stream = await self.asynchronous.messages.create(**self.say(text, script, stream=True, **more))
        return [plain(event) async for event in stream]

    async def parallel(self) -> Any:
        """Eight calls at once."""
        return await asyncio.gather(
            *(self.message_async(f"parallel {number}", f"head_delay_ms={number * 5}") for number in range(8))
        )


def _answers(caller: Caller) -> dict[str, Scenario]:
    sync = caller.sync
    counted = {"model": "claude-sonnet-5-0", "messages": [{"role": "user", "content": "count me"}]}
    return {
        "message": lambda: caller.message("hello", metadata={"user_id": "end-user-1"}, system="Be brief."),
        "message async": lambda: caller.message_async("hello async"),
        "message beta": lambda: caller.message(
            "beta", extra_headers={"anthropic-beta": "context-1m-2025-08-07,interleaved-2025-05-14"}
        ),
        "message tool": lambda: caller.message("weather", "tool", tools=[TOOL]),
        "message thinking": lambda: caller.message("think", "reasoning"),
        "message long": lambda: caller.message("long " * 40_000, "words=4000"),
        "stream": lambda: caller.events("stream", "chunks=12 delay_ms=2"),
        "stream accumulated": lambda: caller.accumulated("accumulated", "chunks=5"),
        "stream thinking and tool": lambda: caller.accumulated("stream weather", "reasoning tool", tools=[TOOL]),
        "stream async": lambda: caller.events_async("stream async", "chunks=12 delay_ms=2"),
        "stream by bytes": lambda: caller.events("stream by bytes", "chunk_size=1 chunks=2"),
        "gzip": lambda: caller.message("gzip", "encoding=gzip"),
        "gzip stream": lambda: caller.events("gzip stream", "encoding=gzip"),
        "parallel": caller.parallel,
        "count tokens": lambda: plain(sync.messages.count_tokens(**counted)),
        "models": lambda: [plain(model) for model in sync.models.list()],
        "model": lambda: plain(sync.models.retrieve("claude-sonnet-5-0")),
    }


def _errors(caller: Caller) -> dict[str, Scenario]:
    found: dict[str, Scenario] = {
        f"error {status}": lambda status=status: caller.message("fail", f"status={status} retry_after_ms=5") for status in STATUSES
    }
    return found | {
        "error async": lambda: caller.message_async("fail async", "status=403"),
        "error of a stream": lambda: caller.events("fail stream", "status=529 should_retry=false"),
        "retry twice": lambda: caller.message("retry", "status=429 times=2 retry_after_ms=5"),
        "retry after a second": lambda: caller.message("retry later", "status=529 times=1 retry_after=1"),
        "retry 500 async": lambda: caller.message_async("retry async", "status=500 times=1 retry_after_ms=5"),
        "retry forbidden": lambda: caller.message("do not retry", "status=429 should_retry=false"),
        "timeout": lambda: caller.message("slow", "head_delay_ms=3000", timeout=1.0, retries=0),
        "timeout in a stream": lambda: caller.events("stalled", "fault=stall after_bytes=700", timeout=1.0),
        "truncated stream": lambda: caller.events("truncated", "fault=truncate"),
        "error in a stream": lambda: caller.events("error event", "fault=error_event"),
        "reset before the head": lambda: caller.message("reset", "fault=reset at=start", retries=0),
        "reset in an answer": lambda: caller.message("reset", "fault=reset after_bytes=200", retries=0),
        "reset in a stream": lambda: caller.events("reset", "fault=reset after_bytes=700"),
        "closed in a stream": lambda: caller.events("close", "fault=close after_bytes=700"),
    }


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All scenarios of this SDK."""
    caller = Caller(base_url, witness)
    return _answers(caller) | _errors(caller)


if __name__ == "__main__":
    play(scenarios)
