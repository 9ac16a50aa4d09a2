"""Observations: bounded texts, the same conversation known as such, what bodies ask for in each provider's place."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.facts import Message, RequestFacts
from proxy.detection.records import HEAD, TAIL, bounded, observe, wishes_of

SCHEMA = {"type": "object", "properties": {"items": {"type": "array", "items": {"properties": {"Chosen": {}, "rejected": {}}}}}}


def test_texts_are_bounded() -> None:
    """Of a long text the beginning and the end are kept."""
    text = bounded("a" * 5000 + "b" * 5000)
    assert len(text) == HEAD + TAIL + 1
    assert text.startswith("a")
    assert text.endswith("b")


def test_a_conversation_in_parts() -> None:
    """System text, last turn and the model's turn before it are told apart; equal conversations have equal identities."""
    messages = [Message("system", "s"), Message("user", "one"), Message("assistant", "two"), Message("user", "three")]
    made, again = (observe("c", 0.0, "chat", RequestFacts(), messages) for _ in range(2))
    assert (made.system, made.prompt, made.previous, made.turns, made.prefilled) == ("s", "three", "two", 1, False)
    assert made.identity == again.identity
    assert observe("c", 0.0, "chat", RequestFacts(), messages[:3]).prefilled
    assert observe("c", 0.0, "chat", RequestFacts(), messages[1:]).identity != made.identity


@pytest.mark.parametrize(
    "body",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
        {"text": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"generationConfig": {"responseSchema": SCHEMA}},
        {"format": SCHEMA},
        {"tools": [{"type": "function", "function": {"parameters": SCHEMA}}], "tool_choice": "required"},
    ],
)
def test_fields_of_the_answer(body: dict[str, Any]) -> None:
    """The names of a structured answer's fields are found wherever a provider has its schema."""
    assert wishes_of(body).fields == ("items", "chosen", "rejected")


def test_bias_and_stops() -> None:
    """Equal biases have equal digests, in any order; free tools are no form of the answer."""
    one, two = wishes_of({"logit_bias": {"1": 5, "22": 5}}), wishes_of({"logit_bias": {"22": -1, "1": 3}})
    assert one.biased == two.biased != wishes_of({"logit_bias": {"1": 5}}).biased
    assert wishes_of({"stop": ["\n"]}).stops
    assert wishes_of({"generationConfig": {"stopSequences": ["x"]}}).stops
    assert wishes_of({"tools": [{"function": {"parameters": SCHEMA}}]}).fields == ()


@pytest.mark.parametrize("body", [None, [], "x", {"logit_bias": [1]}, {"format": 5, "text": 3, "tools": {}, "tool_choice": "any"}])
def test_odd_bodies(body: Any) -> None:
    """Whatever a body is, reading it does not fail."""
    assert wishes_of(body).fields == ()


def test_a_schema_without_end_is_left() -> None:
    """A huge schema is read in part."""
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep, "b": [deep]}
    assert wishes_of({"response_format": deep}).fields == ()
