"""What the constant part asks for: tasks made up, diversity, prompts rewritten, training data, ratings, roles.

Words in a slot vary from prompt to prompt; only a concept that most prompts of a scope share counts.
"""

from __future__ import annotations

from proxy.detection import wording
from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp

CONCEPTS = (wording.GENERATE, wording.DIVERSE, wording.REWRITE, wording.TRAINING, wording.JUDGE, wording.ROLES, wording.PAIRED)


def gains(reading: Reading) -> tuple[float, ...]:
    """One for each concept that the prompt has, and for making tasks *and* asking for diversity or naming training."""
    found = reading.concepts
    models = found & wording.GENERATE and found & wording.THIRD
    varied = found & wording.GENERATE and found & (wording.DIVERSE | wording.TRAINING | wording.REWRITE)
    varied = varied and (models or found & wording.TRAINING or not found & wording.NARROW)
    return (*[1.0 if found & concept else 0.0 for concept in CONCEPTS], 1.0 if varied else 0.0, 1.0 if models else 0.0)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """Nothing below a fifth of the prompts, full from three in five: a pipeline has several steps."""
    return tuple(ramp(share, 0.2, 0.6) for share in shares)


SIGNAL = Signal(
    "purpose_words",
    ("generate", "diverse", "rewrite", "training", "judge", "roles", "answered_tasks", "generate_varied", "for_models"),
    9,
    gains,
    read,
)
