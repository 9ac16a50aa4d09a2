"""Reads a multipart/form-data body (RFC 7578), as it comes, into a tree like a JSON body's: texts by name, files as `{"bytes": n}`.

However the bytes are cut, the result is the same, and memory does not grow with the body: texts are kept as far as `TEXTS_LIMIT`
goes, of files only where they stand. What two readers could take for different forms gives None, for a form we misread is worse
than one we did not read.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

MAX_PARTS = 1000
HEAD_LIMIT = 16 * 1024
"""Bytes of one part's header fields."""
TEXT_LIMIT = 256 * 1024
"""Bytes of one text field that are read; a longer one counts as a file."""
TEXTS_LIMIT = 512 * 1024
"""The same of all text fields together."""

_PADDING_LIMIT = 128
_BOUNDARY = re.compile(r"(?i);[ \t]*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))")
_BOUNDARIES = re.compile(r"(?i)boundary[*\d]*\s*=")
_DISPOSITION = re.compile(rb"(?i)^content-disposition:\s*form-data\b([^\r\n]*)", re.MULTILINE)
_NAME = re.compile(rb'(?i);\s*name="([^"]*)"')
_FILE = re.compile(rb"(?i);\s*filename\*?=")
_PADDING = re.compile(rb"[ \t]*+")
_BLANK = b"\r\n\r\n"

_BODY, _DELIMITER, _HEAD, _EPILOGUE, _UNREADABLE = range(5)


class FilePart(msgspec.Struct, frozen=True, gc=False):
    """A file in the form: its bytes stand at `offset` of the body, `length` of them."""

    name: str
    offset: int
    length: int


class FormReader:
    """Reads one form. `feed` it the body, then ask `tree` and `files`; neither ever raises."""

    def __init__(self, content_type: str) -> None:
        # Of two that are named, or of parts of one (RFC 2231), another reader could take the other.
        found = _BOUNDARY.search(content_type) if len(_BOUNDARIES.findall(content_type)) == 1 else None
        self._delimiter = b"\r\n--" + (found[1] or found[2]).encode("utf-8", "replace") if found else b""
        # The first delimiter begins a line, though nothing stands before it.
        self._held = b"\r\n"
        self._base = -2
        self._state = _BODY if found else _UNREADABLE
        self._fields: dict[str, Any] = {}
        self._files: list[FilePart] = []
        self._parts = 0
        self._name = ""
        self._text: list[bytes] | None = None
        self._size = 0
        self._begin = 0
        self._texts = 0
        self._closed = False

    def feed(self, data: bytes) -> None:
        """Read the next bytes of the body."""
        if self._state == _UNREADABLE:
            return
        buffer = self._held + data if self._held else data
        at: int | None = 0
        while at is not None:
            self._held, reached = b"", at
            if self._state == _BODY:
                at = self._read_body(buffer, at)
            elif self._state == _DELIMITER:
                at = self._read_delimiter(buffer, at)
            elif self._state == _HEAD:
                at = self._read_head(buffer, at)
            elif self._state == _EPILOGUE:
                at = self._read_epilogue(buffer, at)
            else:
                return
            if at is None and not self._held:
                self._held = buffer[reached:]
        self._base += len(buffer) - len(self._held)

    def _read_body(self, buffer: bytes, at: int) -> int | None:
        """Bytes of a part (or before the first) up to the next delimiter; None when there is none yet."""
        end = buffer.find(self._delimiter, at)
        if end < 0:
            end = max(at, len(buffer) - len(self._delimiter) + 1)
            self._take(buffer, at, end)
            self._held = buffer[end:]
            return None
        self._take(buffer, at, end)
        if self._parts and not self._end_part():
            self._state = _UNREADABLE
        else:
            self._state = _DELIMITER
        return end + len(self._delimiter)

    def _take(self, buffer: bytes, begin: int, end: int) -> None:
        if not self._parts:
            return
        self._size += end - begin
        if self._text is None:
            return
        self._texts += end - begin
        if self._size > TEXT_LIMIT or self._texts > TEXTS_LIMIT:
            self._text = None
        elif end > begin:
            self._text.append(buffer[begin:end])

    def _end_part(self) -> bool:
        value: Any = {"bytes": self._size} if self._text is None else b"".join(self._text).decode("utf-8", "replace")
        if self._text is None:
            self._files.append(FilePart(self._name, self._begin, self._size))
        if self._name.endswith("[]"):
            self._fields.setdefault(self._name, []).append(value)
            return True
        taken = self._name in self._fields
        self._fields[self._name] = value
        return not taken

    def _read_delimiter(self, buffer: bytes, at: int) -> int | None:
        """What follows the boundary: two hyphens, or white space and a line's end; anything else is another boundary to some."""
        if buffer.startswith(b"--", at):
            self._state, self._closed = _EPILOGUE, True
            return at + 2
        padding = _PADDING.match(buffer, at)
        assert padding is not None
        end = padding.end()
        if end - at > _PADDING_LIMIT:
            self._state = _UNREADABLE
        elif buffer.startswith(b"\r\n", end):
            self._parts += 1
            self._state = _HEAD if self._parts <= MAX_PARTS else _UNREADABLE
            return end
        elif not _may_be(buffer, end, b"\r\n") and not (end == at and _may_be(buffer, at, b"--")):
            self._state = _UNREADABLE
        return None

    def _read_head(self, buffer: bytes, at: int) -> int | None:
        end = buffer.find(_BLANK, at, at + HEAD_LIMIT + len(_BLANK))
        if end < 0:
            if len(buffer) - at >= HEAD_LIMIT + len(_BLANK):
                self._state = _UNREADABLE
            return None
        head = buffer[at:end]
        named = self._named(head) if self._delimiter not in head else None
        if named is None:
            self._state = _UNREADABLE
            return None
        self._name = named[0]
        self._text = None if named[1] else []
        self._size = 0
        body = end + len(_BLANK)
        self._begin = self._base + body
        self._state = _BODY
        return body

    def _named(self, head: bytes) -> tuple[str, bool] | None:
        """Name of a part by its header fields, and whether it is a file; None when they do not say."""
        disposition = _DISPOSITION.search(head)
        named = _NAME.search(disposition[1]) if disposition else None
        if disposition is None or named is None:
            return None
        return named[1].decode("utf-8", "replace"), _FILE.search(disposition[1]) is not None

    def _read_epilogue(self, buffer: bytes, at: int) -> int | None:
        """Nothing may follow the end that somebody could read as another part."""
        if buffer.find(self._delimiter, at) >= 0:
            self._state = _UNREADABLE
        else:
            self._held = buffer[max(at, len(buffer) - len(self._delimiter) + 1) :]
        return None

    @property
    def tree(self) -> dict[str, Any] | None:
        """The fields once the whole body was fed, None when it cannot be read with certainty.

        So it is without a boundary or an end, with a name twice or a part without one. A name that ends in `[]` may repeat; its
        values become a list.
        """
        return self._fields if self._closed and self._state == _EPILOGUE else None

    @property
    def files(self) -> list[FilePart]:
        """Where the files stand, in order."""
        return self._files


def _may_be(buffer: bytes, at: int, wanted: bytes) -> bool:
    """Whether the end of `buffer` from `at` on is a beginning of `wanted`."""
    return wanted.startswith(buffer[at:])


def read_form(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """The fields of a whole form, see `FormReader.tree`. Never raises."""
    reader = FormReader(content_type)
    reader.feed(raw)
    return reader.tree
