"""How other hosts' chat answers differ from OpenAI's: `quirk=groq` in a script bends an answer into that host's shape.

The table is the file's purpose; what bends is below it. Each row holds for whole answers and streams alike.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.demo.scripted.content import Asked, Content, encode, event
from proxy.demo.scripted.openai_chat import DONE, usage_of

Tree = dict[str, Any]


class Quirk(msgspec.Struct, frozen=True):
    """One host's ways.

    * `comment`: sent before a stream and after its first chunk; `blank`: sent before a whole answer
    * `first`: a chunk before all others
    * `thought`: where thoughts stand: a member's name, `details` (a list of objects), or `parts` (of the content)
    * `usage`: where a stream's counts stand: `asked` (OpenAI's own way), `last` (in the last chunk), `every`, `choice`, or a
      member's name; `counts`: further ones
    * `beside`: members beside the choices; `in_choice`: members of each choice
    * `repeat`: `text` (each delta once more), `message` (all so far, beside each delta), `end` (the whole message after all deltas)
    * `done`: whether `[DONE]` comes
    * `failure`: the error that breaks a stream, and the body of a failed request; empty where it is OpenAI's own
    """

    comment: bytes = b""
    blank: bytes = b""
    first: Tree | None = None
    thought: str = "reasoning_content"
    usage: str = "last"
    counts: Tree = {}
    beside: Tree = {}
    in_choice: Tree = {}
    repeat: str = ""
    done: bool = True
    failure: Tree = {}


_SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
_PAGE = {"title": "A page", "url": "https://example.org/", "date": "2026-01-02"}

QUIRKS: dict[str, Quirk] = {
    "azure": Quirk(
        usage="asked",
        first={
            "id": "",
            "object": "",
            "created": 0,
            "model": "",
            "choices": [],
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}],
        },
        in_choice={"content_filter_results": _SAFE},
        failure={"error": {"code": "content_filter", "type": None, "param": "prompt", "status": 400, "message": "Filtered."}},
    ),
    "xai": Quirk(beside={"citations": ["https://example.org/"]}, failure={"code": "The service is unavailable", "error": "Busy"}),
    "deepseek": Quirk(
        comment=b": keep-alive\n\n", blank=b"\n\n\n", counts={"prompt_cache_hit_tokens": 1, "prompt_cache_miss_tokens": 2}
    ),
    "mistral": Quirk(
        thought="parts",
        failure={"object": "error", "message": "Bad", "type": "invalid_request_error", "param": None, "code": "3051"},
    ),
    "moonshot": Quirk(usage="choice", counts={"cached_tokens": 1}),
    "minimax": Quirk(
        thought="details",
        repeat="end",
        done=False,
        beside={"base_resp": {"status_code": 0, "status_msg": ""}, "input_sensitive": False, "output_sensitive": False},
        failure={"base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
    ),
    "openrouter": Quirk(
        comment=b": OPENROUTER PROCESSING\n\n",
        thought="reasoning",
        beside={"provider": "Scripted"},
        in_choice={"native_finish_reason": None},
        failure={"error": {"code": 502, "message": "Provider returned error"}, "provider": "Scripted"},
    ),
    "groq": Quirk(
        thought="reasoning", usage="x_groq", failure={"error": {"message": "Over capacity", "type": "internal_server_error"}}
    ),
    "together": Quirk(thought="reasoning", repeat="text", in_choice={"seed": 42}, counts={"cached_tokens": 1}),
    "fireworks": Quirk(),
    "perplexity": Quirk(
        repeat="message",
        done=False,
        usage="every",
        counts={"reasoning_tokens": 5, "citation_tokens": 40, "num_search_queries": 1, "search_context_size": "low"},
        beside={"citations": ["https://example.org/"], "search_results": [_PAGE]},
    ),
    "cohere": Quirk(usage="asked"),
    "vllm": Quirk(
        usage="asked",
        in_choice={"stop_reason": None},
        failure={"error": {"message": "Bad", "type": "BadRequestError", "param": None, "code": 400}},
    ),
    "ollama": Quirk(thought="reasoning", usage="asked"),
}


def bend(content: Content, asked: Asked) -> Content:
    """The host's form of a chat answer; any other answer stays as it is."""
    quirk = QUIRKS[asked.script.quirk]
    if content.streamed:
        return _bent_stream(content, asked, quirk) if content.closing[-1:] == [DONE] else content
    if content.media_type == "application/json" and content.closing[0].startswith(b'{"id":"chatcmpl-'):
        tree = msgspec.json.decode(content.closing[0])
        tree["choices"] = [_bent_choice(choice, quirk, streamed=False) for choice in tree["choices"]]
        tree = {**tree, **quirk.beside, "usage": _usage(asked, quirk)}
        return Content(content.media_type, closing=[quirk.blank + encode(tree)])
    return content


def failure(name: str) -> Tree:
    """The body of a failed request, empty where it is OpenAI's own."""
    return QUIRKS[name].failure


def _usage(asked: Asked, quirk: Quirk) -> Tree:
    usage = usage_of(asked, int(asked.json.get("n") or 1))
    if "reasoning_tokens" in quirk.counts:
        del usage["completion_tokens_details"]
    if "cached_tokens" in quirk.counts:
        del usage["prompt_tokens_details"]
    return {**usage, **quirk.counts}


def _bent_choice(choice: Tree, quirk: Quirk, *, streamed: bool) -> Tree:
    place = "delta" if streamed else "message"
    message = dict(choice[place])
    thought = message.pop("reasoning_content", None)
    if thought is not None:
        message = _with_thought(message, thought, quirk.thought)
    bent = {**choice, place: message, **quirk.in_choice}
    if quirk.repeat == "text" and streamed:
        bent["text"] = message.get("content") or ""
    if quirk.repeat == "message" and not streamed:
        bent["delta"] = {"role": "assistant", "content": ""}
    return bent


def _with_thought(message: Tree, thought: str, place: str) -> Tree:
    if place == "details":
        return {"content": "", **message, "reasoning_details": [{"type": "reasoning.text", "text": thought, "index": 0}]}
    if place == "parts":
        said = message.get("content")
        parts = [{"type": "text", "text": said}] if said else []
        return {**message, "content": [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}, *parts]}
    return {**message, place: thought}


def _bent_stream(content: Content, asked: Asked, quirk: Quirk) -> Content:
    counted = quirk.usage == "asked"
    opening = [_chunk(piece, quirk) for piece in content.opening]
    deltas = [_chunk(piece, quirk) for piece in content.deltas]
    closing = [_chunk(piece, quirk) for piece in content.closing[:-1]]
    if not counted:
        closing = [chunk for chunk in closing if chunk["choices"]]
        _count(closing[-1], _usage(asked, quirk), quirk.usage)
    if quirk.usage == "every":
        for chunk in (*opening, *deltas):
            chunk["usage"] = closing[-1]["usage"]
    if quirk.repeat == "message":
        _repeat(asked, (*opening, *deltas, *closing))
    if quirk.repeat == "end":
        whole = {**closing[-1]["choices"][0], "message": {"role": "assistant", "content": asked.text}}
        whole.pop("delta")
        closing[-1] = {**closing[-1], "object": "chat.completion", "choices": [whole]}
    first = [] if quirk.first is None else [event(quirk.first)]
    comment = [quirk.comment] if quirk.comment else []
    bent = [event(chunk) for chunk in deltas]
    return Content(
        content.media_type,
        [*comment, *first, *map(event, opening)],
        [*bent[:1], *comment, *bent[1:]],
        [*map(event, closing), *([DONE] if quirk.done else [])],
        event(quirk.failure) if quirk.failure else content.error,
        streamed=True,
    )


def _chunk(piece: bytes, quirk: Quirk) -> Tree:
    chunk: Tree = msgspec.json.decode(piece.removeprefix(b"data: "))
    chunk["choices"] = [_bent_choice(choice, quirk, streamed=True) for choice in chunk["choices"]]
    return {**chunk, **quirk.beside}


def _count(last: Tree, usage: Tree, place: str) -> None:
    """Put the counts into the last chunk."""
    if place == "choice":
        last["choices"][0]["usage"] = usage
    elif place in ("last", "every"):
        last["usage"] = usage
    else:
        last[place] = {"id": "req_scripted", "usage": usage}


def _repeat(asked: Asked, chunks: tuple[Tree, ...]) -> None:
    """Perplexity's `message`: what the model has said so far, beside each delta."""
    said = ""
    for chunk in chunks:
        for choice in chunk["choices"]:
            said += choice["delta"].get("content") or ""
            choice["message"] = {"role": "assistant", "content": said}
    if said != asked.text:
        raise ValueError("one choice and no tool: Perplexity makes no others")
