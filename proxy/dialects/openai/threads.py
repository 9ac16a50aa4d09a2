"""Assistants, threads, their messages and runs, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import PathParameters
from proxy.dialects.gathering import error_word, word
from proxy.dialects.jsonio import read_leniently
from proxy.dialects.openai import requests
from proxy.dialects.openai.content import add_content
from proxy.dialects.openai.errors import chat_error_event
from proxy.dialects.openai.objects import read_object, reads, show
from proxy.dialects.openai.rows import about, answers, asking
from proxy.dialects.parameters import Reader, reference, text, within
from proxy.dialects.sse import EndRule, EventStreamReader
from proxy.dialects.turns import Turn, role_of

_SYSTEM = ("instructions", "additional_instructions")
_OBJECTS = {"thread.created": "thread", "thread.run.created": "run", "thread.message.created": "message"}


class RunStream(EventStreamReader):
    """Named events with the thread, the run, its steps and messages as they change; ended by `done`, whose payload is `[DONE]`."""

    rule: ClassVar[EndRule] = EndRule(names=frozenset({b"done", b"error"}), heads=(b"[DONE]", b'{"error":'))

    def read_event(self, name: bytes, payload: bytes) -> bool:
        """Take in one event."""
        if payload[:6] == b"[DONE]":
            return True
        event = read_leniently(payload)
        if type(event) is not dict:
            self.gathering.seen.unread = True
            return name in self.rule.names
        kind = name.decode("utf-8", "replace")
        if made := _OBJECTS.get(kind):
            show(self.gathering, made, event)
        if kind.startswith("thread.run.") and event.get("object") == "thread.run":
            read_object(self.gathering, event)
        elif kind == "thread.message.delta":
            self._read_delta(event.get("delta"))
        elif kind == "thread.run.step.delta":
            self._read_step(word(event.get("id")), event.get("delta"))
        if kind == "error" or event.get("error"):
            self.gathering.seen.error = error_word(event.get("error") or event)
        return name in self.rule.names or bool(event.get("error"))

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `EventStreamReader.own_error`."""
        return chat_error_event(status, code, message, record_id)

    def _read_delta(self, delta: Any) -> None:
        parts = delta.get("content") if type(delta) is dict else None
        for part in parts if type(parts) is list else ():
            said = part.get("text") if type(part) is dict else None
            if type(said) is dict and type(piece := said.get("value")) is str:
                self.gathering.says(self.gathering.choice(0), piece)

    def _read_step(self, step: str | None, delta: Any) -> None:
        details = delta.get("step_details") if type(delta) is dict else None
        calls = details.get("tool_calls") if type(details) is dict else None
        for place, call in enumerate(calls if type(calls) is list else ()):
            if type(call) is dict:
                index = call.get("index")
                asked = call.get("function")
                pieces = (asked.get("name"), asked.get("arguments")) if type(asked) is dict else ()
                self.gathering.calls(0, (step, index if type(index) is int else place), *pieces)


def turns(body: Any) -> Iterator[Turn]:
    """Instructions, messages and tool outputs of a request about an assistant, a thread, or a run, in this order."""
    if type(body) is not dict:
        return
    for key in _SYSTEM:
        if (instructions := body.get(key)) is not None:
            turn = Turn("system")
            add_content(turn, instructions)
            yield turn
    thread = body.get("thread")
    for holder, key in ((thread, "messages"), (body, "messages"), (body, "additional_messages")):
        entries = holder.get(key) if type(holder) is dict else None
        for message in entries if type(entries) is list else ():
            yield _message(message)
    outputs = body.get("tool_outputs")
    for output in outputs if type(outputs) is list else ():
        turn = Turn("tool")
        add_content(turn, output.get("output") if type(output) is dict else output)
        yield turn


def _message(message: Any) -> Turn:
    turn = Turn("user")
    if type(message) is not dict:
        turn.odd = True
        return turn
    turn.role = role_of(message.get("role"), turn)
    add_content(turn, message.get("content"))
    attachments = message.get("attachments")
    for attachment in attachments if type(attachments) is list else ():
        turn.refer("file", attachment.get("file_id") if type(attachment) is dict else attachment)
    return turn


def message_turns(body: Any) -> Iterator[Turn]:
    """The one message that is added to a thread."""
    if type(body) is dict:
        yield _message(body)


def _reader(read: Any) -> Any:
    """The same reader, which also counts the messages wherever they stand."""

    def counting(body: Any, path: PathParameters) -> RequestFacts:
        facts: RequestFacts = read(body, path)
        if type(body) is dict:
            facts.messages = sum(turn.role != "system" for turn in turns(body))
        return facts

    return counting


def _stores(facts: RequestFacts, value: Any) -> None:
    """`[{"file_ids": […]}]`: vector stores that are made on the way."""
    for store in value if type(value) is list else ():
        if type(store) is dict and store.get("file_ids") is not None:
            reference("file")(facts, store["file_ids"])


_resources = within(
    {
        "file_search": within({"vector_store_ids": reference("vector_store"), "vector_stores": _stores}),
        "code_interpreter": within({"file_ids": reference("file")}),
    }
)
_COMMON: dict[str, Reader] = {
    **requests.SAMPLING,
    "tools": requests.tools,
    "tool_resources": _resources,
    "response_format": requests.response_format,
    "reasoning_effort": text("reasoning"),
    "assistant_id": reference("assistant"),
}
_RUN: dict[str, Reader] = {**_COMMON, "thread": within({"tool_resources": _resources})}

_read = _reader(requests.reader(_RUN, turns))
_read_message = requests.reader({}, message_turns)


def read_message(body: Any, path: PathParameters) -> RequestFacts:
    """Facts of one message."""
    facts = _read_message(body, path)
    facts.messages = int(type(body) is dict)
    return facts


_run_answers = answers(reads("run"), RunStream)

_THREAD = "/v1/threads/{thread_id}"
_MESSAGE = _THREAD + "/messages/{message_id}"
_RUN_PATH = _THREAD + "/runs/{run_id}"
_ASSISTANT = "/v1/assistants/{assistant_id}"

ROWS = (
    asking("assistant_create", "/v1/assistants", _read, "assistant", turns=turns),
    about("assistants", "GET", "/v1/assistants"),
    about("assistant", "GET", _ASSISTANT, "assistant"),
    asking("assistant_update", _ASSISTANT, _read, "assistant", turns=turns),
    about("assistant_delete", "DELETE", _ASSISTANT),
    asking("thread_create", "/v1/threads", _read, "thread", turns=turns),
    asking("run_create", "/v1/threads/runs", _read, turns=turns, teaches=True, answer=_run_answers),
    asking("run_create", _THREAD + "/runs", _read, turns=turns, teaches=True, answer=_run_answers),
    asking("run_outputs", _RUN_PATH + "/submit_tool_outputs", _read, turns=turns, teaches=True, answer=_run_answers),
    about("runs", "GET", _THREAD + "/runs"),
    about("run_cancel", "POST", _RUN_PATH + "/cancel", "run"),
    about("run_steps", "GET", _RUN_PATH + "/steps", teaches=True),
    about("run_step", "GET", _RUN_PATH + "/steps/{step_id}", teaches=True),
    about("run", "GET", _RUN_PATH, "run"),
    asking("run_update", _RUN_PATH, _read, "run"),
    asking("message_create", _THREAD + "/messages", read_message, "message", turns=message_turns),
    about("thread_messages", "GET", _THREAD + "/messages", teaches=True),
    about("thread_message", "GET", _MESSAGE, "message", teaches=True),
    asking("message_update", _MESSAGE, _read, "message"),
    about("message_delete", "DELETE", _MESSAGE),
    about("thread", "GET", _THREAD, "thread"),
    asking("thread_update", _THREAD, _read, "thread"),
    about("thread_delete", "DELETE", _THREAD),
)
