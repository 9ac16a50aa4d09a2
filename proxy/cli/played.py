"""The principals that `tos-proxy demo` plays: who they are, and what each sends, as raw HTTP.

Each act is a list of `Call`s. The texts are made up; some carry a script for the demo's upstream (`[[script: …]]`), so that streams
take their time and an answer may fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request: path below the gateway, the header that carries the principal's key, and the JSON body."""

    path: str
    slot: str
    body: dict[str, Any]

    def headers(self, key: str) -> dict[str, str]:
        """Headers of the request, the key in the provider's own slot."""
        value = f"Bearer {key}" if self.slot == "authorization" else key
        return {"content-type": "application/json", "user-agent": "tos-proxy-demo", self.slot: value}

    def content(self) -> bytes:
        """The body's bytes."""
        return json.dumps(self.body).encode()


@dataclass(frozen=True)
class Player:
    """A principal as configured for the demo, and what it does in a sentence."""

    name: str
    purpose: str
    does: str
    project: str
    calls: tuple[Call, ...]


def _openai(words: str, *, model: str = "gpt-5-mini", **more: Any) -> Call:
    body = {"model": model, "messages": [{"role": "user", "content": words}], **more}
    return Call("/openai/v1/chat/completions", "authorization", body)


def _anthropic(words: str, **more: Any) -> Call:
    body = {"model": "claude-sonnet-5", "max_tokens": 400, "messages": [{"role": "user", "content": words}], **more}
    return Call("/anthropic/v1/messages", "x-api-key", body)


def _gemini(words: str, method: str = "generateContent") -> Call:
    body = {"contents": [{"role": "user", "parts": [{"text": words}]}]}
    query = "?alt=sse" if method.startswith("stream") else ""
    return Call(f"/gemini/v1beta/models/gemini-3-flash:{method}{query}", "x-goog-api-key", body)


def _chat() -> Iterator[Call]:
    for question in ("Where is my parcel?", "Can I change the address?", "How do I return a lamp?", "Thanks, that is all."):
        yield _openai(f"{question} [[script: chunks=12 delay_ms=15]]", stream=True, user="customer-4711")


def _retrieval() -> Iterator[Call]:
    passage = "Clause 7.2: goods may be returned within thirty days in their original packaging. " * 60
    for question in ("What is the return period?", "Who pays for the return?"):
        yield _anthropic(f"{passage}\n\nAnswer from the text above: {question}")
    yield _anthropic("Summarise clause 7.2 for a customer. [[script: chunks=8 delay_ms=20]]", stream=True)


def _evaluation() -> Iterator[Call]:
    for number, question in enumerate(("17 * 23?", "Capital of Mongolia?", "Next prime after 97?")):
        yield _gemini(f"Benchmark item {number}: {question} Answer with one word.")
    yield _gemini("Explain photosynthesis in three sentences. [[script: chunks=6 delay_ms=20]]", "streamGenerateContent")
    yield _openai("Benchmark item 9: 2 + 2?", temperature=0, logprobs=True, top_logprobs=5)


def _dataset() -> Iterator[Call]:
    for topic in ("tides", "volcanoes", "glaciers", "deserts", "rivers", "monsoons"):
        words = f"Write four different question-and-answer pairs about {topic}, in JSON, for instruction tuning."
        yield _openai(words, model="gpt-5", n=4, temperature=1.0, seed=len(topic))


def _linked(number: int) -> Iterator[Call]:
    yield _openai(f"Explain step by step, with all reasoning: theorem {number} of Euclid.", model="gpt-5")
    if number == 2:
        yield _openai("Explain step by step: theorem 9. [[script: status=429 retry_after=20]]", model="gpt-5")


def players() -> list[Player]:
    """Everyone, in order of appearance."""
    acts = [
        Player("product-chat", "use.product", "customers chat, answers stream", "shop", tuple(_chat())),
        Player("handbook-rag", "use.internal", "long passages, short questions", "handbook", tuple(_retrieval())),
        Player("eval-harness", "eval.private", "a benchmark over two providers", "quality", tuple(_evaluation())),
        Player("dataset-maker", "train.general", "question-and-answer pairs for training", "tuning", tuple(_dataset())),
    ]
    acts += [
        Player(f"account-{number}", "undeclared", "one of several linked accounts", "unknown", tuple(_linked(number)))
        for number in (1, 2, 3)
    ]
    return acts
