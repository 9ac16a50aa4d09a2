"""The google-genai Python SDK where a policy denies or limits: every way of asking."""

from __future__ import annotations

from google import genai
from google.genai import types
from recording import Scenario, Witness, play


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All ways of asking."""
    options = types.HttpOptions(
        base_url=base_url,
        client_args={"event_hooks": witness.hooks},
        async_client_args={"event_hooks": witness.hooks_async},
    )
    client = genai.Client(api_key="journey-gemini-key", http_options=options)
    return {
        "denied": lambda: client.models.generate_content(model="denied-1", contents="hello"),
        "denied stream": lambda: list(client.models.generate_content_stream(model="denied-1", contents="hello")),
        "denied async": lambda: client.aio.models.generate_content(model="denied-1", contents="hello"),
        "allowed": lambda: client.models.generate_content(model="limited-1", contents="hello").candidates[0].finish_reason.name,
        "limited": lambda: client.models.generate_content(model="limited-1", contents="hello"),
    }


if __name__ == "__main__":
    play(scenarios)
