"""What a scripted provider keeps between requests, in memory: objects by kind and id, and the bytes of files."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_NAME = re.compile(rb'; ?name="([^"]*)"')
_FILE_NAME = re.compile(rb'filename="([^"]*)"')
_TYPE = re.compile(rb"(?i)^content-type: *([^\r\n]+)", re.MULTILINE)

Object = dict[str, Any]


class MissingError(LookupError):
    """Nothing of that kind has that id."""


class Upload(msgspec.Struct):
    """A file as it came in a form."""

    name: str
    media_type: str
    content: bytes


class Store:
    """Objects in the order in which they were made."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Object] = {}
        self._contents: dict[str, bytes] = {}

    def put(self, kind: str, identifier: str, value: Object) -> Object:
        """Keep an object; one with the same id is replaced."""
        self._objects[kind, identifier] = value
        return value

    def get(self, kind: str, identifier: str) -> Object:
        """An object. Errors: MissingError."""
        try:
            return self._objects[kind, identifier]
        except KeyError:
            raise MissingError(f"{kind} {identifier}") from None

    def all(self, kind: str) -> list[Object]:
        """All objects of a kind."""
        return [value for (known, _), value in self._objects.items() if known == kind]

    def remove(self, kind: str, identifier: str) -> None:
        """Forget an object. Errors: MissingError."""
        self.get(kind, identifier)
        del self._objects[kind, identifier]
        self._contents.pop(identifier, None)

    def write(self, identifier: str, content: bytes) -> None:
        """Keep a file's bytes."""
        self._contents[identifier] = content

    def read(self, identifier: str) -> bytes:
        """A file's bytes. Errors: MissingError."""
        try:
            return self._contents[identifier]
        except KeyError:
            raise MissingError(f"content of {identifier}") from None

    def clear(self) -> None:
        """Forget everything."""
        self._objects.clear()
        self._contents.clear()


def boundary_of(content_type: str) -> bytes:
    """The boundary of a form, empty when it is none. Clients choose it at random, so nothing repeatable may follow from it."""
    found = _BOUNDARY.search(content_type)
    return found[1].encode() if found and content_type.startswith("multipart/") else b""


def read_form(body: bytes, content_type: str) -> dict[str, str | Upload]:
    """The fields of a form by name; of a repeated one the last."""
    boundary = boundary_of(content_type)
    fields: dict[str, str | Upload] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1] if boundary else ():
        head, _, content = part.partition(b"\r\n\r\n")
        named = _NAME.search(head)
        if named is None:
            continue
        file, kind = _FILE_NAME.search(head), _TYPE.search(head)
        media_type = kind[1].decode("latin-1") if kind else "application/octet-stream"
        fields[named[1].decode()] = Upload(file[1].decode(), media_type, content) if file else content.decode()
    return fields
