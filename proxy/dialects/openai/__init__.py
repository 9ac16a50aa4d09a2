"""OpenAI's API, which most other hosts speak too. Rows about what is kept (files, batches, threads …) stand beside, by capability.

Below `/v1`, below any other prefix that ends in a version, without one, and below Azure's `/openai/deployments/{model}` or
the old `/v1/engines/{model}`. What only other hosts have is in `hosts.py` (endpoints) and `extras.py` (parameters).
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.dialects.contract import Endpoint, PathParameters
from proxy.dialects.openai import (
    batches,
    content,
    files,
    hosts,
    realtime,
    requests,
    retrieval,
    sessions,
    stored,
    threads,
    training,
    videos,
)
from proxy.dialects.openai.chat import ChatStream, parse_chat, read_whole_chat
from proxy.dialects.openai.errors import error_body
from proxy.dialects.openai.responses import ResponseStream, read_response
from proxy.dialects.openai.rows import about, answers, messages, no_messages
from proxy.dialects.openai.tasks import TaskStream, parse_bulky, read_task
from proxy.dialects.paths import PathTable

_PREFIX = (
    r"(?:"
    r"(?:/(?!anthropic/)[^/]+)*?/v[0-9][0-9a-z]*(?:/openai)?"  # /v1, /api/v1, /openai/v1, /compatible-mode/v1, /v1beta/openai
    r"|/(?:openai/deployments|v1/engines)/(?P<deployment>[^/]+)"  # Azure; OpenAI's clients before 1.0
    r"|/openai|/api|/models|/beta"  # Azure, Open WebUI, Azure's inference API, DeepSeek
    r")?"
)


_chat_answers = answers(read_whole_chat, ChatStream, parse_chat)
_response_answers = answers(read_response, ResponseStream)
_task_answers = answers(read_task)
_bulky_answers = answers(read_task, TaskStream, parse_bulky)
_chat_messages = messages(content.chat_turns)
_response_messages = messages(content.response_turns)
_prompt_messages = messages(content.prompt_turns)
_form_messages = messages(content.form_turns)


_ANSWERS = {
    "chat": _chat_answers,
    "later": answers(hosts.read_later),
    "responses": _response_answers,
    "task": _task_answers,
    "bulky": _bulky_answers,
}


def _of_host(row: hosts.Row) -> Endpoint:
    answer = _ANSWERS[row.answers]
    json_body = row.method == "POST"
    read_messages = messages(row.turns)
    return Endpoint(row.name, row.method, row.pattern, row.read, read_messages, answer, teaches=row.teaches, json_body=json_body)


def _listing(name: str, pattern: str) -> Endpoint:
    return Endpoint(name, "GET", pattern, requests.read_bare, no_messages, _task_answers, teaches=False, json_body=False)


def _form(name: str, pattern: str) -> Endpoint:
    answer = _bulky_answers if name.startswith("image") else _task_answers
    return Endpoint(name, "POST", pattern, requests.read_form, _form_messages, answer, json_body=False, form_body=True)


_ENDPOINTS = (
    Endpoint("chat", "POST", "/v1/chat/completions", requests.read_chat, _chat_messages, _chat_answers),
    Endpoint("responses", "POST", "/v1/responses", requests.read_response, _response_messages, _response_answers),
    Endpoint("completions", "POST", "/v1/completions", requests.read_completion, _prompt_messages, _chat_answers),
    Endpoint("embeddings", "POST", "/v1/embeddings", requests.read_input, _prompt_messages, _bulky_answers, teaches=False),
    Endpoint("moderations", "POST", "/v1/moderations", requests.read_input, _prompt_messages, _task_answers, teaches=False),
    Endpoint("images", "POST", "/v1/images/generations", requests.read_picture, _prompt_messages, _bulky_answers),
    _form("image_edits", "/v1/images/edits"),
    _form("image_variations", "/v1/images/variations"),
    Endpoint("speech", "POST", "/v1/audio/speech", requests.read_input, _prompt_messages, _task_answers),
    _form("transcriptions", "/v1/audio/transcriptions"),
    _form("translations", "/v1/audio/translations"),
    *stored.response_rows(_response_answers),
    *stored.ROWS,
    *files.ROWS,
    *batches.ROWS,
    *training.ROWS,
    *retrieval.ROWS,
    *threads.ROWS,
    *sessions.ROWS,
    *realtime.ROWS,
    *videos.ROWS,
    _listing("models", "/v1/models"),
    _listing("model", "/v1/models/{model}"),
    about("model_delete", "DELETE", "/v1/models/{model}"),
    *map(_of_host, hosts.ROWS),
)
_TABLE = PathTable(_ENDPOINTS, prefix=_PREFIX)


class OpenAIDialect:
    """See `Dialect`."""

    name = "openai"
    endpoints: tuple[Endpoint, ...] = _ENDPOINTS

    def match(self, method: str, path: str) -> tuple[Endpoint, PathParameters] | None:
        """See `Dialect.match`."""
        return _TABLE.match(method, path)

    def error_body(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `Dialect.error_body`."""
        return error_body(status, code, message, record_id)

    def error_headers(self, record_id: str) -> Mapping[str, str]:
        """The SDKs read `x-request-id`."""
        return {"x-request-id": record_id}
