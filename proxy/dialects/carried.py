"""What a line of a carrier means: which call it stands for, what the client calls it, and the facts that a direct call would have.

A line's call is found in the dialect's own table, so that the same content has the same facts on every surface. Never raises.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.dialects.contract import Dialect, Endpoint, PathParameters
from proxy.dialects.jsonio import inspect_json
from proxy.dialects.parameters import flag
from proxy.dialects.session import Heard

BATCH_LINE, TRAINING_LINE, EVAL_LINE = "batch_line", "training_line", "eval_line"

PURPOSES = {
    "batch": BATCH_LINE,
    "batch-api": BATCH_LINE,  # Together
    "fine-tune": TRAINING_LINE,
    "evals": EVAL_LINE,
    "eval": EVAL_LINE,  # Together
}
"""What the lines of a file are, by the purpose its form declares; files of other purposes have none."""

LINE_TYPES = ("jsonl", "ndjson", "json-lines", "jsonlines")
"""What a content type says of a file of lines."""

_LONGEST_NAME = 512
_LONGEST_CALL = 1024
_TRAINING = (("messages", "chat"), ("contents", "generate"), ("prompt", "completions"))
_NOWHERE = PathParameters()


class Call(msgspec.Struct, frozen=True, gc=False):
    """What lines of one kind call: the row that reads them, if there is one."""

    method: str = ""
    target: str = ""
    row: Endpoint | None = None
    path: PathParameters = _NOWHERE


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """One line, understood. `endpoint`: `batch_line | training_line | eval_line`; `custom_id` is the client's own text."""

    endpoint: str
    custom_id: str
    call: Call
    facts: RequestFacts


class Told(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A meaning as one process tells it another; `known`: of a line that says no path, whether its form is one we know.
    `answer`: of an answer, `heard`: of a session's message, which have nothing else.
    """

    endpoint: str
    facts: RequestFacts
    custom_id: str = ""
    method: str = ""
    target: str = ""
    row: str = ""
    known: bool = False
    answer: AnswerFacts | None = None
    heard: Heard | None = None


_NO_CALL = Call()


class LineMeaning:
    """Reads the lines of one carrier. `told` has the arguments that it was made with, the dialect by its name.

    Args:
        dialect: the carrier's.
        kind: what its lines are, empty where that shows in the lines themselves.
        carried: the row's `Endpoint.carried`.
        model: what the carrier's path says.

    """

    def __init__(self, dialect: Dialect, kind: str, carried: str, model: str | None) -> None:
        self.told = (dialect.name, kind, carried, model)
        self._dialect = dialect
        self._kind = kind
        self._calls: dict[tuple[str, str], Call] = {}
        self._model = model
        named = (model or "") if "/" in (model or "") else f"models/{model}"
        self._default = self._find("POST", carried.replace("{model}", named)) if carried else _NO_CALL
        self._rows = {row.name: row for row in reversed(dialect.endpoints) if row.method == "POST"}

    def parse(self, raw: bytes) -> Meaning:
        """What the bytes of a line say, by the rules of a direct call's. Raises: StrictJSONError."""
        inspected = inspect_json(raw)
        meaning = self.read(inspected.tree) if inspected.tree is not None else self.unread("not_json")
        facts = meaning.facts
        facts.flags = [*facts.flags, *(word for word in inspected.flags if word not in facts.flags)]
        return meaning

    def read(self, tree: Any) -> Meaning:
        """What a line says; one that is no object, or of no known form, is not inspected and flagged `unknown_line`."""
        kind = self._kind
        if type(tree) is not dict:
            return self._unknown("")
        if kind == TRAINING_LINE or (not kind and not is_call(tree)):
            return self._training(tree)
        if kind == EVAL_LINE:
            facts = RequestFacts()
            flag(facts, "eval_item")
            return Meaning(EVAL_LINE, "", _NO_CALL, facts)
        custom_id = _name_of(tree)
        call, body = self._call_of(tree)
        if call.row is None or type(body) is not dict:
            return self._unknown(custom_id)
        facts = call.row.read_request(body, call.path)
        return Meaning(BATCH_LINE, custom_id, call, facts)

    def _call_of(self, tree: dict[str, Any]) -> tuple[Call, Any]:
        """The call of a batch's line and its body, in the forms that providers document."""
        url = tree.get("url")
        if type(url) is str:
            method = tree.get("method")
            return self._find(method if type(method) is str else "POST", url.partition("?")[0]), tree.get("body")
        for member in ("params", "request"):
            if member in tree:
                inner = tree[member]
                told = self._default.row is None and type(inner) is dict  # a file says nothing of the model that will read it
                return self._told_by(inner) if told else self._default, inner
        # Mistral names the endpoint when the batch is made, so the body itself has to tell.
        body = tree.get("body")
        return self._told_by(body) if type(body) is dict else _NO_CALL, body

    def _told_by(self, body: dict[str, Any]) -> Call:
        for member, name in _TRAINING:
            if member in body and (row := self._rows.get(name) or (self._rows.get("messages") if member == "messages" else None)):
                return Call(row=row, path=PathParameters(model=self._model))
        return _NO_CALL

    def _training(self, tree: dict[str, Any]) -> Meaning:
        """A conversation to learn from: `messages`, `contents`, `prompt` and `completion`, or `input` with preferred answers."""
        inner = tree.get("input")
        body = inner if type(inner) is dict else tree
        call = self._told_by(body)
        if call.row is None:
            return self._unknown("", TRAINING_LINE)
        return Meaning(TRAINING_LINE, "", Call(path=call.path), call.row.read_request(body, call.path))

    def again(self, told: Told) -> Meaning:
        """What another reader of this kind told of a line."""
        call = _NO_CALL
        if told.method:
            call = self._find(told.method, told.target)
        elif told.known:
            call = Call(row=self._rows.get(told.row), path=PathParameters(model=self._model))
        return Meaning(told.endpoint, told.custom_id, call, told.facts)

    def _find(self, method: str, path: str) -> Call:
        if len(method) + len(path) > _LONGEST_CALL:
            return _NO_CALL
        key = (method, path)
        call = self._calls.get(key)
        if call is None:
            found = self._dialect.match(method, path)
            call = Call(method, path, *found) if found is not None else _NO_CALL
            if len(self._calls) < 1000:
                self._calls[key] = call
        return call

    def _unknown(self, custom_id: str, endpoint: str = "") -> Meaning:
        facts = RequestFacts()
        flag(facts, "unknown_line")
        facts.inspection = "none"
        return Meaning(endpoint or self._kind or BATCH_LINE, custom_id, _NO_CALL, facts)

    def unread(self, reason: str) -> Meaning:
        """A line that could not be parsed."""
        facts = RequestFacts(inspection="none", flags=[reason])
        return Meaning(self._kind or BATCH_LINE, "", _NO_CALL, facts)


def told(meaning: Meaning) -> Told:
    """A meaning, to be had `again` from a `LineMeaning` made alike."""
    call = meaning.call
    row = call.row.name if call.row is not None else ""
    return Told(meaning.endpoint, meaning.facts, meaning.custom_id, call.method, call.target, row, known=call is not _NO_CALL)


def is_call(tree: dict[str, Any]) -> bool:
    """Whether an entry is a batch's: it names a call, or wraps one."""
    return "url" in tree or "params" in tree or "request" in tree or "body" in tree


def is_known(tree: Any) -> bool:
    """Whether an entry has a form that a batch or training file has, so that a file that begins with it is one."""
    return type(tree) is dict and (is_call(tree) or any(member in tree for member, _ in _TRAINING))


def _name_of(tree: dict[str, Any]) -> str:
    """What the client calls the line: `custom_id`, `key`, or `metadata.key`."""
    name = tree.get("custom_id", tree.get("key"))
    metadata = tree.get("metadata")
    if name is None and type(metadata) is dict:
        name = metadata.get("key")
    return name[:_LONGEST_NAME] if type(name) is str else ""
