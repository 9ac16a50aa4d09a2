"""Facts of OpenAI's requests: one table of parameters for each family of endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import PathParameters
from proxy.dialects.gathering import WORD_LIMIT
from proxy.dialects.openai import content, extras
from proxy.dialects.parameters import (
    MAX_REFERENCES,
    Reader,
    budget,
    end_user,
    flag,
    integer,
    logprob_count,
    number,
    odd,
    read_parameters,
    refer,
    refer_path,
    reference,
    size,
    switch,
    text,
    top_logprobs,
    within,
)
from proxy.dialects.turns import Turn, tally

_decode = msgspec.json.Decoder().decode
_set_format = text("response_format")
_set_reasoning = text("reasoning")
_set_seed = integer("seed")


def response_format(facts: RequestFacts, value: Any) -> None:
    """`{"type": "json_schema"}`, or the word alone."""
    _set_format(facts, value.get("type") if type(value) is dict else value)


def _reasoning(facts: RequestFacts, value: Any) -> None:
    """`{"effort": "high"}` (Responses, OpenRouter), `{"max_tokens": 2000}`, `{"enabled": true}`, `{"type": "enabled"}`."""
    if type(value) is not dict:
        odd(facts)
        return
    for key in ("effort", "max_tokens", "budget_tokens", "enabled", "type"):
        found = value.get(key)
        if type(found) is bool:
            facts.reasoning = "on" if found else "off"
        elif type(found) is int:
            budget(facts, found)
        elif type(found) is str:
            _set_reasoning(facts, found)
        else:
            continue
        return


def _include(facts: RequestFacts, value: Any) -> None:
    if type(value) is not list:
        odd(facts)
    elif any(type(word) is str and word.endswith("logprobs") for word in value):
        facts.logprobs = True


def tools(facts: RequestFacts, value: Any) -> None:
    """Tools by their number, and the stores that those search."""
    if type(value) is not list:
        odd(facts)
        return
    facts.tools += len(value)
    for tool in value:
        stores = tool.get("vector_store_ids") if type(tool) is dict else None
        for store in stores[:MAX_REFERENCES] if type(stores) is list else ():
            refer(facts, "vector_store", store)


_end_user_in_metadata = within({"user_id": end_user})


def _metadata(facts: RequestFacts, value: Any) -> None:
    if type(value) is dict:
        _end_user_in_metadata(facts, value)


_set_model = text("model")


def _model(facts: RequestFacts, value: Any) -> None:
    """A model's name; that of a trained one (`ft:…`) refers to the call that had it trained."""
    _set_model(facts, value)
    if type(value) is str and value.startswith("ft:"):
        facts.references.append("model:" + value[:WORD_LIMIT])


SAMPLING: dict[str, Reader] = {
    "model": _model,
    "stream": switch("stream"),
    "temperature": number("temperature"),
    "top_p": number("top_p"),
    "max_tokens": integer("max_tokens"),
    "max_completion_tokens": integer("max_tokens"),
    "max_output_tokens": integer("max_tokens"),
    "n": integer("n"),
    "seed": _set_seed,
    "random_seed": _set_seed,  # Mistral
    "logit_bias": size("logit_bias"),
    "user": end_user,
    "safety_identifier": end_user,
    "metadata": _metadata,
}
_GENERATING: dict[str, Reader] = {**extras.SAMPLING, **SAMPLING}

_CHAT: dict[str, Reader] = {
    **_GENERATING,
    **extras.CHAT,
    "logprobs": logprob_count,
    "top_logprobs": top_logprobs,
    "response_format": response_format,
    "reasoning": _reasoning,
    "thinking": _reasoning,
    "tools": tools,
    "functions": tools,
    "store": switch("stored"),
}

_COMPLETIONS: dict[str, Reader] = {
    **_GENERATING,
    "logprobs": logprob_count,
    "top_logprobs": top_logprobs,
    "response_format": response_format,
}

_RESPONSES: dict[str, Reader] = {
    **_GENERATING,
    "top_logprobs": top_logprobs,
    "include": _include,
    "text": within({"format": response_format}),
    "reasoning": _reasoning,
    "tools": tools,
    "previous_response_id": reference("response"),
    "conversation": reference("conversation"),
    "prompt": reference("prompt"),
    "store": switch("stored"),
}

_TASK: dict[str, Reader] = {**SAMPLING, "response_format": response_format}


def _no_turns(_body: Any) -> tuple[Turn, ...]:
    return ()


def reader(
    table: dict[str, Reader],
    turns: Callable[[Any], Iterable[Turn]] = _no_turns,
    counted: str = "",
    *,
    is_prompt: bool = False,
) -> Callable[[Any, PathParameters], RequestFacts]:
    """Make the reader of one family: its parameters, its turns; `counted` is the member with its messages, or its prompts."""

    def read(body: Any, path: PathParameters) -> RequestFacts:
        if type(body) is not dict:
            return unread(body, path)
        facts = RequestFacts(model=path.model)
        if path.references:
            refer_path(facts, path.references)
        read_parameters(table, body, facts)
        if path.model is not None:  # Azure asks the deployment in the path, whatever the body says
            facts.model = path.model
        tally(turns(body), facts)
        entries = body.get(counted)
        if is_prompt:
            facts.prompts = _prompts(entries)
        elif type(entries) is list:
            facts.messages = len(entries)
        elif entries is not None:
            facts.messages = 1
            if type(entries) is not str or counted == "messages":
                odd(facts)
        return facts

    return read


def _prompts(entries: Any) -> int:
    return len(entries) if type(entries) is list and not content.is_tokens(entries) else 1


def unread(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a body that is missing, not inspectable, or no JSON object."""
    facts = RequestFacts(model=path.model, stream=path.stream)
    refer_path(facts, path.references)
    if body is not None:
        flag(facts, "odd_types")
    facts.inspection = "none"
    return facts


def read_bare(_body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a request that has no body, or none that is ours to read; what it is about stands in its path."""
    facts = RequestFacts(model=path.model)
    refer_path(facts, path.references)
    return facts


read_chat = reader(_CHAT, content.chat_turns, "messages")
read_completion = reader(_COMPLETIONS, content.prompt_turns, "prompt", is_prompt=True)
read_response = reader(_RESPONSES, content.response_turns, "input")
read_input = reader(_TASK, content.prompt_turns, "input", is_prompt=True)
read_ranking = reader(_TASK, content.ranking_turns, "documents", is_prompt=True)
read_tokens = reader(_TASK, content.any_turns, "messages")
read_picture = reader(_TASK, content.prompt_turns, "prompt", is_prompt=True)


def _typed(reader: Reader) -> Reader:
    """In a form every value is a text, so a number or a switch in words is not odd."""

    def read(facts: RequestFacts, value: Any) -> None:
        try:
            typed = _decode(value) if type(value) is str else value
        except msgspec.DecodeError:
            typed = value
        reader(facts, typed)

    return read


_FORM: dict[str, Reader] = {
    **_TASK,
    **{key: _typed(_TASK[key]) for key in ("stream", "temperature", "n")},
}
_read_form = reader(_FORM, content.form_turns, "prompt", is_prompt=True)


def read_form(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a form, whose numbers are texts; without a readable one only the media are certain."""
    if type(body) is dict:
        return _read_form(body, path)
    facts = unread(body, path)
    flag(facts, "media")
    facts.inspection = "none"
    return facts
