"""The turns of OpenAI's requests: chat messages, Responses items, and plain prompts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.dialects.turns import ROLES, Turn, is_remote, role_of

_TEXT_KEYS = ("text", "refusal")
_ADDRESSES = ("url", "image_url", "file_url", "document_url")
_THOUGHT_KEYS = ("reasoning_content", "reasoning")  # given back to DeepSeek, Moonshot; OpenRouter


def chat_turns(body: Any) -> Iterator[Turn]:
    """The messages of `/v1/chat/completions`."""
    messages = body.get("messages") if type(body) is dict else None
    if type(messages) is not list:
        return
    for message in messages:
        if type(message) is dict and len(message) == 2 and type(content := message.get("content")) is str:
            role = message.get("role")
            if type(role) is str and role in ROLES:  # what nearly all messages are
                yield Turn(ROLES[role], [content])
                continue
        yield _chat_turn(message)


def _chat_turn(message: Any) -> Turn:
    turn = Turn("user")
    if type(message) is not dict:
        turn.odd = True
        return turn
    turn.role = role_of(message.get("role"), turn)
    add_content(turn, message.get("content"))
    if "tool_calls" in message:
        calls = message["tool_calls"]
        turn.tool_calls = len(calls) if type(calls) is list else 0
    elif message.get("function_call") is not None:
        turn.tool_calls = 1
    for key in _THOUGHT_KEYS:
        if type(thought := message.get(key)) is str:
            turn.texts.append(thought)
            break
    if (audio := message.get("audio")) is not None:
        turn.media += 1
        turn.refer("audio", audio.get("id") if type(audio) is dict else audio)
    return turn


def add_content(turn: Turn, content: Any) -> None:
    """Add a message's content, a text or a list of parts, to its turn."""
    if type(content) is str:
        turn.texts = [*turn.texts, content]
    elif type(content) is list:
        for part in content:
            _add_part(turn, part)
    elif content is not None:
        turn.odd = True


def _add_part(turn: Turn, part: Any) -> None:
    if type(part) is str:  # some hosts allow bare texts among the parts
        turn.texts.append(part)
        return
    if type(part) is not dict:
        turn.odd = True
        return
    for key in _TEXT_KEYS:
        text = part.get(key)
        if type(text) is str:
            turn.texts.append(text)
            return
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text"):
        turn.odd = True
        return
    if kind == "thinking":  # Mistral's, given back in parts
        add_content(turn, part.get("thinking"))
        return
    turn.media += 1
    _add_sources(turn, part)
    inner = part.get(kind) if type(kind) is str else None
    if type(inner) is dict:
        _add_sources(turn, inner)


def _add_sources(turn: Turn, part: dict[str, Any]) -> None:
    if part.get("file_id") is not None:
        turn.refer("file", part["file_id"])
    if any(is_remote(part.get(key)) for key in _ADDRESSES):
        turn.remote = True


def response_turns(body: Any) -> Iterator[Turn]:
    """The instructions and the input of `/v1/responses`."""
    if type(body) is not dict:
        return
    if (instructions := body.get("instructions")) is not None:
        yield _plain("system", instructions)
    if type(prompt := body.get("prompt")) is dict and type(filled := prompt.get("variables")) is dict:
        yield _plain("user", list(filled.values()))
    given = body.get("input")
    if type(given) is list:
        for item in given:
            yield _item_turn(item)
    elif given is not None:
        yield _plain("user", given)


def _item_turn(item: Any) -> Turn:
    if type(item) is not dict:
        return _plain("user", item)
    kind = item.get("type")
    if kind == "item_reference":
        return Turn("user", references=[("item", item.get("id"))])
    turn = Turn("assistant")
    if kind is None or kind == "message" or "role" in item:
        turn.role = role_of(item.get("role"), turn)
        add_content(turn, item.get("content"))
    elif type(kind) is not str:
        turn.odd = True
    elif kind.endswith("_output"):
        turn.role = "tool"
        _add_output(turn, item.get("output"))
    elif kind.endswith("_call"):
        turn.tool_calls = 1
    elif kind == "reasoning":
        add_content(turn, item.get("summary"))
        add_content(turn, item.get("content"))
    return turn


def _add_output(turn: Turn, output: Any) -> None:
    # A computer's screenshot comes as one part, all other outputs as text or parts.
    add_content(turn, [output] if type(output) is dict else output)


def _plain(role: str, text: Any) -> Turn:
    turn = Turn(role)
    add_content(turn, text)
    return turn


def prompt_turns(body: Any) -> Iterator[Turn]:
    """The `prompt` or `input` of the endpoints that take a text, a list of texts, tokens or a list of token lists."""
    if type(body) is not dict:
        return
    prompt = body.get("prompt") if "prompt" in body else body.get("input")
    if type(prompt) is str:
        yield Turn("user", [prompt])
    elif type(prompt) is list:
        if not is_tokens(prompt):
            for entry in prompt:
                yield _prompt_turn(entry)
    elif prompt is not None:
        yield Turn("user", odd=True)
    if type(suffix := body.get("suffix")) is str:
        yield Turn("user", [suffix])


def ranking_turns(body: Any) -> Iterator[Turn]:
    """The `query` and the `documents` of a reranker, `text_1` and `text_2` of a scorer: texts, or lists of them or of parts."""
    for key in ("query", "text_1", "text_2", "documents"):
        given = body.get(key) if type(body) is dict else None
        if type(given) is list:
            for entry in given:
                yield _prompt_turn(entry)
        elif given is not None:
            yield _plain("user", given)


def any_turns(body: Any) -> Iterator[Turn]:
    """What is to be tokenised: messages, a prompt or a text."""
    if type(body) is not dict:
        return
    if "messages" in body:
        yield from chat_turns(body)
    elif "text" in body:
        yield _plain("user", body["text"])
    else:
        yield from prompt_turns(body)


def _prompt_turn(entry: Any) -> Turn:
    turn = Turn("user")
    if type(entry) is not list or not is_tokens(entry):
        add_content(turn, [entry])
    return turn


def is_tokens(prompt: list[Any]) -> bool:
    """True for a list of token numbers, which is one prompt and not many."""
    return bool(prompt) and type(prompt[0]) is int


def form_turns(body: Any) -> Iterator[Turn]:
    """The prompt and the files of a form."""
    yield from prompt_turns(body)
    if type(body) is dict:
        files = sum(type(value) is dict for value in body.values())
        if files:
            yield Turn("user", media=files)
