"""Reads a body of two parts, metadata and the file that they are of (RFC 2387, as Google's APIs have it), however it is cut.

They take form-data in its place, and go by the order of the parts, whatever these are called; so does this. What is no such body
for certain is not read, as any form (`multipart.py`).
"""

from __future__ import annotations

import re
from typing import Any

from proxy.dialects.multipart import FilePart, FormReader

_TYPE = re.compile(rb"(?i)^content-type:[ \t]*([^\r\n]*)", re.MULTILINE)
_ENCODING = re.compile(rb"(?i)^content-transfer-encoding:[ \t]*([^\r\n]*)", re.MULTILINE)
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

    def _named(self, head: bytes) -> tuple[str, bool] | None:
        if self._parts == 1:
            return "metadata", False
        kind, encoding = _TYPE.search(head), _ENCODING.search(head)
        self.media_type = kind[1].decode("latin-1") if kind else ""
        self._encoded = encoding is not None and encoding[1].strip().lower() not in _PLAIN
        return ("media", True) if self._parts == 2 else None

    @property
    def media(self) -> FilePart | None:
        """Where the file stands; None when it cannot be read: also where its bytes are not its own but an encoding of these."""
        tree = self.tree
        return self.files[-1] if tree is not None and "media" in tree and not self._encoded else None


def types_of(metadata: Any) -> list[str]:
    """The types that metadata say the file has: `{"file": {"mimeType": …}}`, or without what is around it."""
    inner = metadata.get("file") if type(metadata) is dict else None
    held = [each for each in (metadata, inner) if type(each) is dict]
    return [each[name] for each in held for name in _MIME if type(each.get(name)) is str]
