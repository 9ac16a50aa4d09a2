"""The anthropic Python SDK where a policy denies or limits: every way of asking, with the retries that the SDK makes by itself."""

from __future__ import annotations

from typing import Any

import anthropic
from recording import Scenario, Witness, play


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All ways of asking."""
    sync = anthropic.Anthropic(api_key="sk-ant-journey", base_url=base_url)
    asynchronous = anthropic.AsyncAnthropic(api_key="sk-ant-journey", base_url=base_url)
    witness.attend(sync._client, asynchronous._client)

    def asked(model: str, **more: Any) -> dict[str, Any]:
        return {"model": model, "max_tokens": 16, "messages": [{"role": "user", "content": "hello"}], **more}

    def streamed() -> str:
        with sync.messages.stream(**asked("denied-1")) as stream:
            return "".join(stream.text_stream)

    return {
        "denied": lambda: sync.messages.create(**asked("denied-1")),
        "denied stream": streamed,
        "denied async": lambda: asynchronous.messages.create(**asked("denied-1")),
        "allowed": lambda: sync.messages.create(**asked("limited-1")).stop_reason,
        "limited": lambda: sync.messages.create(**asked("limited-1")),
    }


if __name__ == "__main__":
    play(scenarios)
