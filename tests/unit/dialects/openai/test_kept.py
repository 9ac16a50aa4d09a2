"""What is understood of requests about what OpenAI keeps, and of the answers to them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.dialects import by_name

OPENAI = by_name("openai")


def facts(path: str, body: Any = None, method: str = "POST") -> RequestFacts:
    """The facts of a request."""
    found = OPENAI.match(method, path)
    assert found is not None
    return found[0].read_request(body, found[1])


def told(path: str, answer: Any, method: str = "GET") -> AnswerFacts:
    """The facts of a JSON answer."""
    found = OPENAI.match(method, path)
    assert found is not None
    reader = found[0].answer("json", True)
    reader.feed(msgspec.json.encode(answer))
    return reader.facts()


@pytest.mark.parametrize(
    ("method", "path", "references"),
    [
        ("GET", "/v1/files/file-1", ["file:file-1"]),
        ("DELETE", "/openai/v1/files/file-1", ["file:file-1"]),
        ("GET", "/v1/batches/batch_1", ["batch:batch_1"]),
        ("POST", "/v1/vector_stores/vs_1/file_batches/vsfb_1/cancel", ["vector_store:vs_1", "file_batch:vsfb_1"]),
        ("GET", "/v1/threads/t_1/runs/run_1/steps/step_1", ["thread:t_1", "run:run_1", "step:step_1"]),
        ("GET", "/v1/conversations/conv_1/items/msg_1", ["conversation:conv_1", "item:msg_1"]),
        ("GET", "/v1/chat/completions/chatcmpl-1", ["completion:chatcmpl-1"]),
        ("GET", "/v1/fine_tuning/checkpoints/ft:gpt:o::1/permissions", ["checkpoint:ft:gpt:o::1"]),
        ("GET", "/v1/videos/video_1/content", ["video:video_1"]),
    ],
)
def test_ids_in_a_path_are_references(method: str, path: str, references: list[str]) -> None:
    """Each with its kind; what they stand for is not in the request."""
    read = facts(path, method=method)
    assert (read.references, read.inspection, read.flags) == (references, "partial", ["reference"])


def test_a_file_of_lines_hides_nothing() -> None:
    """Its lines are read one by one; any other file is a medium."""
    assert facts("/v1/files", {"purpose": "batch", "file": {"bytes": 9}}) == RequestFacts(file_purpose="batch")
    nameless = facts("/v1/files", {"purpose": "batch", "file": "{}"})
    assert (nameless.flags, nameless.inspection) == (["odd_types"], "partial")
    other = facts("/v1/files", {"purpose": "vision", "file": {"bytes": 9}})
    assert (other.media, other.flags, other.file_purpose) == (1, ["media"], "vision")
    assert (facts("/v1/files").inspection, facts("/v1/files").flags) == ("none", ["media"])


def test_a_file_in_parts_says_what_it_is_for() -> None:
    """When it is begun; its parts do not, and the end names them in order."""
    read = facts("/v1/uploads", {"purpose": "batch", "filename": "a.jsonl", "bytes": 9, "mime_type": "application/jsonl"})
    assert (read.file_purpose, read.flags, read.inspection) == ("batch", [], "full")
    done = facts("/v1/uploads/upload_1/complete", {"part_ids": ["part_b", "part_a"]})
    assert done.references == ["upload:upload_1", "part:part_b", "part:part_a"]


def test_a_batch_names_its_file_and_what_it_calls() -> None:
    """Whatever its lines say is on the record of the file."""
    read = facts("/v1/batches", {"input_file_id": "file-1", "endpoint": "/v1/responses", "completion_window": "24h"})
    assert (read.references, read.batch_endpoint) == (["file:file-1"], "/v1/responses")


@pytest.mark.parametrize(
    ("body", "training", "epochs"),
    [
        ({}, "supervised", None),
        ({"hyperparameters": {"n_epochs": 4}}, "supervised", 4),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": "auto"}}}}, "dpo", None),
        ({"method": {"type": "reinforcement", "reinforcement": {"hyperparameters": {"n_epochs": 2}}}}, "reinforcement", 2),
    ],
)
def test_training_says_how(body: dict[str, Any], training: str, epochs: int | None) -> None:
    """Method and epochs, wherever the API has put them; the files are references."""
    read = facts("/v1/fine_tuning/jobs", {"model": "gpt", "training_file": "file-1", "validation_file": "file-2", **body})
    assert (read.model, read.training, read.epochs) == ("gpt", training, epochs)
    assert sorted(read.references) == ["file:file-1", "file:file-2"]


def test_a_thread_is_read_with_all_its_messages() -> None:
    """Instructions are the system's; messages, wherever they stand, attachments and tools' stores count."""
    message = {"role": "user", "content": [{"type": "text", "text": "look"}], "attachments": [{"file_id": "file-1"}]}
    body = {
        "assistant_id": "asst_1",
        "instructions": "brief",
        "thread": {"messages": [message], "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}}},
        "additional_messages": [{"role": "assistant", "content": "yes"}],
        "stream": True,
    }
    read = facts("/v1/threads/runs", body)
    assert (read.system_chars, read.prompt_chars, read.messages, read.stream) == (5, 7, 2, True)
    assert sorted(read.references) == ["assistant:asst_1", "file:file-1", "vector_store:vs_1"]
    single = facts("/v1/threads/t_1/messages", {"role": "user", "content": "hello"})
    assert (single.messages, single.prompt_chars, single.references) == (1, 5, ["thread:t_1"])


def test_a_prompt_that_is_kept_is_read_as_far_as_it_is_filled_in() -> None:
    """Its variables are the user's words; its text lies with the provider."""
    read = facts("/v1/responses", {"prompt": {"id": "pmpt_1", "version": "2", "variables": {"city": "Paris"}}})
    assert (read.prompt_chars, read.references, read.inspection) == (5, ["prompt:pmpt_1"], "partial")


def test_a_batch_shows_what_came_of_it() -> None:
    """Itself, its files, and how many of its lines are done."""
    counts = {"total": 3, "completed": 2, "failed": 1}
    answer = {"id": "batch_1", "status": "completed", "request_counts": counts, "output_file_id": "f-1", "error_file_id": None}
    seen = told("/v1/batches/batch_1", answer)
    assert sorted(seen.created) == ["batch:batch_1", "file:f-1"]
    assert (seen.finish, seen.lines, seen.lines_done, seen.lines_failed) == ("completed", 3, 2, 1)


def test_a_list_shows_none_as_its_own() -> None:
    """Looking at many makes none of them."""
    assert told("/v1/files", {"object": "list", "data": [{"id": "file-1"}, {"id": "file-2"}]}).created == []


def test_only_what_the_model_said_counts_as_text() -> None:
    """Of a thread's messages those of the assistant, of a conversation's items likewise."""
    parts = [{"type": "text", "text": {"value": "hello"}}]
    messages = [{"object": "thread.message", "role": role, "content": parts} for role in ("user", "assistant")]
    assert told("/v1/threads/t/messages", {"object": "list", "data": messages}).text == "hello"
    items = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]},
    ]
    assert told("/v1/conversations/c/items", {"object": "list", "data": items}).text == "hello"
