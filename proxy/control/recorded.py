"""Reads traffic that was recorded elsewhere, JSON Lines plain or gzipped, as requests: in our schema, or by a map of fields.

The schema is documented in docs/detection.md. A field of a map is a dotted path into the record (`metadata.user_api_key_hash`,
`response.choices.0.message.content`). Labels and unknown fields are never looked at.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from proxy.control.observing import Asked
from proxy.core.errors import TosProxyError
from proxy.core.principal import PURPOSES, UNDECLARED
from proxy.dialects.jsonio import read_leniently

_FIELDS = """
client time method path body model messages parameters status answer input_tokens output_tokens agent source tenant purpose retried
"""
FIELDS = tuple(_FIELDS.split())

OWN = {
    "client": "client",
    "time": "t",
    "method": "method",
    "path": "path",
    "body": "body",
    "status": "status",
    "answer": "response_text",
    "input_tokens": "usage.prompt_tokens|usage.input_tokens|usage.promptTokenCount",
    "output_tokens": "usage.completion_tokens|usage.output_tokens|usage.candidatesTokenCount",
    "agent": "headers.user-agent",
    "source": "source",
    "tenant": "tenant",
    "purpose": "purpose",
    "retried": "headers.x-stainless-retry-count",
}
LITELLM = {
    "client": "metadata.user_api_key_hash|metadata.user_api_key_alias|end_user",
    "time": "startTime",
    "model": "model",
    "messages": "messages",
    "parameters": "model_parameters",
    "answer": "response.choices.0.message.content|response",
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "agent": "metadata.user_agent",
    "source": "metadata.requester_ip_address|requester_ip_address",
    "tenant": "metadata.user_api_key_team_id",
}
"""LiteLLM's StandardLoggingPayload, as its callbacks log it."""

_LITELLM_PATHS = {"embedding": "/v1/embeddings", "text_completion": "/v1/completions", "responses": "/v1/responses"}
"""Of its kinds of calls those that are no chat; asynchronous ones have an `a` before them."""
_PIECE = "choices.0.delta.content|choices.0.text|delta.text|candidates.0.content.parts.0.text"
_WHOLE = "choices.0.message.content|choices.0.text|content.0.text|output.0.content.0.text|candidates.0.content.parts.0.text"
_USED = "usage|message.usage|response.usage|usageMetadata"

_VLLM = re.compile(
    r"(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d).*?Received request ([^:]+): prompt: (?P<prompt>'.*?'|\".*?\"), params: (.*)"
)
_VLLM_PARAMETER = re.compile(r"\b(n|temperature|max_tokens|seed|logprobs)=(-?[\d.]+)")


class RecordedError(TosProxyError):
    """A line that is no record; the text begins with `file:line:`."""


class Place(NamedTuple):
    """Where a request was read."""

    file: str
    line: int


def from_fields(tree: Any, fields: dict[str, str], scale: float = 1.0) -> Asked:
    """A request of a record.

    Raises:
        ValueError: the record is no object, or lacks a client, a time, or a prompt's body.

    """
    if type(tree) is not dict:
        raise ValueError("not a JSON object")
    found = {name: look_up(tree, path) for name, path in fields.items()}
    body = found.get("body")
    if "body" not in fields:
        given = found.get("parameters")
        body = {**(given if type(given) is dict else {}), "model": found.get("model"), "messages": found.get("messages")}
    if type(body) is str:
        body = read_leniently(body.encode("utf-8", "replace"))
    client = found.get("client")
    if client is None or client == "":
        raise ValueError(f"no client ({fields.get('client', 'client')})")
    purpose = found.get("purpose") or UNDECLARED
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose: {str(purpose)[:60]}")
    return Asked(
        str(client)[:200].encode("utf-8", "replace").decode(),
        seconds(found.get("time")) * scale,
        str(found.get("method") or "POST"),
        str(found.get("path") or "/v1/chat/completions"),
        body,
        _whole(found.get("status"), 200),
        _text(found.get("answer")),
        _whole(found.get("input_tokens"), 0),
        _whole(found.get("output_tokens"), 0),
        str(found.get("retried") or "0") not in {"0", "False"},
        str(found.get("agent") or "")[:200],
        str(found.get("source") or "")[:200],
        str(found.get("tenant") or "")[:200],
        purpose,
    )


def look_up(tree: Any, paths: str) -> Any:
    """What stands at the first of `a.b|c.0` that is there and not null."""
    for path in paths.split("|"):
        node = tree
        for step in path.split("."):
            if type(node) is dict:
                node = node.get(step)
            elif type(node) is list and step.isdecimal() and int(step) < len(node):
                node = node[int(step)]
            else:
                node = None
        if node is not None:
            return node
    return None


def seconds(value: Any) -> float:
    """A time as seconds: a number (milliseconds if it is that large), or ISO 8601.

    Raises:
        ValueError: neither.

    """
    if type(value) in (int, float):
        if not -1e15 < value < 1e15:  # nor NaN
            raise ValueError("a time out of range")
        return value / 1000 if value > 1e11 else float(value)
    if type(value) is str:
        try:
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            raise ValueError(f"neither seconds nor a time as ISO 8601 has it: {value[:60]!r}") from None
    raise ValueError("no time")


def _whole(value: Any, otherwise: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return otherwise


def _text(value: Any) -> str:
    return value if type(value) is str else "" if value is None else json.dumps(value)


def from_litellm(tree: Any, scale: float = 1.0) -> Asked:
    """A request of LiteLLM's StandardLoggingPayload. A call that failed is one that was answered with an error."""
    if type(tree) is not dict:
        raise ValueError("not a JSON object")
    kind = str(tree.get("call_type") or "")
    path = _LITELLM_PATHS.get(kind.removeprefix("a"), "/v1/chat/completions")
    given, asked = tree.get("model_parameters"), tree.get("messages")
    body = {**(given if type(given) is dict else {}), "model": tree.get("model")}
    name = {"/v1/embeddings": "input", "/v1/completions": "prompt", "/v1/responses": "input"}.get(path, "messages")
    body[name] = (look_up(asked, "0.content") or asked) if name == "prompt" else asked
    found = {name: look_up(tree, where) for name, where in LITELLM.items()}
    record = {
        **{name: found[name] for name in ("client", "source", "tenant")},
        "t": found["time"],
        "path": path,
        "body": body,
        "status": 500 if tree.get("status") == "failure" else 200,
        "response_text": _text(found["answer"]) if name != "input" or path == "/v1/responses" else "",
        "usage": {"prompt_tokens": found["input_tokens"], "completion_tokens": found["output_tokens"]},
        "headers": {"user-agent": found["agent"]},
    }
    return from_fields(record, OWN, scale)


def from_envoy(tree: Any, scale: float = 1.0) -> Asked:
    """A request of Envoy's tap filter (`http_buffered_trace`). The client is a digest of the credential, which is not kept."""
    trace = look_up(tree, "http_buffered_trace")
    if type(trace) is not dict:
        raise ValueError("no http_buffered_trace")
    sides = {side: _side(look_up(trace, side)) for side in ("request", "response")}
    heads, body = sides["request"]
    answered, answer = sides["response"]
    secret = heads.get("authorization") or heads.get("x-api-key") or heads.get("api-key") or heads.get("x-goog-api-key")
    said, used = _answered(answer)
    record = {
        "client": digest_of(secret) if secret else "anonymous",
        "t": look_up(trace, "request.headers_received_time") or 0,
        "method": heads.get(":method"),
        "path": heads.get(":path"),
        "body": body,
        "status": answered.get(":status"),
        "response_text": said,
        "usage": used,
        "headers": heads,
        "source": heads.get("x-forwarded-for"),
    }
    return from_fields(record, OWN, scale)


def _answered(body: str) -> tuple[str, Any]:
    """Text and usage of an answer's body, whole or streamed as server-sent events."""
    if not body.lstrip().startswith(("data:", "event:")):
        read = read_leniently(body.encode("utf-8", "replace"))
        return (_text(look_up(read, _WHOLE)), look_up(read, _USED)) if type(read) is dict else ("", None)
    pieces: list[str] = []
    used: dict[str, Any] = {}
    for line in body.splitlines():
        event = read_leniently(line[5:].strip().encode("utf-8", "replace")) if line.startswith("data:") else None
        if type(event) is not dict:
            continue
        piece = event.get("delta") if str(event.get("type", "")).endswith("output_text.delta") else look_up(event, _PIECE)
        if type(piece) is str:
            pieces.append(piece)
        told = look_up(event, _USED)
        used.update(told if type(told) is dict else {})
    return "".join(pieces), used or None


def digest_of(secret: str) -> str:
    """A name for a credential that does not give it away."""
    from hashlib import blake2b

    return "key:" + blake2b(secret.encode(), digest_size=6).hexdigest()


def _side(side: Any) -> tuple[dict[str, str], str]:
    from base64 import b64decode

    listed = look_up(side, "headers")
    heads = {str(each.get("key")).lower(): str(each.get("value")) for each in listed if type(each) is dict} if listed else {}
    body = look_up(side, "body.as_string")
    if body is None:
        body = b64decode(look_up(side, "body.as_bytes") or "").decode("utf-8", "replace")
    return heads, body


def from_vllm(text: str) -> Asked | None:
    """A request of vLLM's log (`Received request …`), None for other lines. It names no client: all are `vllm`."""
    found = _VLLM.search(text)
    if found is None:
        return None
    month, day, hour, minute, second = (int(found[number]) for number in range(1, 6))
    at = datetime(2000, month, day, hour, minute, second, tzinfo=UTC).timestamp()  # the log does not say which year; any leap year
    given = {name: float(value) if "." in value else int(value) for name, value in _VLLM_PARAMETER.findall(found[8])}
    prompt = found["prompt"][1:-1].replace("\\n", "\n").replace("\\'", "'")
    return Asked("vllm", at, "POST", "/v1/completions", {"model": "vllm", "prompt": prompt, **given})


def reader(preset: str, fields: dict[str, str] | None, scale: float) -> Callable[[str], Asked | None]:
    """What makes a request of a line: by a map of fields, or a preset (`own | litellm | envoy | vllm`)."""
    if preset == "vllm":
        return from_vllm
    if preset == "envoy":
        return lambda line: from_envoy(json.loads(line), scale)
    if preset == "litellm" and fields is None:
        return lambda line: from_litellm(json.loads(line), scale)
    chosen = fields or OWN
    return lambda line: from_fields(json.loads(line), chosen, scale)


def requests_of(
    lines: Iterator[str], file: str, read: Callable[[str], Asked | None]
) -> Iterator[tuple[Place, Asked | RecordedError]]:
    """The requests of a file, and an error for each line that is none. What cannot be read any further ends with an error."""
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            found = _read(line, f"{file}:{number}", read) if line.strip() else None
            if found is not None:
                yield Place(file, number), found
    except (OSError, EOFError, zlib.error) as error:
        place = f"{file}:{number}" if number else file
        why = error.strerror if isinstance(error, OSError) else None
        yield Place(file, number), RecordedError(f"{place}: cannot be read{' any further' if number else ''}: {why or error}")


def _read(line: str, place: str, read: Callable[[str], Asked | None]) -> Asked | RecordedError | None:
    try:
        return read(line)
    except json.JSONDecodeError as error:
        return RecordedError(f"{place}: not JSON: {error.msg} at column {error.colno}")
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        return RecordedError(f"{place}: {str(error)[:200] or 'not a record'}")


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file, unpacked if it is gzipped."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as packed:
            yield from packed
    else:
        with path.open(encoding="utf-8", errors="replace") as plain:
            yield from plain


def scale_of(path: Path) -> float:
    """The `time_scale` that an `index.json` beside a file gives it, else 1."""
    index = path.parent / "index.json"
    try:
        runs = json.loads(index.read_text()).get("runs", [])
        scale = next((float(run.get("time_scale", 1)) for run in runs if run.get("file") == path.name), 1.0)
    except (OSError, ValueError, AttributeError, TypeError):
        return 1.0
    return scale if 0 < scale < math.inf else 1.0
