"""Reads a multipart/form-data body (RFC 7578) into a tree as a JSON body would give: texts by name, files as `{"bytes": n}`.

Only what OpenAI's audio and picture endpoints send is understood; anything else gives None, for a form we misread is worse than
one we did not read.
"""

from __future__ import annotations

import re
from typing import Any

MAX_PARTS = 1000
TEXT_LIMIT = 4 * 1024 * 1024
"""Bytes of one text field that are read; a longer one counts as a file."""

_BOUNDARY = re.compile(r"(?i)\bboundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))")
_DISPOSITION = re.compile(rb"(?i)^content-disposition:\s*form-data\b([^\r\n]*)", re.MULTILINE)
_NAME = re.compile(rb'(?i);\s*name="([^"]*)"')
_FILE = re.compile(rb"(?i);\s*filename\*?=")


def read_form(raw: bytes, content_type: str) -> dict[str, Any] | None:
    """The fields of a form, None when it cannot be read with certainty (no boundary, a name twice, a part without a name).

    A name that ends in `[]` may repeat; its values become a list. Never raises.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        return None
    delimiter = b"\r\n--" + (found[1] or found[2]).encode("utf-8", "replace")
    parts = (b"\r\n" + raw).split(delimiter, MAX_PARTS + 1)
    if len(parts) < 2 or len(parts) > MAX_PARTS or not parts[-1].startswith(b"--"):
        return None
    fields: dict[str, Any] = {}
    for part in parts[1:-1]:
        if not _add_part(fields, part):
            return None
    return fields


def _add_part(fields: dict[str, Any], part: bytes) -> bool:
    head, blank, body = part.partition(b"\r\n\r\n")
    disposition = _DISPOSITION.search(head)
    named = _NAME.search(disposition[1]) if disposition else None
    if not blank or disposition is None or named is None:
        return False
    name = named[1].decode("utf-8", "replace")
    is_file = _FILE.search(disposition[1]) is not None or len(body) > TEXT_LIMIT
    value: Any = {"bytes": len(body)} if is_file else body.decode("utf-8", "replace")
    if name.endswith("[]"):
        fields.setdefault(name, []).append(value)
    elif name in fields:
        return False
    else:
        fields[name] = value
    return True
