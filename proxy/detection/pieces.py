"""Cuts a text into the pieces that a template leaves unchanged: lines, sentences and clauses, wherever they stand.

A slot changes the piece it is in and no other, so that a wrapper is known by its pieces whatever order they come in. Numbers
count as equal. A piece is its 32-bit mark; its text is never kept.
"""

from __future__ import annotations

import re
from zlib import crc32

SHORTEST, LONGEST = 12, 400
MOST = 48
"""Pieces of one text; a longer text gives its first and its last."""

_CUT = re.compile(r"[\n\r.!?:;|{}()\[\]]+")
NUMBERS = str.maketrans("123456789", "000000000")


def cut(text: str) -> dict[int, str]:
    """The pieces of a text by their marks, in order, none twice; lower case, every digit a nought."""
    found = [piece[:LONGEST] for part in _CUT.split(text.lower().translate(NUMBERS)) if len(piece := part.strip()) >= SHORTEST]
    if len(found) > MOST:
        found = found[: MOST // 2] + found[-MOST // 2 :]
    return {crc32(piece.encode("utf-8", "replace")): piece for piece in found}
