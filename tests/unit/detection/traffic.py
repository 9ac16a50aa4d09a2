"""Traffic made up for tests: a few words of each kind, nothing from any recording."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from proxy.core.facts import Message, RequestFacts
from proxy.detection.lexicon import NOTHING, Lexicon
from proxy.detection.reading import Known
from proxy.detection.records import Observation, Wishes, observe
from proxy.detection.signals import TERMS
from proxy.detection.window import Traffic, terms_of

WORDS = ("amber", "birch", "canal", "delta", "ember", "fjord", "grove", "harbor", "island", "kettle", "lagoon", "meadow", "quarry")


def filling(number: int, words: int = 9) -> str:
    """A sentence that no other number gives."""
    digest = blake2b(str(number).encode(), digest_size=32).digest()
    return " ".join(WORDS[byte % len(WORDS)] + chr(97 + byte % 26) for byte in digest[:words])


def asked(prompt: str, number: int = 0, *, client: str = "c", system: str = "", **more: Any) -> Observation:
    """One observation. `more`: fields of `RequestFacts` or of `Observation`; `turns_before`: earlier messages; `wishes`."""
    facts = {name: more.pop(name) for name in list(more) if name in RequestFacts.__struct_fields__}
    before: list[Message] = more.pop("turns_before", [])
    first = [Message("system", system)] if system else []
    messages = [*first, *before, Message("user", prompt)]
    wishes = more.pop("wishes", Wishes())
    made = observe(client, more.pop("at", float(number)), "chat", RequestFacts(**{"model": "m", **facts}), messages, wishes)
    for name, value in {"output_tokens": 120, "input_tokens": 60, **more}.items():
        setattr(made, name, value)
    return made


def terms_after(seen: Iterable[Observation], lexicon: Lexicon = NOTHING) -> dict[str, float]:
    """The terms of all the traffic of one client."""
    traffic, known = Traffic(), Known(lexicon)
    for each in seen:
        traffic.add(each, known)
    return dict(zip(TERMS, terms_of(traffic.streams.whole.sums), strict=True))


def templated(count: int, template: str = "Answer this in French, please: {}.", **more: Any) -> list[Observation]:
    """One template with ever new fills."""
    return [asked(template.replace("{}", filling(number)), number, **more) for number in range(count)]


def bare(count: int, **more: Any) -> list[Observation]:
    """Prompts that have nothing in common."""
    return [asked(filling(number) + ".", number, **more) for number in range(count)]
