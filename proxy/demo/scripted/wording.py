"""Texts, token counts, ids, vectors and tool arguments for scripted answers: all of them follow from a seed."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
from email.utils import formatdate
from typing import Any

_WORDS = """
the a of to and in that it with for as on by this from which answer question model tree river stone light number cause effect
city winter market engine garden letter theory method sample margin signal pattern history reason value measure order system
shows gives holds keeps moves turns grows means follows begins explains depends remains suggests contains improves compares
small large early late clear common simple careful useful likely steady central modern ancient double
often rarely usually mostly therefore however because while although before after between under beyond
"""
_VOCABULARY = _WORDS.split()

REPEATABLE_EPOCH = 1_760_000_000


def words_of(seed: str, count: int) -> list[str]:
    """`count` words that follow from the seed."""
    noise = hashlib.shake_256(seed.encode()).digest(count) if count else b""
    return [_VOCABULARY[byte % len(_VOCABULARY)] for byte in noise]


def sliced(words: list[str], pieces: int) -> list[str]:
    """The words as a text in `pieces` parts that join to the whole."""
    pieces = max(1, min(pieces, len(words) or 1))
    cuts = [index * len(words) // pieces for index in range(pieces + 1)]
    return [" ".join(words[a:b]) + (" " if b < len(words) else ".") for a, b in itertools.pairwise(cuts)]


def tokens(text: str | bytes) -> int:
    """A plausible token count: a quarter of the length, at least 1."""
    return max(1, len(text) // 4)


def vector(seed: str, dimensions: int) -> list[float]:
    """An embedding that follows from the seed; each value is exact as a 32-bit float."""
    return [(byte - 128) / 1024 for byte in hashlib.shake_256(seed.encode()).digest(dimensions)]


def arguments_for(schema: Any) -> dict[str, Any]:
    """Arguments that satisfy a tool's JSON schema as far as its top-level properties go."""
    samples: dict[str, Any] = {"integer": 7, "number": 7.5, "boolean": True, "array": [], "object": {}}
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return {name: samples.get(str(kind.get("type", "string")).lower(), "Paris") for name, kind in properties.items()}


class Stamp:
    """Ids and times of one answer: fresh ones, or, when `repeatable`, ones that follow from the request alone."""

    def __init__(self, seed: bytes, *, repeatable: bool) -> None:
        self.seed = hashlib.sha256(seed).hexdigest()
        self._noise = seed if repeatable else secrets.token_bytes(16)
        self.created = REPEATABLE_EPOCH if repeatable else int(time.time())

    def hex(self, use: str, length: int = 24) -> str:
        """Hexadecimal digits, the same ones for the same use within one answer."""
        return hashlib.shake_256(use.encode() + self._noise).hexdigest(length)[:length]

    def milliseconds(self) -> int:
        """A plausible processing time."""
        return 80 + int(self.hex("ms", 2), 16)

    def http_date(self) -> str:
        """The time in the form of the `date` header."""
        return formatdate(self.created, usegmt=True)

    def rfc3339(self) -> str:
        """The time as RFC 3339 text."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.created))
