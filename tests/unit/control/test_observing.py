"""Requests as observations: read by the dialects, one for each prompt, on every surface alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.control.observing import Asked, observations
from proxy.detection.records import Observation

CHAT = {
    "model": "m",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
    "temperature": 0.6,
}
MESSAGES = {"model": "m", "system": "Be brief.", "messages": [{"role": "user", "content": "Why?"}], "max_tokens": 9}
GENERATE = {"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [{"role": "user", "parts": [{"text": "Why?"}]}]}


def made(path: str, body: Any, **more: Any) -> list[Observation]:
    """The observations of one request."""
    return list(observations(Asked("c", 1.0, "POST", path, body, **more)))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", CHAT),
        ("/v1/messages", MESSAGES),
        ("/v1/responses", {"model": "m", "instructions": "Be brief.", "input": "Why?"}),
        ("/v1beta/models/m:generateContent", GENERATE),
    ],
)
def test_the_same_conversation_on_every_surface(path: str, body: Any) -> None:
    """System text, prompt and identity do not depend on the dialect."""
    (one,) = made(path, body, answer="Because.", output_tokens=3, purpose="use.product")
    (chat,) = made("/v1/chat/completions", CHAT)
    assert (one.system, one.prompt, one.model, one.identity) == ("Be brief.", "Why?", "m", chat.identity)
    assert (one.answer, one.output_tokens, one.purpose, one.teaches) == ("Because.", 3, "use.product", True)


def test_lines_of_a_batch_are_prompts() -> None:
    """A file of calls, a list of requests and an inline batch give one observation for each line."""
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": CHAT}
    text = "\n".join([json.dumps(line)] * 3 + ["not json", ""])
    lines = made("/v1/files", {"purpose": "batch", "file": text})
    assert [each.carried for each in lines] == [True] * 3
    assert lines[0].facts.temperature == 0.6
    assert lines[0].prompt == "Why?"
    assert made("/v1/files", {"purpose": "assistants", "file": text}) == []
    assert len(made("/v1/messages/batches", {"requests": [{"custom_id": "a", "params": MESSAGES}] * 2})) == 2
    inline = {"batch": {"inputConfig": {"requests": {"requests": [{"request": GENERATE}] * 2}}}}
    assert [each.prompt for each in made("/v1beta/models/m:batchGenerateContent", inline)] == ["Why?"] * 2


def test_a_list_of_prompts() -> None:
    """Each item is a prompt, and the answer's tokens are shared among them."""
    two = made("/v1/completions", {"model": "m", "prompt": ["One?", "Two?"]}, output_tokens=40)
    assert [(each.prompt, each.output_tokens) for each in two] == [("One?", 20), ("Two?", 20)]


def test_what_teaches_nothing() -> None:
    """Embeddings are one observation that teaches nothing; requests without a prompt are none."""
    (embedding,) = made("/v1/embeddings", {"model": "e", "input": ["a", "b"]})
    assert not embedding.teaches
    assert list(observations(Asked("c", 0.0, "GET", "/v1/models", None))) == []


@pytest.mark.parametrize("body", [None, [], {}, {"messages": 5}, {"requests": 5}, {"file": 5, "purpose": "batch"}, {"batch": []}])
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/files", "/v1/messages/batches", "/v1beta/models/m:batchGenerateContent"]
)
def test_odd_bodies(path: str, body: Any) -> None:
    """Whatever a body is, nothing fails."""
    assert all(each.prompt == "" for each in made(path, body))
