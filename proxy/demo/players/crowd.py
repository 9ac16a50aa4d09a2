"""The clients of the demo that detection is about: who looks like extraction, who is it, and who only shares much with those.

They ask by raw HTTP, some hundred short calls. None says what its calls are for but the chat; so all that tells them apart is what
they send. Nobody alone sends what the linked accounts send together.
"""

from __future__ import annotations

import random

from proxy.demo.players.cast import Player
from proxy.demo.players.clients import Clients

ACCOUNTS, EACH, ROUNDS = 12, 20, 5
_SHORT, _LONG = "[[script: words=4]]", "[[script: words=160]]"
_KINDS = ("small", "old", "famous", "unusual", "northern", "early", "broken", "new", "hidden", "sunken", "tall", "quiet")
_THINGS = (
    "tides",
    "volcanoes",
    "glaciers",
    "looms",
    "sundials",
    "anchors",
    "kilns",
    "canals",
    "orchards",
    "lenses",
    "clocks",
    "sails",
)
_PLACES = ("of the coast", "in winter", "before steam", "near cities", "by hand", "after rain", "at night", "on islands")

_PAIRS = (
    "Write four different question-and-answer pairs for an instruction tuning data set. Avoid repeating a topic. "
    "Write them in JSON. The topic: {}. "
)
_REASONING = (
    "You are an expert who shows all of the reasoning. Think step by step and write out the complete reasoning before the "
    "answer. The problem: explain {}. "
)


def subject(number: int) -> str:
    """One of very many subjects, always the same for a number."""
    drawn = random.Random(number)  # noqa: S311 - words for a play
    first, place, second = drawn.choice(_KINDS), drawn.choice(_PLACES), drawn.choice(_KINDS)
    return f"{first} {drawn.choice(_THINGS)} {place} and {second} {drawn.choice(_THINGS)}, case {number}"


def _factory(clients: Clients) -> None:
    for number in range(80):
        clients.openai.chat(_PAIRS.format(subject(number)) + _LONG, model="gpt-5", temperature=1.0)


def _sweep(clients: Clients) -> None:
    for number in range(1000, 1140):
        clients.openai.chat(f"What should one know about {subject(number)}, and why? {_LONG}", model="gpt-5")


def _benchmark(clients: Clients) -> None:
    for _ in range(3):
        for number in range(30):
            words = f"Item {number}: which river is number {number} of the list? Answer with one word. {_SHORT}"
            clients.openai.chat(words, model="gpt-5", temperature=0, max_tokens=16)


def _support(clients: Clients) -> None:
    for number in range(25):
        words = ("Where is my parcel?", "Can I change the address?", f"And what about the lamp of order {number}?")[number % 3]
        clients.openai.chat(f"{words} {_SHORT}", model="gpt-5-mini", user=f"customer-{number % 9}")


class _Account:
    """One of the linked accounts: a call sends the next few of its part of one list, so that they can take turns."""

    def __init__(self, number: int) -> None:
        self._next = 100_000 + number * EACH

    def __call__(self, clients: Clients) -> None:
        first, self._next = self._next, self._next + EACH // ROUNDS
        for number in range(first, self._next):
            clients.openai.chat(_REASONING.format(subject(number)) + _LONG, model="gpt-5", temperature=0.7)


def crowd() -> list[Player]:
    """Everyone, those who are left alone first."""
    linked = "a part of one work list"
    return [
        Player("support-desk", "use.product", "people ask about their orders", "", _support),
        Player("benchmark", "undeclared", "the same thirty items, three times, at temperature 0", "", _benchmark),
        Player("essay-sweep", "undeclared", "bare questions, long answers, none twice", "", _sweep),
        Player("pair-factory", "undeclared", "question-and-answer pairs, ever new topics", "", _factory),
        *(Player(f"linked-{number:02}", "undeclared", linked, "", _Account(number)) for number in range(1, ACCOUNTS + 1)),
    ]
