"""What the signals are fed: one observation per query, with bounded text, made from a request's facts and conversation.

A batch file and a list of prompts are many observations. Nobody here reads bodies: whoever has one (the `detect` command, the
analyst) reads it through the dialects, so that an observation says what the gateway itself would have recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from proxy.core.facts import Message, RequestFacts
from proxy.core.principal import UNDECLARED

HEAD, TAIL = 1536, 512
"""Characters kept of a text: its beginning and its end; what lies between is cut out."""

ANSWER = 1024
"""Characters kept of an answer's beginning."""

MAX_FIELDS = 32
_MAX_WALK = 400


class Wishes(msgspec.Struct, frozen=True, gc=False):
    """What a body asks for that facts only count: names of fields of a structured answer, a digest of the tokens that
    `logit_bias` moves (0: none), whether it names stop sequences, and the beginning that it puts into the answer's mouth.
    """

    fields: tuple[str, ...] = ()
    biased: int = 0
    stops: bool = False


class Observation(msgspec.Struct, gc=False):
    """One query and its answer.

    `at`: seconds since any fixed moment. `weight`: prompts it stands for. `teaches`: whether its answer could teach a model.
    `first`, `later`: texts of the system and of the last turn that is not the model's; `previous`: the model's turn before that.
    `turns`: turns of the model in the conversation so far; `results`: of tools. `prefilled`: the last turn is the model's.
    `identity`: 64 bits of the whole conversation, so that equal prompts are known as such. `answer` is cut, `answer_chars` is not.
    `retried`: sent again after an error. `carried`: a line of a batch. `agent`, `source`, `tenant`: as far as known, else empty.
    `record`: its name in the ledger, for a reviewer to open.
    """

    client: str
    at: float
    model: str
    endpoint: str
    facts: RequestFacts
    wishes: Wishes = Wishes()
    teaches: bool = True
    weight: int = 1
    system: str = ""
    prompt: str = ""
    previous: str = ""
    turns: int = 0
    results: int = 0
    prefilled: bool = False
    identity: int = 0
    answer: str = ""
    answer_chars: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    status: int = 200
    retried: bool = False
    carried: bool = False
    agent: str = ""
    source: str = ""
    tenant: str = ""
    purpose: str = UNDECLARED
    record: str = ""


def bounded(text: str) -> str:
    """The beginning and the end of a long text, a short one whole."""
    return text if len(text) <= HEAD + TAIL else text[:HEAD] + "\n" + text[-TAIL:]


def observe(  # one argument for each source of what an observation holds
    client: str,
    at: float,
    endpoint: str,
    facts: RequestFacts,
    messages: Sequence[Message],
    wishes: Wishes = Wishes(),  # noqa: B008 - frozen
    *,
    teaches: bool = True,
    weight: int = 1,
) -> Observation:
    """An observation of a request; the answer and what is known of the client are for the caller to add."""
    made = Observation(client, at, facts.model or "", endpoint, facts, wishes, teaches, weight)
    digest = blake2b(digest_size=8)
    system: list[str] = []
    last = previous = -1
    for place, message in enumerate(messages):
        digest.update(message.role.encode())
        digest.update(message.text.encode("utf-8", "replace"))
        if message.role == "system":
            system.append(message.text)
        elif message.role == "assistant":
            made.turns += 1
            previous = place
        else:
            made.results += message.role == "tool"
            last = place
    made.system = bounded("\n".join(system))
    made.prompt = bounded(messages[last].text) if last >= 0 else ""
    made.previous = messages[previous].text[:ANSWER] if previous >= 0 else ""
    made.prefilled = previous > last and not messages[previous].tool_calls
    made.identity = int.from_bytes(digest.digest(), "big")
    return made


def wishes_of(body: Any) -> Wishes:
    """What a parsed body, or a line's call, asks for. Never raises."""
    if type(body) is not dict:
        return Wishes()
    settings = body.get("generationConfig")
    settings = settings if type(settings) is dict else {}
    bias = body.get("logit_bias")
    biased = hash(tuple(sorted(map(_token, bias)))) & 0xFFFFFFFF if type(bias) is dict and bias else 0
    stops = any(given.get(name) for given in (body, settings) for name in ("stop", "stop_sequences", "stopSequences"))
    return Wishes(_fields(body, settings), biased, stops)


def _token(key: Any) -> int:
    return int(key) if type(key) is str and key.lstrip("-").isdecimal() and len(key) < 16 else 0


def _fields(body: dict[str, Any], settings: dict[str, Any]) -> tuple[str, ...]:
    """Names of the fields of the answer's schema, wherever a provider has it: a breadth-first walk of bounded length."""
    text = body.get("text")
    chosen = body.get("tool_choice")
    forced = type(chosen) is dict or chosen in ("required", "any")
    waiting: list[Any] = [
        body.get("response_format"),
        text.get("format") if type(text) is dict else None,
        body.get("output_config"),
        settings.get("responseSchema") or settings.get("responseJsonSchema"),
        body.get("format"),
        body.get("tools") if forced else None,
    ]
    names: list[str] = []
    at = 0
    while at < min(len(waiting), _MAX_WALK) and len(names) < MAX_FIELDS:
        _widen(waiting[at], waiting, names)
        at += 1
    return tuple(names[:MAX_FIELDS])


def _widen(node: Any, waiting: list[Any], names: list[str]) -> None:
    if type(node) is list:
        waiting.extend(node[:64])
    elif type(node) is dict:
        properties = node.get("properties")
        if type(properties) is dict:
            names.extend(name.lower()[:40] for name in list(properties)[:MAX_FIELDS] if type(name) is str)
        waiting.extend(child for child in list(node.values())[:64] if type(child) in (dict, list))
