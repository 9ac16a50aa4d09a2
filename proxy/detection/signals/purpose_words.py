"""What the constant part asks for: tasks made up, diversity, prompts rewritten, training data, ratings, roles.

Words in a slot vary from prompt to prompt; only a concept that most prompts of a scope share counts.
"""

from __future__ import annotations

from proxy.detection import wording
from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp

CONCEPTS = (wording.GENERATE, wording.DIVERSE, wording.REWRITE, wording.TRAINING, wording.JUDGE, wording.ROLES, wording.PAIRED)


def gains(reading: Reading) -> tuple[float, ...]:
    """One for each concept that the prompt has; for making tasks *and* asking for diversity or naming training; for tasks of a
    model; for any way of making data; for revising responses.
    """
    found = reading.concepts
    models = found & wording.GENERATE and found & wording.THIRD
    varied = found & wording.GENERATE and found & (wording.DIVERSE | wording.TRAINING | wording.REWRITE)
    varied = varied and (models or found & wording.TRAINING or not found & wording.NARROW)
    others = found & (wording.REWRITE | wording.REVISE) and found & (wording.GENERATE | wording.THIRD)
    makes = found & wording.TRAINING or ((varied or models or others) and not found & wording.NARROW)
    more = (varied, models, makes, found & wording.REVISE)
    return (*[1.0 if found & concept else 0.0 for concept in CONCEPTS], *[1.0 if each else 0.0 for each in more])


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below a fifth of the prompts, full from three in five: a pipeline has several steps. `data_steps` is of all steps
    together, each in words of its own, so it counts from a tenth.
    """
    terms = [ramp(share, 0.2, 0.6) for share in shares]
    terms[-2] = ramp(shares[-2], 0.1, 0.4)
    return tuple(terms)


_TERMS = """
generate diverse rewrite training judge roles answered_tasks generate_varied for_models data_steps revised
"""
SIGNAL = Signal("purpose_words", tuple(_TERMS.split()), len(_TERMS.split()), gains, read)
