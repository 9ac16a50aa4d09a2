"""Message batches and their results, files, skills: what Anthropic keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.core.facts import Message, RequestFacts
from proxy.dialects.anthropic.answers import read_message
from proxy.dialects.contract import MIB, AnswerReader, Endpoint, PathParameters
from proxy.dialects.gathering import Gathering, count, create, error_word, link, word
from proxy.dialects.parameters import flag, odd, refer_path
from proxy.dialects.results import ResultLines
from proxy.dialects.whole import CountedReader, WholeReader

_LARGEST_BATCH = 256 * MIB
_LARGEST_FILE = 500 * MIB
_LARGEST_SKILL = 30 * MIB
_FORM = MIB
_FAILED = ("errored", "canceled", "expired")


def read_about(_body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a request that has no body, or none that is ours to read; what it is about stands in its path."""
    facts = RequestFacts(model=path.model)
    refer_path(facts, path.references)
    return facts


def read_batch(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a batch: its requests are lines with facts of their own; what is no array of them is none that we read."""
    facts = read_about(None, path)
    if type(body) is not dict:
        facts.inspection = "none"
    elif type(body.get("requests", [])) is not list:
        odd(facts)
    return facts


def read_upload(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a form with files."""
    facts = read_about(None, path)
    values = body.values() if type(body) is dict else ()
    facts.media = sum(len(value) if type(value) is list else type(value) is dict for value in values) or 1
    flag(facts, "media")
    if type(body) is not dict:
        facts.inspection = "none"
    return facts


def no_messages(_body: Any) -> list[Message]:
    """A body that is no conversation."""
    return []


def _reads(kind: str) -> Any:
    """The reader of an object of this kind, or of a list of such."""

    def read(gathering: Gathering, tree: Any) -> None:
        if type(tree) is not dict:
            gathering.seen.unread = True
            return
        seen = gathering.seen
        if error := tree.get("error"):
            seen.error = error_word(error)
            return
        gathering.names(None, tree.get("id"))
        if kind:
            create(gathering, kind, tree.get("id"))
        seen.finish = word(tree.get("processing_status"))
        if type(entries := tree.get("data")) is list:
            seen.choices = len(entries)
        if type(counts := tree.get("request_counts")) is dict:
            seen.lines = sum(count(value) for value in counts.values())
            seen.lines_done = count(counts.get("succeeded"))
            seen.lines_failed = sum(count(counts.get(key)) for key in _FAILED)
        for entry in entries if type(entries) is list else [tree]:
            if type(entry) is dict:
                link(gathering, entry.get("results_url"))

    return read


def read_result(gathering: Gathering, line: dict[str, Any]) -> bool | None:
    """Take in `{"custom_id", "result": {"type": "succeeded", "message"}}`."""
    result = line.get("result")
    if type(result) is not dict:
        if error := line.get("error"):
            gathering.seen.error = error_word(error)
        return None
    if type(message := result.get("message")) is dict:
        read_message(gathering, message)
    if type(error := result.get("error")) is dict:
        gathering.seen.error = error_word(error.get("error") or error)
    return result.get("type") == "succeeded"


def _results(stream: str, collect: bool) -> AnswerReader:  # noqa: ARG001 - JSON lines, whatever they are called
    return ResultLines(read_result, read_message, collect=collect)


def _answer(kind: str) -> Callable[[str, bool], AnswerReader]:
    read = _reads(kind)
    return lambda stream, collect: WholeReader(read, collect=collect) if stream == "json" else CountedReader()


def _about(name: str, method: str, pattern: str, kind: str = "", *, teaches: bool = False) -> Endpoint:
    return Endpoint(name, method, pattern, read_about, no_messages, _answer(kind), teaches=teaches, json_body=False)


def _form(name: str, pattern: str, kind: str, body_cap: int) -> Endpoint:
    return Endpoint(
        name,
        "POST",
        pattern,
        read_upload,
        no_messages,
        _answer(kind),
        teaches=False,
        json_body=False,
        form_body=True,
        body_cap=body_cap + _FORM,
        carries="form",
    )


_BATCH = "/v1/messages/batches/{batch_id}"
_FILE = "/v1/files/{file_id}"
_SKILL = "/v1/skills/{skill_id}"
_VERSION = _SKILL + "/versions/{skill_version}"

ROWS = (
    Endpoint(
        "batch_create",
        "POST",
        "/v1/messages/batches",
        read_batch,
        no_messages,
        _answer("batch"),
        body_cap=_LARGEST_BATCH,
        carries="requests",
        carried="/v1/messages",
    ),
    _about("batches", "GET", "/v1/messages/batches"),
    Endpoint("batch_results", "GET", _BATCH + "/results", read_about, no_messages, _results, json_body=False),
    _about("batch_cancel", "POST", _BATCH + "/cancel", "batch"),
    _about("batch", "GET", _BATCH, "batch"),
    _about("batch_delete", "DELETE", _BATCH),
    _form("file_upload", "/v1/files", "file", _LARGEST_FILE),
    _about("files", "GET", "/v1/files"),
    _about("file_content", "GET", _FILE + "/content", teaches=True),
    _about("file", "GET", _FILE, "file"),
    _about("file_delete", "DELETE", _FILE),
    _form("skill_create", "/v1/skills", "skill", _LARGEST_SKILL),
    _about("skills", "GET", "/v1/skills"),
    _form("skill_version_create", _SKILL + "/versions", "", _LARGEST_SKILL),
    _about("skill_versions", "GET", _SKILL + "/versions"),
    _about("skill_version_content", "GET", _VERSION + "/content"),
    _about("skill_version", "GET", _VERSION),
    _about("skill_version_delete", "DELETE", _VERSION),
    _about("skill", "GET", _SKILL, "skill"),
    _about("skill_delete", "DELETE", _SKILL),
)
