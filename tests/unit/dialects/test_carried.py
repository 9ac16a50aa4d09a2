"""What lines mean."""

from typing import Any

import pytest

from proxy.dialects import by_name
from proxy.dialects.carried import BATCH_LINE, EVAL_LINE, TRAINING_LINE, LineMeaning, is_known

CHAT = {"model": "m-1", "messages": [{"role": "user", "content": "hello"}], "temperature": 0.5}


def meaning(kind: str = BATCH_LINE, dialect: str = "openai", carried: str = "", model: str | None = None) -> LineMeaning:
    return LineMeaning(by_name(dialect), kind, carried, model)


def test_a_batch_line_has_the_facts_of_the_call_it_names() -> None:
    """The row of the line's own url reads it."""
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": CHAT}
    found = meaning().read(line)
    assert (found.endpoint, found.custom_id, found.call.target) == (BATCH_LINE, "a", "/v1/chat/completions")
    row = by_name("openai").match("POST", "/v1/chat/completions")
    assert row is not None
    assert found.facts == row[0].read_request(CHAT, row[1])
    assert found.facts.prompt_chars == 5


@pytest.mark.parametrize(
    ("dialect", "carried", "model", "entry", "name"),
    [
        ("anthropic", "/v1/messages", None, {"custom_id": "a", "params": CHAT}, "a"),
        (
            "gemini",
            "/v1beta/{model}:generateContent",
            "m-1",
            {"request": {"contents": [{"parts": [{"text": "hello"}]}]}, "metadata": {"key": "k"}},
            "k",
        ),
        (
            "gemini",
            "/v1beta/models/x:generateContent",
            None,
            {"key": "k", "request": {"contents": [{"parts": [{"text": "hello"}]}]}},
            "k",
        ),
        ("openai", "", None, {"custom_id": "c", "body": CHAT}, "c"),
    ],
)
def test_entries_of_every_provider_are_understood(dialect: str, carried: str, model: str | None, entry: Any, name: str) -> None:
    """Each in the form that its provider documents; Mistral's names no call at all."""
    found = meaning("", dialect, carried, model).read(entry)
    assert (found.endpoint, found.custom_id, found.facts.prompt_chars) == (BATCH_LINE, name, 5)
    assert found.facts.inspection == "full"


@pytest.mark.parametrize(
    "entry",
    [CHAT, {"prompt": "hello", "completion": "x"}, {"input": CHAT, "preferred_output": []}],
)
def test_training_lines_are_read_as_the_conversations_they_are(entry: Any) -> None:
    """Chats, old completions, and preferences."""
    found = meaning(TRAINING_LINE).read(entry)
    assert (found.endpoint, found.facts.prompt_chars, found.call.target) == (TRAINING_LINE, 5, "")


@pytest.mark.parametrize(
    "entry",
    [
        3,
        [],
        {"url": "/v1/nowhere", "body": {}},
        {"url": "/v1/chat/completions", "body": 3},
        {"url": "/" + "v" * 5000 + "/v1/chat/completions", "body": CHAT},
        {},
    ],
)
def test_what_is_not_understood_is_a_line_all_the_same(entry: Any) -> None:
    """Not inspected, flagged, and what a client wrote as its address is not repeated."""
    found = meaning().read(entry)
    assert (found.facts.inspection, found.facts.flags, found.call.target) == ("none", ["unknown_line"], "")


def test_an_evaluation_item_is_no_query() -> None:
    """It is told apart, and what it will be used for is not in it."""
    found = meaning(EVAL_LINE).read({"item": {"q": 1}})
    assert (found.endpoint, found.facts.inspection, found.facts.flags) == (EVAL_LINE, "partial", ["eval_item"])


def test_a_file_of_lines_is_known_by_its_first() -> None:
    """A table of anything else is none."""
    assert is_known({"key": "1", "request": {}})
    assert not is_known({"name": "x"})
    assert not is_known(3)
