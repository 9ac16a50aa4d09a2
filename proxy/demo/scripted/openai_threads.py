"""OpenAI's assistants, threads, messages and runs, whole and streamed."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, Maker, event, stream
from proxy.demo.scripted.openai_chat import DONE, STREAM_ERROR
from proxy.demo.scripted.openai_objects import (
    canceller,
    getter,
    later,
    lister,
    new,
    public,
    remover,
    rows,
    shown,
    updater,
)
from proxy.demo.scripted.store import Object


def assistant(asked: Asked) -> Content:
    """POST …/assistants."""
    fields = {key: asked.json.get(key) for key in ("name", "description", "instructions")}
    rest: Object = {"tools": asked.json.get("tools") or [], "metadata": {}, "temperature": 1.0, "top_p": 1.0}
    return shown(new(asked, "assistant", "asst_", model=asked.model, **fields, **rest))


def _add(asked: Asked, thread: str, role: str, content: Any, run: Object | None = None, use: str = "") -> Object:
    """A message in a thread."""
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content or [])
    identifier = "msg_" + asked.stamp.hex("message" + use)
    made: Object = {
        "id": identifier,
        "object": "thread.message",
        "created_at": asked.stamp.created,
        "thread_id": thread,
        "status": "completed",
        "role": role,
        "content": [{"type": "text", "text": {"value": text, "annotations": []}}],
        "assistant_id": run["assistant_id"] if run else None,
        "run_id": run["id"] if run else None,
        "attachments": [],
        "metadata": {},
        "_in": thread,
    }
    return asked.store.put("thread.message", identifier, made)


def _thread(asked: Asked, given: dict[str, Any]) -> Object:
    made = new(asked, "thread", "thread_", metadata=given.get("metadata") or {}, tool_resources={})
    for number, one in enumerate(given.get("messages") or []):
        _add(asked, made["id"], one["role"], one["content"], use=f"first{number}")
    return made


def thread(asked: Asked) -> Content:
    """POST …/threads."""
    return shown(_thread(asked, asked.json))


def message(asked: Asked) -> Content:
    """POST …/threads/{id}/messages."""
    asked.store.get("thread", asked.named["thread"])
    return shown(_add(asked, asked.named["thread"], asked.json["role"], asked.json["content"]))


def _run(asked: Asked, thread_id: str) -> Object:
    given = asked.json
    for number, one in enumerate(given.get("additional_messages") or []):
        _add(asked, thread_id, one["role"], one["content"], use=f"more{number}")
    assistant_object = asked.store.get("assistant", given["assistant_id"])
    return new(
        asked,
        "thread.run",
        "run_",
        thread_id=thread_id,
        assistant_id=given["assistant_id"],
        status="queued",
        model=given.get("model") or assistant_object["model"],
        instructions=given.get("instructions") or assistant_object["instructions"] or "",
        tools=given.get("tools") or [],
        required_action=None,
        last_error=None,
        usage=None,
        metadata={},
        parallel_tool_calls=True,
        _in=thread_id,
    )


def _finish(asked: Asked, made: Object) -> Object:
    """The run is done: its answer is in the thread."""
    made["status"] = "completed"
    made["completed_at"] = asked.stamp.created + 1
    made["usage"] = {
        "prompt_tokens": asked.tokens_in,
        "completion_tokens": asked.tokens_out,
        "total_tokens": asked.tokens_in + asked.tokens_out,
    }
    return _add(asked, made["thread_id"], "assistant", asked.text, made, "answer")


def _started(asked: Asked, made: Object, opening: list[bytes]) -> Content:
    if not asked.json.get("stream"):
        later(made, asked.script.polls, lambda: _finish(asked, made))
        return shown(made)
    begun = {**public(made), "status": "in_progress"}
    written = public(_finish(asked, made))
    empty = {**written, "status": "in_progress", "content": []}
    deltas = [
        event(
            {
                "id": written["id"],
                "object": "thread.message.delta",
                "delta": {"content": [{"index": 0, "type": "text", "text": {"value": part}}]},
            },
            "thread.message.delta",
        )
        for part in asked.parts()
    ]
    started = [
        *opening,
        event({**begun, "status": "queued"}, "thread.run.created"),
        event(begun, "thread.run.in_progress"),
        event(empty, "thread.message.created"),
        event(empty, "thread.message.in_progress"),
    ]
    ended = [
        event(written, "thread.message.completed"),
        event(public(made), "thread.run.completed"),
        b"event: done\n" + DONE,
    ]
    return stream(started, deltas, ended, event(STREAM_ERROR["error"], "error"))


def run(asked: Asked) -> Content:
    """POST …/threads/{id}/runs."""
    asked.store.get("thread", asked.named["thread"])
    return _started(asked, _run(asked, asked.named["thread"]), [])


def thread_and_run(asked: Asked) -> Content:
    """POST …/threads/runs."""
    made = _thread(asked, asked.json.get("thread") or {})
    return _started(asked, _run(asked, made["id"]), [event(public(made), "thread.created")])


def messages(asked: Asked) -> Content:
    """GET …/threads/{id}/messages: the latest first, unless the order is said."""
    found = [public(one) for one in asked.store.all("thread.message") if one["_in"] == asked.named["thread"]]
    return rows(found if asked.parameter("order") == "asc" else found[::-1])


def steps(asked: Asked) -> Content:
    """GET …/threads/{id}/runs/{id}/steps."""
    found = asked.store.get("thread.run", asked.named["run"])
    written = [one for one in asked.store.all("thread.message") if one["run_id"] == found["id"]]
    step = {"object": "thread.run.step", "type": "message_creation", "status": "completed", "created_at": found["created_at"]}
    owner = {"run_id": found["id"], "thread_id": found["thread_id"], "assistant_id": found["assistant_id"]}
    return rows(
        [
            {
                "id": "step_" + one["id"],
                **step,
                **owner,
                "step_details": {"type": "message_creation", "message_creation": {"message_id": one["id"]}},
            }
            for one in written
        ]
    )


_ASSISTANT = "/assistants/(?P<assistant>[^/]+)"
_THREAD = "/threads/(?P<thread>[^/]+)"
_MESSAGE = _THREAD + "/messages/(?P<message>[^/]+)"
_RUN = _THREAD + "/runs/(?P<run>[^/]+)"

ROWS: tuple[tuple[str, str, Maker], ...] = (
    ("POST", "/assistants", assistant),
    ("GET", "/assistants", lister("assistant")),
    ("GET", _ASSISTANT, getter("assistant", "assistant")),
    ("POST", _ASSISTANT, updater("assistant", "assistant")),
    ("DELETE", _ASSISTANT, remover("assistant", "assistant")),
    ("POST", "/threads", thread),
    ("POST", "/threads/runs", thread_and_run),
    ("POST", _THREAD + "/runs", run),
    ("GET", _THREAD + "/runs", lister("thread.run", "thread")),
    ("GET", _RUN + "/steps", steps),
    ("POST", _RUN + "/cancel", canceller("thread.run", "run")),
    ("GET", _RUN, getter("thread.run", "run")),
    ("POST", _THREAD + "/messages", message),
    ("GET", _THREAD + "/messages", messages),
    ("GET", _MESSAGE, getter("thread.message", "message")),
    ("DELETE", _MESSAGE, remover("thread.message", "message")),
    ("GET", _THREAD, getter("thread", "thread")),
    ("DELETE", _THREAD, remover("thread", "thread")),
)
