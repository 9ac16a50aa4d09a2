"""Ollama's own API: facts of requests, of whole answers and of answers in lines."""

from typing import Any

import msgspec
import pytest

from proxy.core.facts import AnswerFacts, Message, RequestFacts, Usage
from proxy.dialects import by_name, find
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters


def row(path: str, method: str = "POST") -> Endpoint:
    """The row of a path at an upstream whose own dialect is OpenAI's, as an Ollama's is unless configured."""
    dialect, endpoint, _ = find(by_name("openai"), method, path)
    assert dialect.name == "ollama"
    return endpoint


def asked(path: str, **body: Any) -> RequestFacts:
    return row(path).read_request({"model": "llama4", **body}, PathParameters())


def reader(path: str = "/api/chat") -> AnswerReader:
    return row(path).answer("json", True)


def answered(*lines: dict[str, Any], path: str = "/api/chat", end: bytes = b"\n") -> AnswerFacts:
    reading = reader(path)
    for line in lines:
        reading.feed(msgspec.json.encode({"model": "llama4", **line}) + end)
    return reading.facts()


LAST = {"done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 7}


def test_a_chat_is_understood() -> None:
    """Options are parameters, a missing `stream` means a stream, pictures are media."""
    messages = [{"role": "system", "content": "be"}, {"role": "user", "content": "hello", "images": ["aGk="]}]
    options = {"temperature": 0, "top_p": 0.5, "num_predict": 9, "seed": 4, "top_k": 3}
    found = asked("/api/chat", messages=messages, options=options, format={"type": "object"}, think="high", keep_alive="5m")
    assert found == RequestFacts(
        model="llama4",
        stream=True,
        inspection="partial",
        flags=["media"],
        messages=2,
        system_chars=2,
        prompt_chars=5,
        media=1,
        temperature=0.0,
        top_p=0.5,
        max_tokens=9,
        seed=4,
        response_format="json_schema",
        reasoning="high",
    )
    assert not asked("/api/chat", messages=[], stream=False).stream
    assert row("/api/chat").read_messages({"messages": messages})[1] == Message("user", "hello", media=1)


def test_a_generation_is_understood() -> None:
    """Prompt, suffix and system prompt; an earlier conversation in tokens is what the model sees and we do not."""
    found = asked("/api/generate", prompt="ab", suffix="c", system="be", think=False)
    assert (found.prompt_chars, found.system_chars, found.inspection, found.reasoning) == (3, 2, "full", "off")
    assert asked("/api/generate", prompt="ab", context=[1, 2]).flags == ["opaque_prompt"]


def test_lines_and_a_whole_answer_give_the_same_facts() -> None:
    """Thoughts, texts, calls; the last line has the finish and the usage."""
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    lines = (
        {"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
        {"message": {"role": "assistant", "content": "one "}, "done": False},
        {"message": {"role": "assistant", "content": "two", "tool_calls": [call]}, "done": False},
        {"message": {"role": "assistant", "content": ""}, **LAST},
    )
    whole = {"message": {"role": "assistant", "content": "one two", "thinking": "hm", "tool_calls": [call]}, **LAST}
    found = answered(*lines)
    assert found == AnswerFacts(
        model="llama4",
        finish="stop",
        usage=Usage(input=5, output=7),
        choices=1,
        text_chars=7,
        reasoning_chars=2,
        tool_calls=1,
        events=4,
        text="one two",
        reasoning_text="hm",
        tool_calls_text='f{"a":1}',
    )
    found.events = 1
    assert answered(whole, end=b"") == found
    generated = answered({"response": "one ", "done": False}, {"response": "two", "context": [1], **LAST}, path="/api/generate")
    assert (generated.text, generated.usage) == ("one two", found.usage)


def test_an_error_ends_a_stream() -> None:
    """It comes in a line of its own under a status of 200, and so does ours."""
    found = answered({"message": {"content": "one"}, "done": False}, {"error": "out of memory"})
    assert (found.error, found.text) == ("error", "one")
    body = by_name("ollama").error_body(403, "policy_violation", "No.", "rec_1")
    assert msgspec.json.decode(body) == {"error": "No. (record rec_1)"}
    ours = reader().error_event(503, "answer_cut", "The answer was cut.", "rec_1")
    assert msgspec.json.decode(ours) == {"error": "The answer was cut. (record rec_1)"}


@pytest.mark.parametrize(
    ("answer", "choices", "input_"),
    [
        ({"embeddings": [[0.1], [0.2]], "prompt_eval_count": 8}, 2, 8),
        ({"embedding": [0.1, 0.2]}, 1, None),
    ],
)
def test_embeddings_are_counted(answer: dict[str, Any], choices: int, input_: int | None) -> None:
    """Vectors count as choices, and teach no text."""
    found = answered(answer, path="/api/embed", end=b"")
    assert (found.choices, found.usage) == (choices, input_ and Usage(input=input_))
    assert not row("/api/embed").teaches
    assert asked("/api/embed", input=["ab", "cd"]).prompts == 2


@pytest.mark.parametrize(("method", "path", "name"), [("GET", "/api/tags", "models"), ("POST", "/api/show", "model")])
def test_models_are_listings(method: str, path: str, name: str) -> None:
    """Lists of models, and one model."""
    assert (row(path, method).name, row(path, method).teaches) == (name, False)


def test_what_makes_no_answers_is_recorded_whole() -> None:
    """Pulling a model is no query."""
    assert find(by_name("openai"), "POST", "/api/pull")[1].name == "other"
