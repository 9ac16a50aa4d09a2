"""Reads a request as the gateway does, through the dialects, and makes the observations that the detector is fed.

Whoever has a request with its body (the `detect` command for recorded traffic, the analyst for the ledger's content) comes here,
so that facts are the gateway's own. Never raises on any body.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from proxy.core.facts import Message
from proxy.detection.records import ANSWER, Observation, observe, wishes_of
from proxy.dialects import by_name, find
from proxy.dialects.carried import PURPOSES, LineMeaning, is_known
from proxy.dialects.contract import Dialect, Endpoint, PathParameters
from proxy.dialects.jsonio import read_leniently

_decode = msgspec.json.Decoder().decode
_MAX_LINES = 200_000


class Asked(msgspec.Struct, gc=False):
    """A request: who, when (seconds), how, and its body as a tree; in a form, the file's text stands under `file`.

    `answer`: the answer's text, or its beginning where `answer_chars` says how long it is; tokens as counted by the provider, 0
    where nobody did.
    """

    client: str
    at: float
    method: str
    path: str
    body: Any
    status: int = 200
    answer: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    retried: bool = False
    agent: str = ""
    source: str = ""
    tenant: str = ""
    purpose: str = "undeclared"
    dialect: str = "openai"
    answer_chars: int = 0


def observations(asked: Asked) -> Iterator[Observation]:
    """One for each prompt that a request brings: itself, the items of a list of prompts, the lines of a batch."""
    dialect, row, path = find(by_name(asked.dialect), asked.method, asked.path.partition("?")[0])
    if asked.method != "POST" or type(asked.body) is not dict:
        return
    if row.carries:
        made = _lines(asked, dialect, row, path)
    elif row.json_body or row.name == "other":
        made = _direct(asked, row, path)
    else:
        return
    for each in made:
        each.status, each.retried, each.purpose = asked.status, asked.retried, asked.purpose
        each.agent, each.source, each.tenant = asked.agent, asked.source, asked.tenant
        yield each


def _direct(asked: Asked, row: Endpoint, path: PathParameters) -> Iterator[Observation]:
    facts = row.read_request(asked.body, path)
    messages = row.read_messages(asked.body)
    if not messages:
        return
    wishes = wishes_of(asked.body)
    listed = asked.body.get("prompt")
    prompts = [part for part in listed if type(part) is str] if row.teaches and type(listed) is list else []
    if len(prompts) > 1:
        for prompt in prompts:
            one = [Message("user", prompt)]
            made = observe(asked.client, asked.at, row.name, facts, one, wishes, teaches=row.teaches)
            _answered(made, asked, len(prompts))
            yield made
        return
    made = observe(asked.client, asked.at, row.name, facts, messages, wishes, teaches=row.teaches)
    _answered(made, asked, 1)
    yield made


def _answered(made: Observation, asked: Asked, among: int) -> None:
    """The answer; that of a list is shared evenly."""
    if among == 1:
        made.answer = asked.answer[:ANSWER]
    made.answer_chars = (asked.answer_chars or len(asked.answer)) // among
    made.input_tokens, made.output_tokens = asked.input_tokens // among, asked.output_tokens // among


def _lines(asked: Asked, dialect: Dialect, row: Endpoint, path: PathParameters) -> Iterator[Observation]:
    body = asked.body
    purpose = body.get("purpose")
    kind = PURPOSES.get(purpose, "") if type(purpose) is str else ""
    if row.carries == "form" and kind != "batch_line":
        return
    meaning = LineMeaning(dialect, kind if row.carries == "form" else "", row.carried, path.model)
    for tree in _entries(body, row.carries):
        read = meaning.read(tree)
        call = read.call.row
        inner = _inner(tree)
        if call is None or inner is None:
            continue
        messages = call.read_messages(inner)
        yield _carried(observe(asked.client, asked.at, call.name, read.facts, messages, wishes_of(inner), teaches=call.teaches))


def _carried(made: Observation) -> Observation:
    made.carried = True
    return made


def _inner(tree: Any) -> Any:
    """The call's body in an entry of a batch."""
    for member in ("body", "params", "request"):
        inner = tree.get(member) if type(tree) is dict else None
        if type(inner) is dict:
            return inner
    return None


def _entries(body: Any, carries: str) -> Iterator[Any]:
    if carries == "requests":
        found = body.get("requests")
        yield from found[:_MAX_LINES] if type(found) is list else ()
        return
    if carries == "batch":
        node: Any = body
        for names in (("batch",), ("input_config", "inputConfig"), ("requests",), ("requests",)):
            node = next((node[name] for name in names if name in node), {}) if type(node) is dict else {}
        yield from node[:_MAX_LINES] if type(node) is list else ()
        return
    text = body.get("file")
    if type(text) is not str:
        return
    for number, line in enumerate(text.splitlines()):
        if number >= _MAX_LINES:
            return
        tree = read_leniently(line.encode("utf-8", "replace"))
        if is_known(tree):
            yield tree
