"""What a player can do with each provider's API, by its SDK where that is installed (extra `demo`), else by raw HTTP.

A client is made of a base URL, a key and `tell`, which it gives the status of every answer. Of its calls, those that return nothing
take a refusal for a part of the play; anything else that an SDK raises ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

Tell = Callable[[int], object]

POLLS = 50
"""How often a batch is asked after before the play is given up."""
BETWEEN_POLLS_SECONDS = 0.1


class UnansweredError(RuntimeError):
    """What a player waits for has not come; the text says what."""


class OpenAIClient(Protocol):
    """OpenAI's API."""

    def chat(self, words: str, *, model: str, **more: Any) -> None:
        """One question; `more` are parameters of the API, `stream=True` among them."""
        ...

    def respond(self, words: str, *, after: str | None = None) -> str:
        """The responses API: gives the response's id, which another one may come `after`."""
        ...

    def batch(self, questions: Sequence[str]) -> None:
        """A file of questions uploaded, made a batch, asked after until it is done; its answers downloaded."""
        ...

    def talk(self, turns: Sequence[str]) -> None:
        """A realtime session, one answer for each turn."""
        ...


class AnthropicClient(Protocol):
    """Anthropic's API."""

    def message(self, words: str, *, stream: bool = False) -> None:
        """One question."""
        ...

    def batch(self, questions: Sequence[str]) -> None:
        """A message batch, asked after until it is done; its results downloaded."""
        ...


class GeminiClient(Protocol):
    """Gemini's API."""

    def generate(self, words: str, *, stream: bool = False) -> None:
        """One question."""
        ...

    def batch(self, questions: Sequence[str]) -> None:
        """A batch that holds its questions, asked after until it shows its answers."""
        ...


class Kit(NamedTuple):
    """How clients are made, dialect by dialect, and what they are: `openai 3.54.0 (SDK)`, or `raw HTTP`."""

    openai: Callable[[str, str, Tell], OpenAIClient]
    anthropic: Callable[[str, str, Tell], AnthropicClient]
    gemini: Callable[[str, str, Tell], GeminiClient]
    named: tuple[str, str, str]


class Clients:
    """One player's clients at one gateway, made when they are first used. `statuses` are those of all answers, in order."""

    def __init__(self, kit: Kit, gateway: str, key: str) -> None:
        self.statuses: list[int] = []
        self._kit, self._gateway, self._key = kit, gateway, key

    @cached_property
    def openai(self) -> OpenAIClient:
        """OpenAI's API."""
        return self._kit.openai(f"{self._gateway}/openai/v1", self._key, self.statuses.append)

    @cached_property
    def anthropic(self) -> AnthropicClient:
        """Anthropic's API."""
        return self._kit.anthropic(f"{self._gateway}/anthropic", self._key, self.statuses.append)

    @cached_property
    def gemini(self) -> GeminiClient:
        """Gemini's API."""
        return self._kit.gemini(f"{self._gateway}/gemini", self._key, self.statuses.append)
