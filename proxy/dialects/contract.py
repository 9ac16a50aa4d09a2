"""What every dialect offers: a table of endpoints, a reader of requests, a reader of answers, and its own error shapes.

A dialect is pure: it sees bytes and parsed JSON, never a socket. The corridor calls, in this order: `Dialect.match` with the
method and the path that follows the upstream's name, `Endpoint.read_request` with the parsed body, `Endpoint.answer` once the
answer's head is known, `AnswerReader.feed` for each piece of the (decoded) answer body, `AnswerReader.facts` at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from proxy.core.facts import AnswerFacts, Message, RequestFacts
from proxy.dialects.session import SessionReader

MIB = 1024 * 1024

UPLOAD_LINKS = (b"x-goog-upload-url", b"x-goog-upload-control-url")
"""Answer headers in which Google's APIs say where the bytes of an upload are to go."""


class AnswerReader(Protocol):
    """Reads one answer as it passes. It must never raise on any input, and must give the same facts however the bytes are cut."""

    ended: bool
    """True once the event that ends a stream for its client was seen (`[DONE]`, `message_stop`, `response.completed` …)."""

    def feed(self, data: bytes) -> int:
        """Read the next piece of the body.

        Returns:
            How many bytes at the end of all that was fed so far must not reach the client before the outcome is durable:
            0, or the length of the stream's last event (or of a beginning that may turn out to be it).

        """
        ...

    def facts(self) -> AnswerFacts:
        """The facts so far; may be called at any time, and again."""
        ...

    def error_event(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """What ends a broken stream, after all that was fed and not held, so that the provider's SDK raises: its own error event.

        Empty when the format knows no such thing (a JSON document, audio): then only a broken connection tells the client.
        """
        ...


class PathParameters(msgspec.Struct, frozen=True, gc=False):
    """What a path itself says: `model` (Gemini, Azure), whether it asks for a stream, and the ids in it, as `kind:id`."""

    model: str | None = None
    stream: bool = False
    references: tuple[str, ...] = ()


class Endpoint(msgspec.Struct, frozen=True):
    """One row of a dialect's table.

    `name` is the endpoint's word in policies and records (`chat`, `responses`, `messages`, `generate` …); `pattern` is for
    people and `docs/coverage.md`. `teaches`: an answer could teach a model (embeddings and model lists cannot teach text, yet
    they are recorded like any other). `json_body`: the body must be strict JSON (an empty one is fine where `method` has none).
    `form_body`: the body is multipart/form-data, whose tree `dialects.multipart.read_form` makes. `body_cap`: bytes, larger is 413.
    `read_request` takes the parsed body (None when there is none or it is not inspectable) and must not raise.
    `read_messages` gives the conversation, for readers of the ledger; it must not raise either.
    `answer(stream, collect)` makes the reader: `stream` tells what the answer's content type says (`sse`, `json`, `other`).

    `carries`: how a body carries many queries, each of which becomes a line of the record (ADR 0007). Such a body is never whole
    in memory: it goes to the spool as it comes and is read back in slices. One of

    * empty: it carries none;
    * `form`: with `form_body`. The file part is JSONL if the form's field `purpose` is `batch`, `fine-tune` or `evals`; other
      files are bytes and no more. `read_request` gets the form's tree, files as `{"bytes": n}`;
    * `jsonl`: the body is JSONL itself. `read_request` gets None;
    * `file`: the body is a file of any kind (a resumable upload), JSONL if its content type says so, or if the type says nothing
      and it begins with a JSON object; or it has the file as its second part (`dialects.related`). `read_request` gets None;
    * `parts`: with `json_body`. The body names the parts of a file, in order: what they cut in two is joined. `read_request` gets
      the tree;
    * `requests`: with `json_body`. Entries stand in the array `requests`: `{"custom_id", "params"}`. `read_request` gets the tree
      with that array empty;
    * `batch`: with `json_body`. Entries stand in `batch.input_config.requests.requests`: `{"request", "metadata": {"key"}}`.
      `read_request` gets the tree with that array empty.

    `upload`: what a row does for a file that comes in parts: `begin` (says what it is for), `part`, `complete`.

    `links`: answer headers, lower case, in which the provider hands out addresses of its own that SDKs then follow; they are made
    to lead through the proxy (ADR 0008).

    `carried`: the path that an entry calls if it names none itself (`/v1/messages`, `/v1beta/models/{model}:generateContent`;
    `{model}` is the one that the carrier's own path names).

    `session(path, query, collect)` makes the reader of a session for a row that takes WebSockets (ADR 0011); a row without it takes
    no upgrade. `query` has the first value of each parameter.
    """

    name: str
    method: str
    pattern: str
    read_request: Callable[[Any, PathParameters], RequestFacts]
    read_messages: Callable[[Any], list[Message]]
    answer: Callable[[str, bool], AnswerReader]
    teaches: bool = True
    json_body: bool = True
    form_body: bool = False
    body_cap: int = 100 * MIB
    carries: str = ""
    carried: str = ""
    upload: str = ""
    links: tuple[bytes, ...] = ()
    session: Callable[[PathParameters, Mapping[str, str], bool], SessionReader] | None = None


class Dialect(Protocol):
    """A provider's wire format. Instances hold no state."""

    name: str
    endpoints: tuple[Endpoint, ...]

    def match(self, method: str, path: str) -> tuple[Endpoint, PathParameters] | None:
        """The row for a request, or None when there is none (recorded whole, not inspected).

        `path` has neither query nor upstream name; percent-encoding is understood.
        """
        ...

    def error_body(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """A JSON error body in the provider's own shape; `code` is ours (`policy_violation`, `ledger_unavailable` …)."""
        ...

    def error_headers(self, record_id: str) -> Mapping[str, str]:
        """Headers by which this provider's SDKs find a request id (`x-request-id`, `request-id`)."""
        ...
