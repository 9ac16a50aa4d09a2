"""What sampled prompts have in common: their constant part with slots where they differ, made of contents that a person opened.

It is made when it is asked for and kept nowhere, so that it goes with the contents it was made of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from proxy.dialects import by_name, find
from proxy.dialects.jsonio import read_leniently

SLOT = "[…]"
MOST_BYTES = 256 * 1024
"""Bytes of a request from which on it is not read for this."""

_MOST_TEXT = 8_000
_CUT = re.compile(r"(?<=[.!?:;\n])(?!\n)")
_NUMBERS = str.maketrans("123456789", "000000000")


def prompt_of(dialect: str, method: str, path: str, body: bytes) -> str:
    """The texts of a request that are not the model's, in order, as its dialect reads them; empty where there are none."""
    tree = read_leniently(body)
    if type(tree) is not dict:
        return ""
    _, row, _ = find(by_name(dialect), method, path)
    said = [message.text for message in row.read_messages(tree) if message.role != "assistant" and message.text]
    return "\n".join(said)[:_MOST_TEXT]


def template(texts: Sequence[str]) -> list[tuple[str, bool]]:
    """The first text in parts, each with whether it is a slot: sentences that more than half of the texts have stand as they are.

    Numbers count as equal. Empty where there are fewer than two texts.
    """
    if len(texts) < 2:
        return []
    cuts = [[part for part in _CUT.split(text) if part.strip()] for text in texts]
    counts = Counter(key for parts in cuts for key in {_key(part) for part in parts})
    shown: list[tuple[str, bool]] = []
    for part in cuts[0]:
        fixed = 2 * counts[_key(part)] > len(texts)
        if fixed:
            shown.append((part, False))
        elif not shown or not shown[-1][1]:
            shown.append((SLOT, True))
    return shown


def _key(part: str) -> str:
    return part.strip().lower().translate(_NUMBERS)
