"""Gemini's files with resumable uploads at an absolute address, batches, cached contents."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import msgspec

from proxy.demo.scripted import gemini
from proxy.demo.scripted.content import Asked, Content, Maker, encode, whole
from proxy.demo.scripted.openai_objects import advance, later, public
from proxy.demo.scripted.store import MissingError, Object


def upload(asked: Asked) -> Content:
    """POST /upload/…/files: `start` gives an address, to which the bytes are sent; `query` says how many there are, `cancel` gives
    them up, `finalize` makes the file.
    """
    commands = [word.strip() for word in asked.header("x-goog-upload-command").split(",")]
    if asked.header("content-type").startswith("multipart/"):
        return _at_once(asked)
    if "start" in commands:
        return _start(asked)
    session = asked.store.get("upload", asked.parameter("upload_id"))
    if "query" in commands or "cancel" in commands:
        return _standing(asked, "active" if "query" in commands else "cancelled")
    if int(asked.header("x-goog-upload-offset") or 0) != len(session["_bytes"]):
        raise ValueError("the offset is not where the upload is")
    session["_bytes"] += asked.body
    if "finalize" not in commands:
        return _standing(asked, "active")
    made = keep_file(asked, session["_file"], bytes(session["_bytes"]))
    answer = whole({"file": made})
    answer.headers = [("x-goog-upload-status", "final")]
    return answer


def _at_once(asked: Asked) -> Content:
    """What is said of the file and its bytes in one body of two parts."""
    border = b"--" + asked.header("content-type").partition("boundary=")[2].strip('"').encode()
    parts = (b"\r\n" + asked.body).split(b"\r\n" + border)[1:3]
    said, media = (part.partition(b"\r\n\r\n")[2] for part in parts)
    return whole({"file": keep_file(asked, json.loads(said).get("file") or {}, media)})


def _standing(asked: Asked, status: str) -> Content:
    """How far an upload has come; one that is cancelled is forgotten."""
    upload_id = asked.parameter("upload_id")
    size = len(asked.store.get("upload", upload_id)["_bytes"])
    if status == "cancelled":
        asked.store.remove("upload", upload_id)
    answer = Content("text/plain", closing=[])
    answer.headers = [("x-goog-upload-status", status), ("x-goog-upload-size-received", str(size))]
    return answer


def _start(asked: Asked) -> Content:
    identifier = asked.stamp.hex("upload", 40)
    given = dict(asked.json.get("file") or {})
    given.setdefault("mimeType", asked.header("x-goog-upload-header-content-type"))
    asked.store.put("upload", identifier, {"_bytes": bytearray(), "_file": given})
    # A provider names itself, whatever way the request came.
    address = f"http://{asked.header('host')}/upload/v1beta/files?upload_id={identifier}&upload_protocol=resumable"
    answer = Content("text/plain; charset=utf-8", closing=[])
    answer.headers = [
        ("x-goog-upload-url", address),
        ("x-goog-upload-control-url", address),
        ("x-goog-upload-chunk-granularity", "262144"),
        ("x-goog-upload-status", "active"),
    ]
    return answer


def keep_file(asked: Asked, given: dict[str, Any], content: bytes) -> Object:
    """A new file with this content."""
    name = str(given.get("name") or "files/" + asked.stamp.hex("file", 12))
    asked.store.write(name, content)
    made = {
        "name": name,
        "displayName": given.get("displayName") or given.get("display_name") or "",
        "mimeType": given.get("mimeType") or given.get("mime_type") or "application/octet-stream",
        "sizeBytes": str(len(content)),
        "createTime": asked.stamp.rfc3339(),
        "updateTime": asked.stamp.rfc3339(),
        "sha256Hash": base64.b64encode(hashlib.sha256(content).hexdigest().encode()).decode(),
        "uri": f"https://generativelanguage.googleapis.com/v1beta/{name}",
        "state": "ACTIVE",
        "source": "UPLOADED",
    }
    return asked.store.put("files", name, made)


def download(asked: Asked) -> Content:
    """GET …/files/{id}:download."""
    return Content("application/octet-stream", closing=[asked.store.read("files/" + asked.named["file"])])


def _getter(kind: str, place: str) -> Maker:
    def get(asked: Asked) -> Content:
        found = asked.store.get(kind, f"{kind}/{asked.named[place]}")
        advance(found)
        return whole(public(found))

    return get


def _lister(kind: str, told: str = "") -> Maker:
    def listing(asked: Asked) -> Content:
        found = [public(one) for one in asked.store.all(kind)]
        return whole({told or kind: found} if found else {})

    return listing


def _remover(kind: str, place: str) -> Maker:
    def remove(asked: Asked) -> Content:
        asked.store.remove(kind, f"{kind}/{asked.named[place]}")
        return whole({})

    return remove


def _answered(asked: Asked, request: dict[str, Any], number: int) -> dict[str, Any]:
    inner = asked.about(request, asked.named["model"], f"entry {number}")
    if inner.script.status >= 400:
        return {"error": gemini.error(inner.script.status, inner.stamp)["error"]}
    maker = gemini.generate if asked.path.endswith(":batchGenerateContent") else gemini.embed
    return {"response": msgspec.Raw(maker(inner).closing[0])}


def batch(asked: Asked) -> Content:
    """POST …:batchGenerateContent and …:asyncBatchEmbedContent: entries in the body, or lines of a file."""
    given = asked.json["batch"]
    source = given.get("inputConfig") or given["input_config"]
    file = source.get("fileName") or source.get("file_name")
    entries = (
        [msgspec.json.decode(line) for line in asked.store.read(file).splitlines() if line.strip()]
        if file
        else source["requests"]["requests"]
    )
    name = "batches/" + asked.stamp.hex("batch", 30)
    total = str(len(entries))
    metadata: dict[str, Any] = {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        "model": "models/" + asked.named["model"],
        "displayName": given.get("displayName") or given.get("display_name") or "",
        "createTime": asked.stamp.rfc3339(),
        "updateTime": asked.stamp.rfc3339(),
        "state": "BATCH_STATE_PENDING",
        "batchStats": {"requestCount": total, "pendingRequestCount": total},
        "name": name,
    }
    made: Object = {"name": name, "metadata": metadata}

    def finish() -> None:
        answers = [_answered(asked, entry["request"], number) for number, entry in enumerate(entries)]
        good = sum("response" in one for one in answers)
        output: dict[str, Any]
        if file:
            lines = [encode({"key": entry.get("key"), **one}) for entry, one in zip(entries, answers, strict=True)]
            kept = {"name": "files/batch-" + asked.stamp.hex("batch", 30), "mimeType": "application/jsonl"}
            output = {"responsesFile": keep_file(asked, kept, b"\n".join(lines) + b"\n")["name"]}
        else:
            told = [
                {**one, **({"metadata": entry["metadata"]} if "metadata" in entry else {})}
                for entry, one in zip(entries, answers, strict=True)
            ]
            key = "inlinedResponses" if asked.path.endswith(":batchGenerateContent") else "inlinedEmbedContentResponses"
            output = {key: {"inlinedResponses": told}}
        stats = {"requestCount": total, "successfulRequestCount": str(good), "failedRequestCount": str(len(answers) - good)}
        metadata.update(state="BATCH_STATE_SUCCEEDED", endTime=asked.stamp.rfc3339(), batchStats=stats, output=output)
        made.update(done=True, response={"@type": "type.googleapis.com/google.ai.generativelanguage.v1main", **output})

    later(made, asked.script.polls, finish)
    return whole(public(asked.store.put("batches", name, made)))


def cancel(asked: Asked) -> Content:
    """POST …/batches/{id}:cancel."""
    found = asked.store.get("batches", "batches/" + asked.named["batch"])
    found.pop("_then", None)
    found["metadata"]["state"] = "BATCH_STATE_CANCELLED"
    return whole({})


def cache(asked: Asked) -> Content:
    """POST …/cachedContents."""
    name = "cachedContents/" + asked.stamp.hex("cache", 20)
    made = {
        "name": name,
        "model": asked.json["model"],
        "displayName": asked.json.get("displayName") or "",
        "createTime": asked.stamp.rfc3339(),
        "updateTime": asked.stamp.rfc3339(),
        "expireTime": asked.stamp.rfc3339(),
        "usageMetadata": {"totalTokenCount": asked.tokens_in},
    }
    return whole(asked.store.put("cachedContents", name, made))


def update(asked: Asked) -> Content:
    """PATCH …/cachedContents/{id}."""
    return whole(asked.store.get("cachedContents", "cachedContents/" + asked.named["cache"]))


def generate(asked: Asked) -> Content:
    """POST …:generateContent; a cache that it names must be there."""
    named = asked.json.get("cachedContent")
    if named is not None and all(one["name"] != named for one in asked.store.all("cachedContents")):
        raise MissingError(f"cache {named}")
    return gemini.generate(asked)


_BATCH = "/batches/(?P<batch>[^/:]+)"
_FILE = "/files/(?P<file>[^/:]+)"
_CACHE = "/cachedContents/(?P<cache>[^/:]+)"
_MODEL = "/models/(?P<model>[^/:]+)"

ROWS: tuple[tuple[str, str, Maker], ...] = (
    ("POST", "/files", upload),
    ("GET", "/files", _lister("files")),
    ("GET", _FILE + ":download", download),
    ("GET", _FILE, _getter("files", "file")),
    ("DELETE", _FILE, _remover("files", "file")),
    ("POST", _MODEL + ":batchGenerateContent", batch),
    ("POST", _MODEL + ":asyncBatchEmbedContent", batch),
    ("GET", "/batches", _lister("batches", "operations")),
    ("GET", _BATCH, _getter("batches", "batch")),
    ("POST", _BATCH + ":cancel", cancel),
    ("DELETE", _BATCH, _remover("batches", "batch")),
    ("POST", "/cachedContents", cache),
    ("GET", "/cachedContents", _lister("cachedContents")),
    ("GET", _CACHE, _getter("cachedContents", "cache")),
    ("PATCH", _CACHE, update),
    ("DELETE", _CACHE, _remover("cachedContents", "cache")),
    ("POST", _MODEL + ":generateContent", generate),
)
