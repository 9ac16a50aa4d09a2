"""Fields of a structured answer that are columns of a training set: instruction and response, chosen and rejected, messages."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp

_ASKED = """
instruction instructions prompt prompts question questions user_prompt task tasks problem problems messages conversation
conversations dialogue turns chosen qa_pairs
"""
_TOLD = """
response output answer answers completion solution rejected rationale reasoning reasoning_trace chain_of_thought thought
thoughts final_answer content
"""
ASKED, TOLD = frozenset(_ASKED.split()), frozenset(_TOLD.split())
QUIZ = frozenset({"options", "choices", "distractors"})
"""Whoever wants these makes a quiz for people."""


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the answer is to hold a question *and* what was said to it."""
    fields = reading.seen.wishes.fields
    both = bool(fields) and not ASKED.isdisjoint(fields) and not TOLD.isdisjoint(fields)
    return (float(both and QUIZ.isdisjoint(fields)),)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below a quarter of the prompts, full from three in four."""
    return (ramp(shares[0], 0.25, 0.75),)


SIGNAL = Signal("field_names", ("dataset_fields",), 1, gains, read)
