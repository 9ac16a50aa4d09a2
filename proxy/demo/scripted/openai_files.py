"""OpenAI's files, multipart uploads and containers."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, Maker
from proxy.demo.scripted.openai_objects import canceller, getter, lister, new, remover, shown
from proxy.demo.scripted.store import Object, Upload


def keep_file(asked: Asked, name: str, purpose: str, content: bytes, use: str = "") -> Object:
    """A new file with this content."""
    identifier = "file-" + asked.stamp.hex("file" + use)
    made = {
        "id": identifier,
        "object": "file",
        "bytes": len(content),
        "created_at": asked.stamp.created,
        "expires_at": None,
        "filename": name,
        "purpose": purpose,
        "status": "processed",
        "status_details": None,
    }
    asked.store.write(identifier, content)
    return asked.store.put("file", identifier, made)


def _uploaded(asked: Asked, field: str) -> Upload:
    found = asked.form[field]
    if not isinstance(found, Upload):
        raise TypeError(f"{field} is no file")
    return found


def create(asked: Asked) -> Content:
    """POST …/files."""
    file = _uploaded(asked, "file")
    return shown(keep_file(asked, file.name, str(asked.form.get("purpose")), file.content))


def content(asked: Asked) -> Content:
    """GET …/files/{id}/content."""
    return Content("application/octet-stream", closing=[asked.store.read(asked.named["file"])])


def upload(asked: Asked) -> Content:
    """POST …/uploads."""
    given = asked.json
    fields: dict[str, Any] = {key: given.get(key) for key in ("bytes", "filename", "purpose")}
    return shown(new(asked, "upload", "upload_", **fields, status="pending", expires_at=asked.stamp.created + 3600))


def part(asked: Asked) -> Content:
    """POST …/uploads/{id}/parts."""
    asked.store.get("upload", asked.named["upload"])
    made = new(asked, "upload.part", "part_", upload_id=asked.named["upload"])
    asked.store.write(made["id"], _uploaded(asked, "data").content)
    return shown(made)


def complete(asked: Asked) -> Content:
    """POST …/uploads/{id}/complete."""
    found = asked.store.get("upload", asked.named["upload"])
    joined = b"".join(asked.store.read(identifier) for identifier in asked.json["part_ids"])
    found["file"] = keep_file(asked, found["filename"], found["purpose"], joined)
    found["status"] = "completed"
    return shown(found)


def container(asked: Asked) -> Content:
    """POST …/containers."""
    expires = {"anchor": "last_active_at", "minutes": 20}
    return shown(new(asked, "container", "cntr_", name=asked.json["name"], status="running", expires_after=expires))


def container_file(asked: Asked) -> Content:
    """POST …/containers/{id}/files."""
    file = _uploaded(asked, "file")
    identifier = asked.named["container"]
    place = {"container_id": identifier, "path": f"/mnt/data/{file.name}", "bytes": len(file.content), "source": "user"}
    made = new(asked, "container.file", "cfile_", **place, _in=identifier)
    asked.store.write(made["id"], file.content)
    return shown(made)


ROWS: tuple[tuple[str, str, Maker], ...] = (
    ("POST", "/files", create),
    ("GET", "/files", lister("file")),
    ("GET", "/files/(?P<file>[^/]+)/content", content),
    ("GET", "/files/(?P<file>[^/]+)", getter("file", "file")),
    ("DELETE", "/files/(?P<file>[^/]+)", remover("file", "file", "file")),
    ("POST", "/uploads", upload),
    ("POST", "/uploads/(?P<upload>[^/]+)/parts", part),
    ("POST", "/uploads/(?P<upload>[^/]+)/complete", complete),
    ("POST", "/uploads/(?P<upload>[^/]+)/cancel", canceller("upload", "upload")),
    ("POST", "/containers", container),
    ("GET", "/containers/(?P<container>[^/]+)", getter("container", "container")),
    ("POST", "/containers/(?P<container>[^/]+)/files", container_file),
    ("GET", "/containers/(?P<container>[^/]+)/files", lister("container.file", "container")),
    ("GET", "/containers/[^/]+/files/(?P<file>[^/]+)/content", content),
    ("DELETE", "/containers/(?P<container>[^/]+)", remover("container", "container")),
)
