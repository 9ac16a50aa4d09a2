"""What is counted where: one kind of thing, of whom, at which rate. Plain objects, made once and used for many calls."""

from __future__ import annotations

from proxy.core.rules import Rate

REQUESTS = "requests"
TOKENS = "tokens"
INPUT = "input_tokens"
OUTPUT = "output_tokens"
REASONING = "reasoning_tokens"
PROMPTS = "prompts"
LINES = "lines"
CONCURRENT = "concurrent"

KINDS = (REQUESTS, TOKENS, INPUT, OUTPUT, REASONING, PROMPTS, LINES)
"""What has a rate. `tokens` are input and output together; `prompts` are distinct ones; `lines` are queries that a body carries."""

ALL_KINDS = (*KINDS, CONCURRENT)
"""In the order in which amounts of all kinds stand in a list: a bucket's is at its `slot`."""

Key = tuple[str, str, str]
"""A limit's name, whose share of it, and what is counted."""


class Bucket:
    """One thing that is limited. `whose` is empty where all share one. `told` is how a person is told of it, `message` what a
    person is told instead of that it is used up. Of `concurrent` the rate's `count` may be open at once.
    """

    __slots__ = ("key", "kind", "message", "rate", "settles", "slot", "told")

    def __init__(self, name: str, whose: str, kind: str, rate: Rate, told: str, message: str = "") -> None:
        self.key: Key = (name, whose, kind)
        self.kind = kind
        self.slot = ALL_KINDS.index(kind)
        self.rate = rate
        self.told = told
        self.message = message
        self.settles = kind in (TOKENS, INPUT, OUTPUT, REASONING)


Wanted = list[tuple[Bucket, int]]
"""What one call asks for: so much of each."""

Part = tuple[Bucket, int, float]
"""What one call took: so much of a bucket, of its window of that number (0.0 where there are no windows)."""


class Reservation:
    """What one call was granted: `parts` until it is settled or released, `open` until it has ended."""

    __slots__ = ("open", "parts")

    def __init__(self, parts: list[Part], holding: list[Bucket]) -> None:
        self.parts = parts
        self.open = holding
