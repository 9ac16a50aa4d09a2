"""OpenAI's vector stores, their files, and searches in them."""

from __future__ import annotations

from proxy.demo.scripted.content import Asked, Content, Maker, whole
from proxy.demo.scripted.openai_objects import canceller, getter, later, lister, new, public, remover, rows, shown, updater
from proxy.demo.scripted.store import Object

_NONE = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}


def _attach(asked: Asked, store: str, file: str) -> Object:
    """A file in a store, under the file's own id."""
    size = asked.store.get("file", file)["bytes"]
    made = {
        "id": file,
        "object": "vector_store.file",
        "created_at": asked.stamp.created,
        "vector_store_id": store,
        "status": "in_progress",
        "usage_bytes": size,
        "last_error": None,
        "attributes": {},
        "_in": store,
    }
    later(made, asked.script.polls, lambda: made.update(status="completed"))
    return asked.store.put("vector_store.file", file, made)


def create(asked: Asked) -> Content:
    """POST …/vector_stores."""
    files = asked.json.get("file_ids") or []
    made = new(
        asked,
        "vector_store",
        "vs_",
        name=asked.json.get("name"),
        usage_bytes=0,
        file_counts={**_NONE, "completed": len(files), "total": len(files)},
        status="completed",
        last_active_at=asked.stamp.created,
        metadata=asked.json.get("metadata") or {},
    )
    for file in files:
        _attach(asked, made["id"], file)
    return shown(made)


def add(asked: Asked) -> Content:
    """POST …/vector_stores/{id}/files."""
    asked.store.get("vector_store", asked.named["vector"])
    return shown(_attach(asked, asked.named["vector"], asked.json["file_id"]))


def batch(asked: Asked) -> Content:
    """POST …/vector_stores/{id}/file_batches."""
    store = asked.named["vector"]
    files = asked.json.get("file_ids") or [entry["file_id"] for entry in asked.json["files"]]
    for file in files:
        _attach(asked, store, file)
    counts = {**_NONE, "in_progress": len(files), "total": len(files)}
    made = new(asked, "vector_store.files_batch", "vsfb_", vector_store_id=store, status="in_progress", file_counts=counts)
    done = {**_NONE, "completed": len(files), "total": len(files)}
    later(made, asked.script.polls, lambda: made.update(status="completed", file_counts=done))
    return shown(made)


def search(asked: Asked) -> Content:
    """POST …/vector_stores/{id}/search: every file is found."""
    query = asked.json["query"]
    found = [public(one) for one in asked.store.all("vector_store.file") if one["_in"] == asked.named["vector"]]
    data = [
        {
            "file_id": one["id"],
            "filename": asked.store.get("file", one["id"])["filename"],
            "score": 0.9,
            "attributes": {},
            "content": [{"type": "text", "text": asked.store.read(one["id"])[:200].decode("utf-8", "replace")}],
        }
        for one in found
    ]
    queries = query if isinstance(query, list) else [query]
    return whole(
        {
            "object": "vector_store.search_results.page",
            "search_query": queries,
            "data": data,
            "has_more": False,
            "next_page": None,
        }
    )


def content(asked: Asked) -> Content:
    """GET …/vector_stores/{id}/files/{id}/content."""
    text = asked.store.read(asked.named["file"]).decode("utf-8", "replace")
    return whole({"object": "vector_store.file_content.page", "data": [{"type": "text", "text": text}], "has_more": False})


def files_of_batch(asked: Asked) -> Content:
    """GET …/vector_stores/{id}/file_batches/{id}/files."""
    return rows([public(one) for one in asked.store.all("vector_store.file") if one["_in"] == asked.named["vector"]])


_STORE = "/vector_stores/(?P<vector>[^/]+)"
_FILE = _STORE + "/files/(?P<file>[^/]+)"
_BATCH = _STORE + "/file_batches/(?P<batch>[^/]+)"

ROWS: tuple[tuple[str, str, Maker], ...] = (
    ("POST", "/vector_stores", create),
    ("GET", "/vector_stores", lister("vector_store")),
    ("POST", _STORE + "/search", search),
    ("POST", _STORE + "/files", add),
    ("GET", _STORE + "/files", lister("vector_store.file", "vector")),
    ("GET", _FILE + "/content", content),
    ("GET", _FILE, getter("vector_store.file", "file")),
    ("DELETE", _FILE, remover("vector_store.file", "file")),
    ("POST", _STORE + "/file_batches", batch),
    ("GET", _BATCH + "/files", files_of_batch),
    ("POST", _BATCH + "/cancel", canceller("vector_store.files_batch", "batch")),
    ("GET", _BATCH, getter("vector_store.files_batch", "batch")),
    ("GET", _STORE, getter("vector_store", "vector")),
    ("POST", _STORE, updater("vector_store", "vector")),
    ("DELETE", _STORE, remover("vector_store", "vector")),
)
