"""Files, multipart uploads and containers: what is put there and fetched from there."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import MIB, AnswerReader, Endpoint, PathParameters
from proxy.dialects.openai import requests
from proxy.dialects.openai.objects import read_object, show
from proxy.dialects.openai.results import ResultFile
from proxy.dialects.openai.rows import about, answers, asking, form
from proxy.dialects.parameters import flag, odd, reference, text

LARGEST_FILE = 512 * MIB
"""Of the API; the form around it may take a little more."""

_PART = 64 * MIB
_FORM = MIB
_LINES = ("batch", "fine-tune", "evals")

_read_fields = requests.reader({"purpose": text("file_purpose")})
read_reference_list = requests.reader({"file_ids": reference("file"), "file_id": reference("file")})
_read_parts = requests.reader({"part_ids": reference("part")})


def read_upload(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a form with a file. Of a file of lines each line has facts of its own; any other is a medium that nobody read."""
    facts = _read_fields(body, path)
    if type(body) is dict and facts.file_purpose in _LINES:
        if not any(type(value) is dict for value in body.values()):
            odd(facts)  # a file without a name of its own is a field like any other: its lines are not read
        return facts
    whole = facts.inspection != "none"
    facts.media = sum(type(value) is dict for value in body.values()) if type(body) is dict else 1
    flag(facts, "media")
    if not whole:
        facts.inspection = "none"
    return facts


def _content(stream: str, collect: bool) -> AnswerReader:  # noqa: ARG001 - a file's content has no known type
    return ResultFile(collect=collect)


def _read_uploaded(gathering: Any, tree: Any) -> None:
    """A completed upload has become a file."""
    if type(tree) is dict:
        read_object(gathering, tree)
        show(gathering, "upload", tree)
    else:
        gathering.seen.unread = True


_upload_answers = answers(_read_uploaded)


def _for(upload: str, row: Endpoint) -> Endpoint:
    """A row of a file that comes in parts."""
    return msgspec.structs.replace(row, upload=upload, carries="parts" if upload == "complete" else row.carries)


ROWS = (
    form("file_upload", "/v1/files", read_upload, "file", body_cap=LARGEST_FILE + _FORM),
    about("files", "GET", "/v1/files"),
    about("file_content", "GET", "/v1/files/{file_id}/content", teaches=True, answer=_content),
    about("file", "GET", "/v1/files/{file_id}", "file"),
    about("file_delete", "DELETE", "/v1/files/{file_id}"),
    _for("begin", asking("upload_create", "/v1/uploads", _read_fields, "upload")),
    _for("part", form("upload_part", "/v1/uploads/{upload_id}/parts", read_upload, "part", body_cap=_PART + _FORM)),
    _for("complete", asking("upload_complete", "/v1/uploads/{upload_id}/complete", _read_parts, answer=_upload_answers)),
    about("upload_cancel", "POST", "/v1/uploads/{upload_id}/cancel", "upload"),
    asking("container_create", "/v1/containers", read_reference_list, "container"),
    about("containers", "GET", "/v1/containers"),
    form(
        "container_file_upload", "/v1/containers/{container_id}/files", read_upload, "container_file", body_cap=LARGEST_FILE + _FORM
    ),
    about("container_files", "GET", "/v1/containers/{container_id}/files"),
    about(
        "container_file_content",
        "GET",
        "/v1/containers/{container_id}/files/{container_file_id}/content",
        teaches=True,
        answer=_content,
    ),
    about("container_file", "GET", "/v1/containers/{container_id}/files/{container_file_id}", "container_file"),
    about("container_file_delete", "DELETE", "/v1/containers/{container_id}/files/{container_file_id}"),
    about("container", "GET", "/v1/containers/{container_id}", "container"),
    about("container_delete", "DELETE", "/v1/containers/{container_id}"),
)
