"""Answers about what OpenAI keeps: files, batches, jobs, stores, threads, runs, conversations; an object each, or a list of such.

An answer shows the object that it is about and, in some, what came out of it (a batch's result files, a job's models): those are
`AnswerFacts.created`. Texts count only where the model said them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.dialects.gathering import Gathering, count, create, error_word, word
from proxy.dialects.openai.chat import read_chat
from proxy.dialects.openai.responses import read_response

_OUTCOMES = {"output_file_id": "file", "error_file_id": "file", "result_files": "file", "fine_tuned_model": "model", "file": "file"}
"""Members that name what came out of a batch, a job or an upload."""

_COUNTED = ("request_counts", "result_counts")
_FAILED = ("failed", "errored")


def show(gathering: Gathering, kind: str, value: Any) -> None:
    """Note what exists: an id, or an object with one."""
    create(gathering, kind, value.get("id") if type(value) is dict else value)


def reads(kind: str = "", *, says: bool = False) -> Callable[[Gathering, Any], None]:
    """Make the reader of an object of this kind, or of a list of such. `says`: its texts may be the model's."""

    def read(gathering: Gathering, tree: Any) -> None:
        if type(tree) is not dict:
            gathering.seen.unread = True
            return
        read_object(gathering, tree)
        if kind and tree.get("object") != "list":
            show(gathering, kind, tree)
        if says:
            entries = tree.get("data") if tree.get("object") == "list" else None
            for entry in entries if type(entries) is list else [tree]:
                if type(entry) is dict:
                    read_said(gathering, entry)

    return read


def read_object(gathering: Gathering, tree: dict[str, Any]) -> None:
    """Take in what all objects have: id, model, status, counts, usage, errors, and what came of them."""
    seen = gathering.seen
    gathering.names(tree.get("model"), tree.get("id"))
    if status := word(tree.get("status")):
        seen.finish = status
    if type(entries := tree.get("data")) is list:
        seen.choices = len(entries)
    for key in _COUNTED:
        if type(counts := tree.get(key)) is dict:
            _read_counts(gathering, counts)
    _read_usage(gathering, tree.get("usage"))
    if error := tree.get("error") or tree.get("last_error"):
        # An object tells of the error of its job so, with a code; only an answer that is nothing else is an error itself.
        seen.error = (word(error.get("code")) if "id" in tree and type(error) is dict else None) or error_word(error)
    for key, kind in _OUTCOMES.items():
        found = tree.get(key)
        for one in found if type(found) is list else [found]:
            show(gathering, kind, one)


def _read_counts(gathering: Gathering, counts: dict[str, Any]) -> None:
    seen = gathering.seen
    seen.lines = count(counts.get("total"))
    seen.lines_done = count(counts.get("completed")) + count(counts.get("passed"))
    seen.lines_failed = sum(count(counts.get(key)) for key in _FAILED)


def _read_usage(gathering: Gathering, usage: Any) -> None:
    if type(usage) is not dict:
        return
    given = count(usage.get("input_tokens")) or count(usage.get("prompt_tokens"))
    made = count(usage.get("output_tokens")) or count(usage.get("completion_tokens"))
    if given or made:
        gathering.uses(input_=given, output=made)


def read_said(gathering: Gathering, entry: dict[str, Any]) -> None:
    """Take in the texts of a stored completion, a thread's message, a conversation's item, an evaluation's sample."""
    kind = entry.get("object")
    if kind == "chat.completion":
        read_chat(gathering, entry)
    elif kind == "eval.run.output_item":
        _read_sample(gathering, entry.get("sample"))
    elif type(entry.get("type")) is str:
        said = entry.get("role") in (None, "assistant")
        read_response(gathering, {"output": [entry] if said else []})
    elif entry.get("role") == "assistant":
        _read_parts(gathering, entry.get("content"))


def _read_parts(gathering: Gathering, parts: Any) -> None:
    """`[{"type": "text", "text": {"value": …}}]` of a thread's message."""
    index = gathering.choice(0)
    for part in parts if type(parts) is list else ():
        text = part.get("text") if type(part) is dict else None
        value = text.get("value") if type(text) is dict else text
        if type(value) is str:
            gathering.says(index, value)


def _read_sample(gathering: Gathering, sample: Any) -> None:
    if type(sample) is not dict:
        return
    gathering.names(sample.get("model"), None)
    output = sample.get("output")
    for message in output if type(output) is list else ():
        if type(message) is dict and type(text := message.get("content")) is str:
            gathering.says(gathering.choice(0), text)
