"""The signals, in the order of their sums. A new one is a file here, a line below, and a weight."""

from __future__ import annotations

from proxy.detection.signals import (
    answers,
    batch_file,
    conversation,
    feedback,
    field_names,
    finite_set,
    leaning,
    measurement,
    narrow_task,
    novelty,
    parameter_harvest,
    purpose_words,
    reasoning,
    sampling,
    template,
    timing,
    volume,
)

SIGNALS = (
    volume.SIGNAL,
    template.SIGNAL,
    novelty.SIGNAL,
    finite_set.SIGNAL,
    sampling.SIGNAL,
    parameter_harvest.SIGNAL,
    answers.SIGNAL,
    conversation.SIGNAL,
    purpose_words.SIGNAL,
    reasoning.SIGNAL,
    field_names.SIGNAL,
    batch_file.SIGNAL,
    timing.SIGNAL,
    feedback.SIGNAL,
    measurement.SIGNAL,
    narrow_task.SIGNAL,
    leaning.SIGNAL,
)

WIDTH = sum(signal.width for signal in SIGNALS)
TERMS = tuple(term for signal in SIGNALS for term in signal.terms)
