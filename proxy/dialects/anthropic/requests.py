"""Facts of Anthropic's requests: parameters, and the turns of system prompt and messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import PathParameters
from proxy.dialects.parameters import (
    Reader,
    budget,
    end_user,
    flag,
    integer,
    number,
    odd,
    read_parameters,
    refer,
    size,
    switch,
    text,
    within,
)
from proxy.dialects.turns import Turn, is_remote, role_of, tally

_set_reasoning = text("reasoning")
_set_format = text("response_format")


def _thinking(facts: RequestFacts, value: Any) -> None:
    """`{"type": "enabled", "budget_tokens": 2000}`, `{"type": "adaptive"}`, `{"type": "disabled"}`."""
    if type(value) is not dict:
        odd(facts)
        return
    if value.get("type") == "enabled" and "budget_tokens" in value:
        budget(facts, value["budget_tokens"])
    else:
        _set_reasoning(facts, value.get("type"))


def _format(facts: RequestFacts, value: Any) -> None:
    _set_format(facts, value.get("type") if type(value) is dict else value)


def _effort(facts: RequestFacts, value: Any) -> None:
    if facts.reasoning is None:
        _set_reasoning(facts, value)


def _container(facts: RequestFacts, value: Any) -> None:
    """A container's id, or `{"id", "skills": [{"type": "custom", "skill_id"}]}`."""
    if type(value) is not dict:
        refer(facts, "container", value)
        return
    if value.get("id") is not None:
        refer(facts, "container", value["id"])
    skills = value.get("skills")
    for skill in skills if type(skills) is list else ():
        refer(facts, "skill", skill.get("skill_id") if type(skill) is dict else skill)


_PARAMETERS: dict[str, Reader] = {
    "model": text("model"),
    "stream": switch("stream"),
    "temperature": number("temperature"),
    "top_p": number("top_p"),
    "max_tokens": integer("max_tokens"),
    "tools": size("tools"),
    "thinking": _thinking,
    "output_format": _format,
    "output_config": within({"format": _format, "effort": _effort}),
    "metadata": within({"user_id": end_user}),
    "container": _container,
}


def read_messages_request(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of `/v1/messages` and `/v1/messages/count_tokens`."""
    facts = RequestFacts(model=path.model)
    if type(body) is not dict:
        if body is not None:
            flag(facts, "odd_types")
        facts.inspection = "none"
        return facts
    read_parameters(_PARAMETERS, body, facts)
    tally(turns(body), facts)
    messages = body.get("messages")
    if type(messages) is list:
        facts.messages = len(messages)
    elif messages is not None:
        odd(facts)
    return facts


def turns(body: Any) -> Iterator[Turn]:
    """The system prompt and the messages."""
    if type(body) is not dict:
        return
    if (system := body.get("system")) is not None:
        turn = Turn("system")
        _add_content(turn, system)
        yield turn
    messages = body.get("messages")
    for message in messages if type(messages) is list else ():
        turn = Turn("user")
        if type(message) is dict:
            turn.role = role_of(message.get("role"), turn)
            _add_content(turn, message.get("content"))
        else:
            turn.odd = True
        yield turn


def _add_content(turn: Turn, content: Any) -> None:
    if type(content) is str:
        turn.texts.append(content)
    elif type(content) is list:
        for block in content:
            _add_block(turn, block)
    elif content is not None:
        turn.odd = True


def _add_block(turn: Turn, block: Any) -> None:
    if type(block) is not dict:
        turn.odd = True
        return
    kind = block.get("type")
    if type(kind) is not str:
        turn.odd = True
    elif kind == "text":
        _add_text(turn, block.get("text"))
    elif kind.endswith("tool_use"):
        turn.tool_calls += 1
    elif kind.endswith("tool_result"):
        # A result is the tool's, though it travels in the user's message; its own parts are blocks again, never results.
        if turn.role == "user" and not turn.texts:
            turn.role = "tool"
        _add_result(turn, block.get("content"))
    elif kind == "thinking":
        _add_text(turn, block.get("thinking"))
    elif kind != "redacted_thinking":
        _add_media(turn, block)


def _add_result(turn: Turn, content: Any) -> None:
    if type(content) is list:
        for block in content:
            if type(block) is dict and block.get("type") == "text":
                _add_text(turn, block.get("text"))
            elif type(block) is dict:
                _add_media(turn, block)
            else:
                turn.odd = True
    elif type(content) is str:
        turn.texts.append(content)


def _add_text(turn: Turn, found: Any) -> None:
    if type(found) is str:
        turn.texts.append(found)
    else:
        turn.odd = True


def _add_media(turn: Turn, block: dict[str, Any]) -> None:
    """An image or a document: bytes, an address, a file kept by the provider, or plain text."""
    source = block.get("source")
    if type(source) is not dict:
        source = {}
    found = source.get("data")
    if source.get("type") == "text" and type(found) is str:
        turn.texts.append(found)
        return
    if source.get("type") == "content":
        _add_result(turn, source.get("content"))
        return
    turn.media += 1
    file_id = source.get("file_id") or block.get("file_id")
    if file_id is not None:
        turn.refer("file", file_id)
    if is_remote(source.get("url")):
        turn.remote = True
