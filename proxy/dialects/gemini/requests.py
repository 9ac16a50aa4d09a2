"""Facts of Gemini's requests. Proto3 JSON lets every name be written in camelCase or in snake_case, so both are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import PathParameters
from proxy.dialects.parameters import (
    Reader,
    budget,
    flag,
    integer,
    number,
    odd,
    read_parameters,
    refer,
    refer_path,
    switch,
    text,
    within,
)
from proxy.dialects.turns import Turn, role_of, tally

_CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")
_set_format = text("response_format")
_set_level = text("reasoning")


def _both(table: dict[str, Reader]) -> dict[str, Reader]:
    return table | {snake(name): reader for name, reader in table.items()}


def snake(name: str) -> str:
    """`maxOutputTokens` as `max_output_tokens`."""
    return _CAPITAL.sub(r"_\1", name).lower()


def member(body: dict[str, Any], name: str) -> Any:
    """A member by its camelCase name in either spelling, None when it is missing."""
    found = body.get(name)
    return body.get(snake(name)) if found is None else found


def _tools(facts: RequestFacts, value: Any) -> None:
    """Declared functions count each, a built-in tool as one."""
    if type(value) is not list:
        odd(facts)
        return
    for tool in value:
        declared = member(tool, "functionDeclarations") if type(tool) is dict else None
        facts.tools += len(declared) if type(declared) is list else 1


def _schema(facts: RequestFacts, _value: Any) -> None:
    facts.response_format = "json_schema"


def _mime(facts: RequestFacts, value: Any) -> None:
    if facts.response_format != "json_schema":
        _set_format(facts, value)


def named(value: Any) -> Any:
    """A resource's own id: `abc` of `files/abc` and of `https://…/v1beta/files/abc`; what is no text stays as it is."""
    return value.rpartition("/")[2] if type(value) is str else value


def _cache(facts: RequestFacts, value: Any) -> None:
    refer(facts, "cache", named(value))


def _thoughts(facts: RequestFacts, value: Any) -> None:
    if value is True and facts.reasoning is None:
        facts.reasoning = "on"


def _model(facts: RequestFacts, value: Any) -> None:
    if type(value) is not str:
        odd(facts)
    elif facts.model is None:
        facts.model = value[:256].removeprefix("models/")


_GENERATION = _both(
    {
        "temperature": number("temperature"),
        "topP": number("top_p"),
        "maxOutputTokens": integer("max_tokens"),
        "candidateCount": integer("n"),
        "seed": integer("seed"),
        "responseLogprobs": switch("logprobs"),
        "logprobs": integer("top_logprobs"),
        "responseMimeType": _mime,
        "responseSchema": _schema,
        "responseJsonSchema": _schema,
        "thinkingConfig": within(
            _both({"thinkingBudget": budget, "thinkingLevel": _set_level, "includeThoughts": _thoughts}),
        ),
    },
)
_PARAMETERS = _both(
    {
        "model": _model,
        "generationConfig": within(_GENERATION),
        "tools": _tools,
        "cachedContent": _cache,
    },
)
_SINGLE = ("generationConfig", "systemInstruction", "cachedContent")


def _reader(
    turns_of: Callable[[Any], Iterable[Turn]],
    *,
    stream: bool = False,
) -> Callable[[Any, PathParameters], RequestFacts]:
    def read(body: Any, path: PathParameters) -> RequestFacts:
        facts = RequestFacts(model=path.model, stream=stream)
        if path.references:
            refer_path(facts, path.references)
        if type(body) is not dict:
            if body is not None:
                flag(facts, "odd_types")
            facts.inspection = "none"
            return facts
        inner = member(body, "generateContentRequest")
        for request in (body, inner):
            if type(request) is dict:
                _read_one(request, facts)
        tally(turns_of(body), facts)
        requests = body.get("requests")
        if type(requests) is list:
            facts.prompts = len(requests)
        return facts

    return read


def _read_one(request: dict[str, Any], facts: RequestFacts) -> None:
    read_parameters(_PARAMETERS, request, facts)
    if any(name in request and snake(name) in request for name in _SINGLE):
        flag(facts, "two_spellings")  # servers differ in which of them wins
    contents = request.get("contents")
    if type(contents) is list:
        facts.messages += len(contents)
    elif contents is not None:
        facts.messages += 1


def generate_turns(body: Any) -> Iterator[Turn]:
    """The system instruction and the contents of a request to generate, or to count its tokens."""
    if type(body) is not dict:
        return
    for request in (body, member(body, "generateContentRequest")):
        if type(request) is not dict:
            continue
        if (system := member(request, "systemInstruction")) is not None:
            yield _turn(system, "system")
        contents = request.get("contents")
        for content in contents if type(contents) is list else [contents]:
            if content is not None:
                yield _turn(content)


def embed_turns(body: Any) -> Iterator[Turn]:
    """The content of a request for one embedding, or of each of a batch."""
    if type(body) is not dict:
        return
    requests = body.get("requests")
    for request in requests if type(requests) is list else [body]:
        if type(request) is dict and (content := request.get("content")) is not None:
            yield _turn(content)


def _turn(content: Any, role: str | None = None) -> Turn:
    turn = Turn(role or "user")
    if type(content) is str:
        turn.texts.append(content)
        turn.odd = True
        return turn
    if type(content) is not dict:
        turn.odd = True
        return turn
    if role is None:
        turn.role = role_of(content.get("role"), turn)
    parts = content.get("parts")
    for part in parts if type(parts) is list else [parts]:
        if type(part) is dict:
            _add_part(turn, part)
        elif part is not None:
            turn.odd = True
    return turn


def _add_part(turn: Turn, part: dict[str, Any]) -> None:
    found = part.get("text")
    if type(found) is str:
        turn.texts.append(found)
    elif found is not None:
        turn.odd = True
    if member(part, "inlineData") is not None:
        turn.media += 1
    if (file := member(part, "fileData")) is not None:
        turn.media += 1
        turn.refer("file", named(member(file, "fileUri")) if type(file) is dict else None)
    if member(part, "functionCall") is not None:
        turn.tool_calls += 1
    if member(part, "functionResponse") is not None and turn.role == "user" and not turn.texts:
        turn.role = "tool"


read_generate = _reader(generate_turns)
read_stream = _reader(generate_turns, stream=True)
read_embed = _reader(embed_turns)


def read_bare(_body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a request that has no body."""
    return RequestFacts(model=path.model)
