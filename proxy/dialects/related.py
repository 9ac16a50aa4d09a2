"""Reads a body of two parts, metadata and the file that they are of (RFC 2387, as Google's APIs have it), however it is cut.

They take form-data in its place, and go by the order of the parts, whatever these are called; so does this. What is no such body
for certain is not read, as any form (`multipart.py`): they also take a bare line feed for the end of a line, and so see other
parts in what has a delimiter, or an end of header fields, behind one.
"""

from __future__ import annotations

import re
from typing import Any

from proxy.dialects.multipart import FilePart, FormReader

_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++):[ \t]*+([^\r\n\0]*+)")
_PLAIN = (b"", b"binary", b"8bit", b"7bit")
_MIME = ("mimeType", "mime_type")


def is_related(content_type: str) -> bool:
    """Whether a body has parts."""
    return content_type[:10].lower() == "multipart/"


class RelatedReader(FormReader):
    """A form of two fields, `metadata`, a text, and the file `media`."""

    def __init__(self, content_type: str) -> None:
        super().__init__(content_type)
        self.media_type = ""
        self._encoded = False
        self._bare = False
        # As in the form: the first delimiter begins a line.
        self._last = b"\r\n"

    def feed(self, data: bytes) -> None:
        """Read the next bytes of the body."""
        if self._delimiter and not self._bare:
            self._look(self._last + data)
        super().feed(data)

    def _look(self, seen: bytes) -> None:
        """Find a delimiter behind a line feed or a carriage return alone, wherever it stands."""
        after_feed, size = self._delimiter[1:], len(self._delimiter) - 1
        self._bare = b"\r" + self._delimiter[2:] in seen
        at = seen.find(after_feed, 1)  # one at 0 ended with the bytes before, and was seen then with what precedes it
        while at > 0 and not self._bare:
            self._bare = seen[at - 1 : at] != b"\r"
            at = seen.find(after_feed, at + size)
        self._last = seen[-size:]

    def _named(self, head: bytes) -> tuple[str, bool] | None:
        fields = _fields(head)
        if fields is None or self._parts > 2:
            return None
        self._encoded |= fields.get(b"content-transfer-encoding", b"").strip().lower() not in _PLAIN
        if self._parts == 1:
            return "metadata", False
        self.media_type = fields.get(b"content-type", b"").decode("latin-1")
        return "media", True

    @property
    def tree(self) -> dict[str, Any] | None:
        """As of any form; None as well when other ends of lines make other parts."""
        return None if self._bare else super().tree

    @property
    def metadata(self) -> str | None:
        """The text before the file; None when there is none that was read: too long, not UTF-8, or an encoding of another."""
        tree = self.tree
        said = tree["metadata"] if tree is not None and self.media is not None else None
        return said if type(said) is str and "\ufffd" not in said else None

    @property
    def media(self) -> FilePart | None:
        """Where the file stands; None when it cannot be read: also where a part is an encoding of other bytes."""
        tree = self.tree
        return self.files[-1] if tree is not None and "media" in tree and not self._encoded else None


def _fields(head: bytes) -> dict[bytes, bytes] | None:
    """Header fields by their names in small letters; None where readers differ: one that is folded or repeated, or is none."""
    fields: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n")[1:]:
        field = _FIELD.fullmatch(line)
        if field is None or field[1].lower() in fields:
            return None
        fields[field[1].lower()] = field[2]
    return fields


def types_of(metadata: Any) -> list[str]:
    """The types that metadata say the file has: `{"file": {"mimeType": …}}`, or without what is around it."""
    inner = metadata.get("file") if type(metadata) is dict else None
    held = [each for each in (metadata, inner) if type(each) is dict]
    return [each[name] for each in held for name in _MIME if type(each.get(name)) is str]
