"""The signal `reasoning` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from proxy.core.facts import Message, RequestFacts
from proxy.detection.records import observe
from tests.unit.detection.traffic import bare, filling, templated, terms_after


def test_coercion_and_steps() -> None:
    """The whole reasoning to be written out is coerced; `step by step` alone is not."""
    whole = terms_after(templated(60, "Write out every intermediate step of your reasoning. {}."))
    steps = terms_after(templated(60, "Solve this one step by step please. {}."))
    assert whole["coerced"] > 0.9
    assert steps["steps"] > 0.9
    assert steps["coerced"] == 0


def test_prefilled_thought() -> None:
    """A thought begun in the model's name is coerced; a model that thinks because it was switched on says nothing."""
    begun = [Message("user", filling(1)), Message("assistant", "<think>Let me")]
    seen = []
    for n in range(60):
        made = observe("c", float(n), "chat", RequestFacts(model="m"), [Message("user", filling(n)), begun[1]])
        seen.append(made)
    assert terms_after(seen)["coerced"] > 0.9
    assert terms_after(bare(60, reasoning="high"))["coerced"] == 0
