"""Anthropic's message batches, whose results lie at an absolute address, and its files."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.demo.scripted import anthropic
from proxy.demo.scripted.content import Asked, Content, Maker, encode, whole
from proxy.demo.scripted.openai_objects import advance, later, public
from proxy.demo.scripted.store import Object, Upload


def _time(asked: Asked) -> str:
    return asked.stamp.rfc3339()


def _result(asked: Asked, entry: dict[str, Any], number: int) -> tuple[bytes, bool]:
    params = entry["params"]
    inner = asked.about(params, str(params.get("model") or ""), f"entry {number}")
    if inner.script.status < 400:
        message = msgspec.Raw(anthropic.messages(inner).closing[0])
        result: dict[str, Any] = {"type": "succeeded", "message": message}
    else:
        result = {"type": "errored", "error": anthropic.error(inner.script.status, inner.stamp)}
    return encode({"custom_id": entry["custom_id"], "result": result}) + b"\n", inner.script.status < 400


def create(asked: Asked) -> Content:
    """POST …/messages/batches."""
    entries = asked.json["requests"]
    identifier = "msgbatch_" + asked.stamp.hex("batch")
    counts = {"processing": len(entries), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
    made: Object = {
        "id": identifier,
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": counts,
        "created_at": _time(asked),
        "expires_at": _time(asked),
        "ended_at": None,
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": None,
    }
    # A provider names itself, whatever way the request came.
    address = f"http://{asked.header('host')}/v1/messages/batches/{identifier}/results"

    def finish() -> None:
        results = [_result(asked, entry, number) for number, entry in enumerate(entries)]
        good = sum(is_good for _, is_good in results)
        asked.store.write(identifier, b"".join(line for line, _ in results))
        made.update(processing_status="ended", ended_at=_time(asked), results_url=address)
        made["request_counts"] = {**counts, "processing": 0, "succeeded": good, "errored": len(entries) - good}

    later(made, asked.script.polls, finish)
    return whole(public(asked.store.put("message_batch", identifier, made)))


def _page(entries: list[Object]) -> Content:
    ends = {"first_id": entries[0]["id"], "last_id": entries[-1]["id"]} if entries else {"first_id": None, "last_id": None}
    return whole({"data": entries, "has_more": False, **ends})


def batch(asked: Asked) -> Content:
    """GET …/messages/batches/{id}: one more poll."""
    found = asked.store.get("message_batch", asked.named["batch"])
    advance(found)
    return whole(public(found))


def batches(asked: Asked) -> Content:
    """GET …/messages/batches."""
    return _page([public(one) for one in asked.store.all("message_batch")])


def results(asked: Asked) -> Content:
    """GET …/messages/batches/{id}/results."""
    return Content("application/x-jsonl", closing=[asked.store.read(asked.named["batch"])])


def cancel(asked: Asked) -> Content:
    """POST …/messages/batches/{id}/cancel."""
    found = asked.store.get("message_batch", asked.named["batch"])
    found.pop("_then", None)
    found.update(processing_status="canceling", cancel_initiated_at=_time(asked))
    return whole(public(found))


def _remover(kind: str, place: str) -> Maker:
    def remove(asked: Asked) -> Content:
        asked.store.remove(kind, asked.named[place])
        return whole({"id": asked.named[place], "type": f"{kind}_deleted"})

    return remove


def upload(asked: Asked) -> Content:
    """POST …/files."""
    file = asked.form["file"]
    if not isinstance(file, Upload):
        raise TypeError("file is no file")
    identifier = "file_" + asked.stamp.hex("file")
    asked.store.write(identifier, file.content)
    made = {
        "id": identifier,
        "type": "file",
        "filename": file.name,
        "mime_type": file.media_type,
        "size_bytes": len(file.content),
        "created_at": _time(asked),
        "downloadable": True,
    }
    return whole(asked.store.put("file", identifier, made))


def files(asked: Asked) -> Content:
    """GET …/files."""
    return _page(asked.store.all("file"))


def file(asked: Asked) -> Content:
    """GET …/files/{id}."""
    return whole(asked.store.get("file", asked.named["file"]))


def content(asked: Asked) -> Content:
    """GET …/files/{id}/content."""
    kept = asked.store.read(asked.named["file"])
    return Content(asked.store.get("file", asked.named["file"])["mime_type"], closing=[kept])


_BATCH = "/messages/batches/(?P<batch>[^/]+)"
_FILE = "/files/(?P<file>[^/]+)"

ROWS: tuple[tuple[str, str, Maker], ...] = (
    ("POST", "/messages/batches", create),
    ("GET", "/messages/batches", batches),
    ("GET", _BATCH + "/results", results),
    ("POST", _BATCH + "/cancel", cancel),
    ("GET", _BATCH, batch),
    ("DELETE", _BATCH, _remover("message_batch", "batch")),
    ("POST", "/files", upload),
    ("GET", "/files", files),
    ("GET", _FILE + "/content", content),
    ("GET", _FILE, file),
    ("DELETE", _FILE, _remover("file", "file")),
)
