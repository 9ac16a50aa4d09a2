"""How much comes back: long answers to short prompts teach, tiny ones label. Prompts of nothing with long answers are a harvest."""

from __future__ import annotations

import re
from math import inf, log2

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp

TINY = 16
HOLLOW, OPENED = 32, 16
"""Tokens of an answer to nothing, from which it is long: more than a greeting gets. Where the turn of a user is opened and left
empty, nobody greets, and what comes is an instruction of a sentence or two.
"""

LARGE = 2048
"""Tokens from which a limit lets on that answers are to be long, where they are not known yet: lines of batch files."""

ROOM, ROOM_REQUIRED = 2000, 8000
"""Tokens of a limit that leaves room for whatever comes: products know how long their answers are, and say so or nothing. Where a
limit has to be given, many give a large one.
"""
_REQUIRES = "messages"
"""The endpoint at which it has to be."""

_SHORT = 256
_MARKUP = re.compile(r"<[|\uff5c/]?[^<>]{1,40}>|\[/?INST\]|\b(?:system|user|assistant|human)\b[:\s]*", re.IGNORECASE)
"""What templates of chat put around a turn: a prompt of nothing else has none."""


def gains(reading: Reading) -> tuple[float, ...]:
    """Known answers, the logarithm of their tokens, of their ratio to the prompt; tiny ones; long ones to hardly a prompt; unknown
    ones with a large limit; a limit with room.
    """
    limit = reading.seen.facts.max_tokens or 0
    room = float(limit >= (ROOM_REQUIRED if reading.seen.endpoint == _REQUIRES else ROOM))
    if not reading.answered:
        return 0.0, 0.0, 0.0, 0.0, 0.0, float(limit >= LARGE), room
    out = reading.out
    hollow = out >= _long_to_nothing(reading)
    return 1.0, log2(1 + out), log2((1 + out) / (1 + reading.given)), float(out < TINY), float(hollow), 0.0, room


def _long_to_nothing(reading: Reading) -> float:
    """From how many tokens an answer is long to hardly a prompt; endless where there is one. Its text may be unknown, which is not
    the same as none: facts count it in any case.
    """
    seen = reading.seen
    chars = seen.facts.prompt_chars
    alone = seen.prefilled and seen.turns == 1  # the mark of a turn may be put into the model's mouth
    if (seen.turns and not alone) or len(seen.system) >= 64 or chars >= _SHORT:
        return inf
    prompt = seen.prompt + seen.previous if alone else seen.prompt
    if not prompt:
        return HOLLOW if chars < 64 else inf
    said = _MARKUP.sub("", prompt).strip()
    if not said and prompt.strip():
        return OPENED
    return HOLLOW if len(said) < 8 else inf


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`long_answers`: from 32 tokens to 146 in the geometric mean. `ratio`: from a quarter of the prompt to twice. `room`: nothing
    below a fifth of the prompts, full from four in five.
    """
    known, room = shares[0], ramp(shares[6], 0.2, 0.8)
    if known < 0.1:
        return 0.3 + 0.4 * ramp(shares[5], 0.5, 0.9), 0.3, 0.0, 0.0, room
    long = ramp(shares[1] / known, 5, 7.2)
    return long, ramp(shares[2] / known, -2, 1), ramp(shares[3] / known, 0.3, 0.8), ramp(shares[4] / known, 0.2, 0.7), room


SIGNAL = Signal("answers", ("long_answers", "ratio", "tiny", "hollow", "room"), 7, gains, read)
