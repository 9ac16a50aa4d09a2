"""Log-probabilities under a rotating `logit_bias`: what recovers a model's last layer, and nothing else needs; and whole
distributions, which a student is taught by.

See Carlini et al. 2024, arXiv 2403.06634. A classifier's bias never changes, an evaluation's log-probabilities come without one.
"""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp

ROTATING = 6
MANY = 10
"""Alternatives of a token from which it is the distribution that is wanted; who wants a confidence asks for fewer."""


def gains(reading: Reading) -> tuple[float, ...]:
    """Log-probabilities under one of many biases; many of them for each token, of a prompt that is new."""
    facts = reading.seen.facts
    wanted = facts.logprobs or bool(facts.top_logprobs)
    soft = reading.new and (facts.top_logprobs or 0) >= MANY
    return float(wanted and reading.biases >= ROTATING), float(soft)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`harvest`: decides alone. `soft_labels`: weak, evaluations of likelihood ask for the same."""
    return ramp(shares[0], 0.05, 0.4), ramp(shares[1], 0.2, 0.8)


SIGNAL = Signal("parameter_harvest", ("harvest", "soft_labels"), 2, gains, read)
