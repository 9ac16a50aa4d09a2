"""The openai Python SDK where a policy denies or limits: every way of asking, with the retries that the SDK makes by itself."""

from __future__ import annotations

from typing import Any

import openai
from recording import Scenario, Witness, play


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All ways of asking."""
    sync = openai.OpenAI(api_key="sk-journey-openai", base_url=base_url)
    asynchronous = openai.AsyncOpenAI(api_key="sk-journey-openai", base_url=base_url)
    witness.attend(sync._client, asynchronous._client)

    def asked(model: str, **more: Any) -> dict[str, Any]:
        return {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}

    return {
        "denied": lambda: sync.chat.completions.create(**asked("denied-1")),
        "denied stream": lambda: list(sync.chat.completions.create(**asked("denied-1", stream=True))),
        "denied async": lambda: asynchronous.chat.completions.create(**asked("denied-1")),
        "denied responses": lambda: sync.responses.create(model="denied-1", input="hello"),
        "allowed": lambda: sync.chat.completions.create(**asked("limited-1")).choices[0].finish_reason,
        "limited": lambda: sync.chat.completions.create(**asked("limited-1")),
    }


if __name__ == "__main__":
    play(scenarios)
