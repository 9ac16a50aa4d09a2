"""Gemini's interactions: conversations that are kept and go on by the id of the one before, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters
from proxy.dialects.gathering import Gathering, count, create, error_word, word
from proxy.dialects.gemini.errors import error_event
from proxy.dialects.gemini.requests import member, named
from proxy.dialects.jsonio import read_leniently, write_compact
from proxy.dialects.parameters import (
    Reader,
    integer,
    number,
    odd,
    read_parameters,
    refer,
    refer_path,
    reference,
    size,
    switch,
    text,
    within,
)
from proxy.dialects.sse import EndRule, EventStreamReader
from proxy.dialects.turns import Turn, as_messages, is_remote, tally
from proxy.dialects.whole import CountedReader, WholeReader

_ROLES = {"user_input": "user", "model_output": "assistant", "thought": "assistant"}


def _format(facts: RequestFacts, value: Any) -> None:
    text("response_format")(facts, "json_schema" if type(value) is dict else value)


def _cache(facts: RequestFacts, value: Any) -> None:
    refer(facts, "cache", named(value))


_PARAMETERS: dict[str, Reader] = {
    "model": text("model"),
    "stream": switch("stream"),
    "tools": size("tools"),
    "previous_interaction_id": reference("interaction"),
    "agent": reference("agent"),
    "cached_content": _cache,
    "response_format": _format,
    "generation_config": within(
        {
            "temperature": number("temperature"),
            "top_p": number("top_p"),
            "max_output_tokens": integer("max_tokens"),
            "seed": integer("seed"),
            "thinking_level": text("reasoning"),
        }
    ),
}


def turns(body: Any) -> Iterator[Turn]:
    """The system instruction, and the input: a text, parts of one turn, or steps."""
    if type(body) is not dict:
        return
    if (instruction := member(body, "systemInstruction")) is not None:
        turn = Turn("system")
        _add(turn, instruction)
        yield turn
    given = body.get("input")
    entries = given if type(given) is list else [given]
    steps: list[Any] = [entry for entry in entries if _is_step(entry)]
    if given is not None and len(steps) < len(entries):
        turn = Turn("user")
        for entry in entries:
            if not _is_step(entry):
                _add(turn, entry)
        yield turn
    yield from map(_step, steps)


def _is_step(entry: Any) -> bool:
    kind = entry.get("type") if type(entry) is dict else None
    return type(kind) is str and (kind in _ROLES or kind.endswith(("_call", "_result")))


def _step(step: dict[str, Any]) -> Turn:
    kind = step["type"]
    turn = Turn(_ROLES.get(kind) or ("tool" if kind.endswith("_result") else "assistant"))
    turn.tool_calls = int(kind.endswith("_call"))
    for key in ("content", "summary", "result"):
        if (found := step.get(key)) is not None:
            for part in found if type(found) is list else [found]:
                _add(turn, part)
    return turn


def _add(turn: Turn, part: Any) -> None:
    if type(part) is str:
        turn.texts.append(part)
    elif type(part) is not dict:
        turn.odd = True
    elif type(found := part.get("text")) is str:
        turn.texts.append(found)
    else:
        turn.media += 1
        uri = part.get("uri")
        if type(uri) is str and "/files/" in f"/{uri}":
            turn.refer("file", named(uri))
        elif is_remote(uri):
            turn.remote = True


def read_interaction(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of a request to interact."""
    facts = RequestFacts(model=path.model)
    refer_path(facts, path.references)
    if type(body) is not dict:
        if body is not None:
            odd(facts)
        facts.inspection = "none"
        return facts
    read_parameters(_PARAMETERS, body, facts)
    tally(turns(body), facts)
    facts.messages = sum(turn.role != "system" for turn in turns(body))
    return facts


def _read_about(_body: Any, path: PathParameters) -> RequestFacts:
    facts = RequestFacts(model=path.model)
    refer_path(facts, path.references)
    return facts


def read_answer(gathering: Gathering, tree: Any) -> None:
    """Take in a whole interaction, or an error."""
    if type(tree) is not dict:
        gathering.seen.unread = True
        return
    _read_frame(gathering, tree)
    steps = tree.get("steps") or tree.get("outputs")
    for step in steps if type(steps) is list else ():
        if type(step) is dict and step.get("type") != "user_input":
            _read_step(gathering, step)


def _read_frame(gathering: Gathering, tree: dict[str, Any]) -> None:
    seen = gathering.seen
    gathering.names(tree.get("model"), tree.get("id"))
    create(gathering, "interaction", tree.get("id"))
    seen.finish = word(tree.get("status")) or seen.finish
    if error := tree.get("error"):
        seen.error = (word(error.get("status")) if type(error) is dict else None) or error_word(error)
    if type(usage := tree.get("usage")) is dict:
        thoughts = count(usage.get("total_thought_tokens"))
        gathering.uses(
            input_=count(usage.get("total_input_tokens")) + count(usage.get("total_tool_use_tokens")),
            output=count(usage.get("total_output_tokens")) + thoughts,
            cached=count(usage.get("total_cached_tokens")),
            reasoning=thoughts,
        )


def _read_step(gathering: Gathering, step: dict[str, Any]) -> None:
    kind = step.get("type")
    if type(kind) is str and kind.endswith("_call"):
        gathering.calls(0, word(step.get("id")), step.get("name"), write_compact(step.get("arguments") or {}))
        return
    says = gathering.thinks if kind == "thought" else gathering.says
    held = step.get("summary") if kind == "thought" else step.get("content", step)
    for part in held if type(held) is list else [held]:
        if type(part) is dict and type(piece := part.get("text")) is str:
            says(gathering.choice(0), piece)


class InteractionStream(EventStreamReader):
    """Events that name themselves in `event_type`, from `interaction.created` to `interaction.completed`, and `[DONE]`."""

    rule: ClassVar[EndRule] = EndRule(
        names=frozenset({b"interaction.completed", b"error", b"done"}), heads=(b"[DONE]", b'{"error":')
    )

    def read_event(self, name: bytes, payload: bytes) -> bool:
        """Take in one event."""
        if payload[:6] == b"[DONE]":
            return True
        event = read_leniently(payload)
        if type(event) is not dict:
            self.gathering.seen.unread = True
            return name in self.rule.names
        if type(held := event.get("interaction")) is dict:
            _read_frame(self.gathering, held)
        if type(step := event.get("step")) is dict and str(step.get("type")).endswith("_call"):
            self.gathering.calls(0, event.get("index") if type(event.get("index")) is int else None, step.get("name"))
        if type(delta := event.get("delta")) is dict:
            self._read_delta(event, delta)
        if error := event.get("error"):
            self.gathering.seen.error = error_word(error)
        return name in self.rule.names or bool(error)

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `EventStreamReader.own_error`."""
        return error_event(status, code, message, record_id)

    def _read_delta(self, event: dict[str, Any], delta: dict[str, Any]) -> None:
        gathering = self.gathering
        if type(piece := delta.get("arguments")) is str:
            gathering.calls(0, event.get("index") if type(event.get("index")) is int else None, piece)
        elif type(content := delta.get("content")) is dict and type(thought := content.get("text")) is str:
            gathering.thinks(gathering.choice(0), thought)
        elif type(piece := delta.get("text")) is str:
            gathering.says(gathering.choice(0), piece)


def _answer(stream: str, collect: bool) -> AnswerReader:
    if stream == "sse":
        return InteractionStream(collect=collect)
    return WholeReader(read_answer, collect=collect) if stream == "json" else CountedReader()


def _no_messages(_body: Any) -> list[Any]:
    return []


_ONE = "/v1beta/interactions/{interaction_id}"
ROWS = (
    Endpoint("interactions", "POST", "/v1beta/interactions", read_interaction, lambda body: as_messages(turns(body)), _answer),
    Endpoint("interaction_cancel", "POST", _ONE + "/cancel", _read_about, _no_messages, _answer, teaches=False, json_body=False),
    Endpoint("interaction", "GET", _ONE, _read_about, _no_messages, _answer, json_body=False),
    Endpoint("interaction_delete", "DELETE", _ONE, _read_about, _no_messages, _answer, teaches=False, json_body=False),
)
