"""The principals that `tos-proxy demo` plays: who they are, and what each asks.

The texts are made up; some carry a script for the demo's upstream (`[[script: …]]`), so that streams take their time and an answer
may fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from proxy.demo.players.clients import Clients


@dataclass(frozen=True)
class Player:
    """A principal as configured for the demo, what it does in a few words, and how. `approval`: what lets it do what the terms
    forbid without one.
    """

    name: str
    purpose: str
    does: str
    project: str
    act: Callable[[Clients], None]
    approval: str = ""


_PASSAGE = "Clause 7.2: goods may be returned within thirty days in their original packaging. " * 60
_TOPICS = ("tides", "volcanoes", "glaciers", "deserts", "rivers", "monsoons", "geysers", "fjords")


def _chat(clients: Clients) -> None:
    for question in ("Where is my parcel?", "Can I change the address?", "How do I return a lamp?"):
        words = f"{question} [[script: chunks=12 delay_ms=15]]"
        clients.openai.chat(words, model="gpt-5-mini", stream=True, user="customer-4711")
    clients.openai.talk(["Where is my parcel?", "And when will it be here?", "Thanks, that is all."])


def _retrieval(clients: Clients) -> None:
    for question in ("What is the return period?", "Who pays for the return?"):
        clients.anthropic.message(f"{_PASSAGE}\n\nAnswer from the text above: {question}")
    clients.anthropic.message("Summarise clause 7.2 for a customer. [[script: chunks=8 delay_ms=20]]", stream=True)
    first = clients.openai.respond(f"{_PASSAGE}\n\nList the duties of the seller.")
    clients.openai.respond("And those of the buyer?", after=first)


def _evaluation(clients: Clients) -> None:
    for number, question in enumerate(("17 * 23?", "Capital of Mongolia?")):
        clients.gemini.generate(f"Benchmark item {number}: {question} Answer with one word.")
    clients.gemini.generate("Explain photosynthesis in three sentences. [[script: chunks=6 delay_ms=20]]", stream=True)
    clients.gemini.batch([f"Benchmark item {number}: next prime after {number}?" for number in (89, 97, 101, 113)])
    clients.openai.chat("Benchmark item 9: 2 + 2?", model="gpt-5-mini", temperature=0, logprobs=True, top_logprobs=5)


def _dataset(clients: Clients) -> None:
    pairs = "Write four different question-and-answer pairs about {}, in JSON, for instruction tuning."
    for topic in _TOPICS[:4]:
        clients.openai.chat(pairs.format(topic), model="gpt-5", n=4, temperature=1.0, seed=len(topic))
    clients.openai.batch([pairs.format(topic) for topic in _TOPICS])
    clients.anthropic.batch([pairs.format(topic) for topic in _TOPICS[:5]])


def _tuning(clients: Clients) -> None:
    clients.openai.chat("Write four question-and-answer pairs about tides, in JSON, for instruction tuning.", model="gpt-5")
    clients.anthropic.message("Write four question-and-answer pairs about tides, in JSON, for instruction tuning.")


def _linked(number: int, clients: Clients) -> None:
    clients.openai.chat(f"Explain step by step, with all reasoning: theorem {number} of Euclid.", model="gpt-5")
    if number == 2:
        clients.openai.chat("Explain step by step: theorem 9. [[script: status=429 retry_after=20]]", model="gpt-5")


def players() -> list[Player]:
    """Everyone, in order of appearance."""
    cast = [
        Player("product-chat", "use.product", "customers chat and talk; answers stream", "shop", _chat),
        Player("handbook-rag", "use.internal", "long passages, short questions", "handbook", _retrieval),
        Player("eval-harness", "eval.private", "a benchmark over two providers", "quality", _evaluation),
        Player(
            "dataset-maker",
            "train.general",
            "question-and-answer pairs, in batches too",
            "tuning",
            _dataset,
            "contract-2026-17 until 2099-12-31",
        ),
        Player("weekend-tuner", "train.general", "the same, without anybody's approval: denied", "hobby", _tuning),
    ]
    linked = "one of several linked accounts"
    return cast + [Player(f"account-{number}", "undeclared", linked, "unknown", partial(_linked, number)) for number in (1, 2, 3)]
