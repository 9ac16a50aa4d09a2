"""Cuts a text into the pieces that a template leaves unchanged: lines, sentences and clauses, wherever they stand.

A slot changes the piece it is in and no other, so that a wrapper is known by its pieces whatever order they come in. Numbers
count as equal. A piece is its 32-bit mark; its text is never kept. What public frameworks put into every prompt is no piece: it
tells neither what a client does nor who belongs to whom.
"""

from __future__ import annotations

import re
from zlib import crc32

SHORTEST, LONGEST = 12, 400
MOST = 48
"""Pieces of one text; a longer text gives its first and its last."""

_CUT = re.compile(r"[\n\r.!?:;|{}()\[\]]+")
NUMBERS = str.maketrans("123456789", "000000000")


_DEFAULTS = """
you are a helpful assistant
you are a helpful ai assistant
you are an ai assistant
you are chatgpt, a large language model trained by openai
context information is below
given the context information and not prior knowledge, answer the query
use the following pieces of context to answer the question at the end
if you don't know the answer, just say that you don't know, don't try to make up an answer
if you don't know the answer, just say that you don't know
answer the following questions as best you can
you have access to the following tools
the output should be formatted as a json instance that conforms to the json schema below
given a chat history and the latest user question which might reference context in the chat history
"""
DEFAULTS = frozenset(crc32(line.encode()) for line in _DEFAULTS.split("\n") if line)
"""Marks of default prompts of public chat and retrieval frameworks."""


STEMMED = 4
"""Pieces of a prompt, of those never met, that are looked at for a slot."""

STEM_WORDS = 8


def stems(texts: list[str]) -> list[tuple[int, str]]:
    """The beginnings and ends of pieces, by their marks: what a slot in the middle of a sentence leaves unchanged."""
    found: list[tuple[int, str]] = []
    for text in texts[:STEMMED]:
        words = text.split()
        if len(words) < STEM_WORDS:
            if len(words) > 5:
                found.append(_stem(words[:4]))
            continue
        found.append(_stem(words[:4]))
        found.append(_stem(words[:STEM_WORDS]))
        found.append(_stem(words[-STEM_WORDS:]))
    return found


def _stem(words: list[str]) -> tuple[int, str]:
    text = " ".join(words)
    return crc32(b"~" + text.encode("utf-8", "replace")), text


def cut(text: str) -> dict[int, str]:
    """The pieces of a text by their marks, in order, none twice; lower case, every digit a nought."""
    found = [piece[:LONGEST] for part in _CUT.split(text.lower().translate(NUMBERS)) if len(piece := part.strip()) >= SHORTEST]
    if len(found) > MOST:
        found = found[: MOST // 2] + found[-MOST // 2 :]
    marked = {crc32(piece.encode("utf-8", "replace")): piece for piece in found}
    for mark in DEFAULTS.intersection(marked):
        del marked[mark]
    return marked
