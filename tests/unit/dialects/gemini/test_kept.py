"""What is understood of requests about what Gemini keeps, of interactions, and of the answers to them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.dialects import by_name

GEMINI = by_name("gemini")


def facts(path: str, body: Any = None, method: str = "POST") -> RequestFacts:
    """The facts of a request."""
    found = GEMINI.match(method, path)
    assert found is not None
    return found[0].read_request(body, found[1])


def told(path: str, answer: Any, method: str = "GET") -> AnswerFacts:
    """The facts of a JSON answer."""
    found = GEMINI.match(method, path)
    assert found is not None
    reader = found[0].answer("json", True)
    reader.feed(msgspec.json.encode(answer))
    return reader.facts()


@pytest.mark.parametrize(
    ("method", "path", "name", "references"),
    [
        ("GET", "/v1beta/files/f-1", "file", ["file:f-1"]),
        ("GET", "/v1beta/files/f-1:download", "file_content", ["file:f-1"]),
        ("GET", "/v1beta/batches/b-1", "batch", ["batch:b-1"]),
        ("POST", "/v1beta/batches/b-1:cancel", "batch_cancel", ["batch:b-1"]),
        ("PATCH", "/v1beta/cachedContents/c-1", "cache_update", ["cache:c-1"]),
        ("GET", "/v1beta/models/veo/operations/o-1", "operation", ["operation:o-1"]),
        ("GET", "/v1beta/interactions/i-1", "interaction", ["interaction:i-1"]),
        ("POST", "/v1beta/fileSearchStores/s-1:importFile", "vector_store_file_add", ["vector_store:s-1"]),
        ("POST", "/upload/v1beta/fileSearchStores/s-1:uploadToFileSearchStore", "vector_store_file_add", ["vector_store:s-1"]),
    ],
)
def test_ids_in_a_path_are_references(method: str, path: str, name: str, references: list[str]) -> None:
    """Each with its kind and without the collection's name."""
    found = GEMINI.match(method, path)
    assert found is not None
    assert (found[0].name, list(found[1].references)) == (name, references)


def test_uploads_have_a_row_of_their_own() -> None:
    """Only below `/upload`, whatever the version."""
    for path in ("/upload/v1beta/files", "/upload/v1/files", "/google/upload/v1beta/files"):
        found = GEMINI.match("POST", path)
        assert found is not None
        assert (found[0].name, bool(found[0].links)) == ("file_upload", True)
    assert GEMINI.match("POST", "/v1beta/files") is None


@pytest.mark.parametrize("key", ["inputConfig", "input_config"])
def test_a_batch_names_its_file(key: str) -> None:
    """In either spelling; the model stands in the path."""
    read = facts("/v1beta/models/g:batchGenerateContent", {"batch": {key: {"fileName": "files/f-1"}}})
    assert (read.model, read.references) == ("g", ["file:f-1"])


@pytest.mark.parametrize(("inline", "inspection"), [({"requests": []}, "full"), ([{}], "partial"), ({"requests": "x"}, "partial")])
def test_what_is_no_array_of_requests_is_not_said_to_be_read(inline: Any, inspection: str) -> None:
    """None of it became a line."""
    assert (
        facts("/v1beta/models/g:batchGenerateContent", {"batch": {"input_config": {"requests": inline}}}).inspection == inspection
    )


def test_tuning_is_read_with_its_examples() -> None:
    """Questions and wanted answers count as text."""
    examples = {"examples": {"examples": [{"textInput": "one", "output": "1"}, {"textInput": "two", "output": "2"}]}}
    task = {"trainingData": examples, "hyperparameters": {"epochCount": 5}}
    read = facts("/v1beta/tunedModels", {"baseModel": "models/g", "tuningTask": task})
    assert (read.model, read.training, read.epochs, read.prompts, read.prompt_chars) == ("g", "supervised", 5, 2, 8)


def test_a_batch_shows_its_answers_once() -> None:
    """They stand in the metadata and in the response; numbers come as texts."""
    generated = {"candidates": [{"content": {"parts": [{"text": "hi"}]}}], "usageMetadata": {"promptTokenCount": 3}}
    output = {"inlinedResponses": {"inlinedResponses": [{"response": generated}, {"error": {"code": 8}}]}}
    stats = {"requestCount": "2", "successfulRequestCount": "1", "failedRequestCount": "1"}
    metadata = {"model": "models/g", "state": "BATCH_STATE_SUCCEEDED", "batchStats": stats, "output": output}
    seen = told("/v1beta/batches/b", {"name": "batches/b", "metadata": metadata, "done": True, "response": output})
    assert (seen.model, seen.finish, seen.lines, seen.lines_done, seen.lines_failed) == ("g", "BATCH_STATE_SUCCEEDED", 2, 1, 1)
    assert (seen.text_chars, seen.usage, seen.created) == (2, Usage(input=3), ["batch:b"])
    filed = {"name": "batches/b", "metadata": {"output": {"responsesFile": "files/batch-b"}}}
    assert told("/v1beta/batches/b", filed).created == ["batch:b", "file:batch-b"]


@pytest.mark.parametrize(
    ("given", "messages", "chars"),
    [
        ("hello", 1, 5),
        ([{"type": "text", "text": "hello"}, {"type": "image", "data": "AA"}], 1, 5),
        (
            [
                {"type": "user_input", "content": [{"type": "text", "text": "hello"}]},
                {"type": "model_output", "content": [{"type": "text", "text": "yes"}]},
            ],
            2,
            8,
        ),
    ],
)
def test_an_interaction_is_read_in_all_its_forms(given: Any, messages: int, chars: int) -> None:
    """A text, parts, or steps; the one before is a reference."""
    read = facts("/v1beta/interactions", {"model": "g", "input": given, "previous_interaction_id": "i-1"})
    assert (read.model, read.messages, read.prompt_chars, read.references) == ("g", messages, chars, ["interaction:i-1"])


def test_an_interactions_answer_is_read() -> None:
    """What the model said and thought, and its calls, but not the input that is given back."""
    steps = [
        {"type": "user_input", "content": [{"type": "text", "text": "question"}]},
        {"type": "thought", "summary": [{"type": "text", "text": "hm"}]},
        {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}},
        {"type": "model_output", "content": [{"type": "text", "text": "hello"}]},
    ]
    usage = {"total_input_tokens": 3, "total_output_tokens": 4, "total_thought_tokens": 1}
    seen = told("/v1beta/interactions", {"id": "i-2", "status": "completed", "steps": steps, "usage": usage}, "POST")
    assert (seen.text, seen.reasoning_text, seen.tool_calls, seen.created) == ("hello", "hm", 1, ["interaction:i-2"])
    assert seen.usage == Usage(input=3, output=5, reasoning=1)
