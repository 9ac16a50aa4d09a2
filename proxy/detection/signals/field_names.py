"""Answers with the columns of a training set: instruction and response, chosen and rejected, messages, both sides of a dialogue.

What is asked for is seen in the schema of the answer; where the prompt says it in words, in the answer itself.
"""

from __future__ import annotations

import re

from proxy.detection import wording
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

HEAD = 200
"""Characters of an answer in which its first field or label stands."""

_LABEL = r"(?i)(?:^|[\n\"'<\[#*{{,])[\s\d.)#*\[\"']{{0,12}}(?:{})s?[\s\d]{{0,4}}[\"'\]*]{{0,3}}\s?[:>\]\n]"
_FIRST = re.compile(_LABEL.format("instruction|prompt|question|query|problem|task|user|human|user_?(?:prompt|message|query)"))
_SECOND = re.compile(
    _LABEL.format("response|output|answer|completion|solution|assistant|gpt|ai|chatbot|assistant_?(?:response|message)")
)
_OPTIONS = re.compile(r"(?i)\n\s{0,8}\(?b[).]|\b(?:options|choices|distractors)\b[\"']?\s?:")


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether the answer is to hold a question *and* what was said to it."""
    seen = reading.seen
    fields = seen.wishes.fields
    if fields and not ASKED.isdisjoint(fields) and not TOLD.isdisjoint(fields):
        return (float(QUIZ.isdisjoint(fields)),)
    asked = bool(reading.concepts & wording.GENERATE) and bool(seen.answer)
    return (float(asked and _holds_both(seen.answer)),)


def _holds_both(answer: str) -> bool:
    first = _FIRST.search(answer, 0, HEAD)
    if first is None or _SECOND.search(answer, first.end() - 1) is None:
        return False
    return _OPTIONS.search(answer) is None


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below a quarter of the prompts, full from three in four."""
    return (ramp(shares[0], 0.25, 0.75),)


SIGNAL = Signal("field_names", ("dataset_fields",), 1, gains, read)
