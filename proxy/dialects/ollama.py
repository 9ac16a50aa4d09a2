"""Ollama's own API below `/api`: chat, generation, embeddings and models, streamed as JSON lines unless asked otherwise.

What it serves in OpenAI's and Anthropic's words (`/v1/…`) is read by their dialects. Managing models (`/api/pull`, `/api/create` …)
makes no answers that could teach and is recorded whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from proxy.core.facts import Message, RequestFacts
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters
from proxy.dialects.error_message import with_record
from proxy.dialects.gathering import Gathering, count, error_word, word
from proxy.dialects.jsonio import write_compact
from proxy.dialects.ndjson import LineStreamReader
from proxy.dialects.parameters import (
    Reader,
    effort,
    flag,
    hidden,
    integer,
    logprob_count,
    number,
    odd,
    read_parameters,
    size,
    text,
    top_logprobs,
    within,
)
from proxy.dialects.paths import PathTable
from proxy.dialects.turns import Turn, as_messages, role_of, tally
from proxy.dialects.whole import CountedReader, WholeReader


def _format(facts: RequestFacts, value: Any) -> None:
    """`json`, or a schema."""
    if value:
        facts.response_format = "json_schema" if type(value) is dict else "json"


_PARAMETERS: dict[str, Reader] = {
    "model": text("model"),
    "options": within(
        {
            "temperature": number("temperature"),
            "top_p": number("top_p"),
            "num_predict": integer("max_tokens"),
            "seed": integer("seed"),
        }
    ),
    "format": _format,
    "think": effort,
    "tools": size("tools"),
    "logprobs": logprob_count,
    "top_logprobs": top_logprobs,
    "context": hidden("opaque_prompt"),  # an earlier conversation, as tokens
}


def _chat_turns(body: Any) -> Iterator[Turn]:
    messages = body.get("messages") if type(body) is dict else None
    for message in messages if type(messages) is list else ():
        turn = Turn("user")
        if type(message) is dict:
            turn.role = role_of(message.get("role"), turn)
            _add(turn, message, "content", "thinking")
            calls = message.get("tool_calls")
            turn.tool_calls = len(calls) if type(calls) is list else 0
        else:
            turn.odd = True
        yield turn


def _generate_turns(body: Any) -> Iterator[Turn]:
    if type(body) is not dict:
        return
    if body.get("system"):
        yield _add(Turn("system"), body, "system")
    turn = _add(Turn("user"), body, "prompt", "suffix")
    if turn.texts or turn.media:
        yield turn


def _input_turns(body: Any) -> Iterator[Turn]:
    """The texts to be embedded: `input`, one or a list, or the older `prompt`."""
    given = body.get("input", body.get("prompt")) if type(body) is dict else None
    for entry in given if type(given) is list else [] if given is None else [given]:
        yield Turn("user", [entry]) if type(entry) is str else Turn("user", odd=True)


def _add(turn: Turn, holder: dict[str, Any], *keys: str) -> Turn:
    for key in keys:
        said = holder.get(key)
        if type(said) is str:
            turn.texts = [*turn.texts, said]
        elif said is not None:
            turn.odd = True
    images = holder.get("images")
    turn.media = len(images) if type(images) is list and "system" not in keys else 0
    return turn


def _reader(turns: Callable[[Any], Iterator[Turn]], *, streams: bool = True) -> Callable[[Any, PathParameters], RequestFacts]:
    def read(body: Any, path: PathParameters) -> RequestFacts:
        facts = RequestFacts(model=path.model)
        if type(body) is not dict:
            if body is not None:
                flag(facts, "odd_types")
            facts.inspection = "none"
            return facts
        read_parameters(_PARAMETERS, body, facts)
        facts.stream = streams and body.get("stream") is not False
        tally(turns(body), facts)
        _count(facts, body)
        return facts

    return read


def _count(facts: RequestFacts, body: dict[str, Any]) -> None:
    messages, prompts = body.get("messages"), body.get("input")
    if type(messages) is list:
        facts.messages = len(messages)
    elif messages is not None:
        odd(facts)
    if type(prompts) is list:
        facts.prompts = len(prompts)


def _read_bare(_body: Any, path: PathParameters) -> RequestFacts:
    return RequestFacts(model=path.model)


def _read_show(body: Any, path: PathParameters) -> RequestFacts:
    model = word(body.get("model")) if type(body) is dict else None
    return RequestFacts(model=model or path.model)


def _read_line(gathering: Gathering, line: dict[str, Any]) -> bool:
    """A line of `/api/chat` or `/api/generate`, or the whole answer; the last one has the usage."""
    seen = gathering.seen
    if error := line.get("error"):
        seen.error = error_word(error)
        return True
    gathering.names(line.get("model"), None)
    message = line.get("message")
    said = message if type(message) is dict else line
    index = gathering.choice(0)
    for key in ("content", "response"):
        if type(piece := said.get(key)) is str:
            gathering.says(index, piece)
    if type(thought := said.get("thinking")) is str:
        gathering.thinks(index, thought)
    calls = said.get("tool_calls")
    for call in calls if type(calls) is list else ():
        function = call.get("function") if type(call) is dict else None
        if type(function) is dict:
            gathering.calls(index, seen.tool_calls, function.get("name"), write_compact(function.get("arguments")))
    if line.get("logprobs"):
        seen.logprobs = True
    if line.get("done") is not True:
        return False
    seen.finish = word(line.get("done_reason")) or seen.finish
    if "eval_count" in line or "prompt_eval_count" in line:
        gathering.uses(input_=count(line.get("prompt_eval_count")), output=count(line.get("eval_count")))
    return True


def _own_error(message: str) -> bytes:
    return msgspec.json.encode({"error": message})


def _lines(stream: str, collect: bool) -> AnswerReader:
    return LineStreamReader(_read_line, _own_error, collect=collect) if stream == "json" else CountedReader()


def _read_listing(gathering: Gathering, tree: Any) -> None:
    """A list of models, or one, whose own description is no answer of a model."""
    if type(tree) is not dict:
        gathering.seen.unread = True
        return
    gathering.seen.error = error_word(tree.get("error"))
    if type(models := tree.get("models")) is list:
        gathering.seen.choices = len(models)


class _Vectors(msgspec.Struct):
    """An answer whose vectors need not become objects; the older endpoint gives one, without a name and usage."""

    model: str | None = None
    embeddings: list[msgspec.Raw] = []
    embedding: list[msgspec.Raw] = []
    prompt_eval_count: int = 0
    error: Any = None


_decode_vectors = msgspec.json.Decoder(_Vectors).decode


def _parse_vectors(raw: bytes) -> Any:
    try:
        return _decode_vectors(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _read_vectors(gathering: Gathering, found: _Vectors) -> None:
    gathering.names(found.model, None)
    gathering.seen.choices = len(found.embeddings) or int(bool(found.embedding))
    if found.prompt_eval_count:
        gathering.uses(input_=count(found.prompt_eval_count), output=0)
    gathering.seen.error = error_word(found.error)


def _vectors(stream: str, collect: bool) -> AnswerReader:
    return WholeReader(_read_vectors, collect=collect, parse=_parse_vectors) if stream == "json" else CountedReader()


def _listing(stream: str, collect: bool) -> AnswerReader:
    return WholeReader(_read_listing, collect=collect) if stream == "json" else CountedReader()


def _messages(turns: Callable[[Any], Iterator[Turn]]) -> Callable[[Any], list[Message]]:
    return lambda body: as_messages(turns(body))


def _no_messages(_body: Any) -> list[Message]:
    return []


_embed, _embed_messages = _reader(_input_turns, streams=False), _messages(_input_turns)
_ENDPOINTS = (
    Endpoint("chat", "POST", "/api/chat", _reader(_chat_turns), _messages(_chat_turns), _lines),
    Endpoint("completions", "POST", "/api/generate", _reader(_generate_turns), _messages(_generate_turns), _lines),
    Endpoint("embeddings", "POST", "/api/embed", _embed, _embed_messages, _vectors, teaches=False),
    Endpoint("embeddings", "POST", "/api/embeddings", _embed, _embed_messages, _vectors, teaches=False),
    Endpoint("models", "GET", "/api/tags", _read_bare, _no_messages, _listing, teaches=False, json_body=False),
    Endpoint("models", "GET", "/api/ps", _read_bare, _no_messages, _listing, teaches=False, json_body=False),
    Endpoint("model", "POST", "/api/show", _read_show, _no_messages, _listing, teaches=False),
)
_TABLE = PathTable(_ENDPOINTS, prefix="")


class OllamaDialect:
    """See `Dialect`."""

    name = "ollama"
    endpoints: tuple[Endpoint, ...] = _ENDPOINTS

    def match(self, method: str, path: str) -> tuple[Endpoint, PathParameters] | None:
        """See `Dialect.match`."""
        return _TABLE.match(method, path)

    def error_body(self, status: int, code: str, message: str, record_id: str) -> bytes:  # noqa: ARG002 - it tells a message alone
        """A JSON error body: the message, and nothing else."""
        return _own_error(with_record(message, record_id))

    def error_headers(self, record_id: str) -> Mapping[str, str]:
        """Ollama names no request; the header that most clients look for."""
        return {"x-request-id": record_id}
