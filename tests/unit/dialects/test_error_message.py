"""The sentence of our own errors."""

from __future__ import annotations

import pytest

from proxy.dialects import by_name
from proxy.dialects.error_message import with_record


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "passthrough", "ollama"])
def test_every_dialect_names_the_record_in_its_sentence(name: str) -> None:
    """A client that shows nothing of an error but its message shows which record to ask about."""
    assert b"Not so. (record rec_1)" in by_name(name).error_body(403, "policy_violation", "Not so.", "rec_1")


def test_a_record_is_named_once() -> None:
    """A message that names it, and an error without a record, stay as they are."""
    assert with_record("See rec_1.", "rec_1") == "See rec_1."
    assert with_record("Not so.", "") == "Not so."
