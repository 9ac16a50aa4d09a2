"""Rows of a data set and the records that they name: JSON objects, one a line, or bare record ids, one a line.

The record ids of a row stand in `x-tos-record` (also `x_tos_record`, `tos_record`, `record`; case does not matter), at the top of
the row or within `metadata`, `meta`, `headers` or `response_headers`, also flattened (`metadata.x-tos-record`): one id, or a list
of all answers that went into the row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

KEYS = ("x_tos_record", "tos_record", "record")
WITHIN = ("metadata", "meta", "headers", "response_headers")

NO_RECORD = "no_record"
NOT_JSON = "not_json"


class Row(NamedTuple):
    """A row by its line `number`, from 1; `digest`: SHA-256 of its bytes without the line break, 64 hex digits. `records`: those
    that it names; empty with the reason in `wrong` (`no_record | not_json`).
    """

    number: int
    digest: str
    records: tuple[str, ...]
    wrong: str = ""


def rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a file's lines; blank ones are none."""
    for number, line in enumerate(lines, 1):
        line = line.rstrip(b"\r\n")  # noqa: PLW2901 - the same line
        text = line.strip()
        if text:
            yield _row(number, hashlib.sha256(line).hexdigest(), text)


def _row(number: int, digest: str, text: bytes) -> Row:
    if not text.startswith(b"{"):
        written = text.decode("utf-8", "replace")
        return Row(number, digest, (written,)) if written.startswith("rec_") else Row(number, digest, (), NO_RECORD)
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return Row(number, digest, (), NOT_JSON)
    records = tuple(dict.fromkeys(named(row)))
    return Row(number, digest, records, "" if records else NO_RECORD)


def named(row: dict[str, Any]) -> Iterator[str]:
    """The record ids of a JSON row."""
    for name, value in row.items():
        above, _, plain = name.lower().replace("-", "_").rpartition(".")
        if plain in KEYS and (not above or above in WITHIN):
            yield from _ids(value)
        elif not above and plain in WITHIN and isinstance(value, dict):
            for inner, within in value.items():
                if inner.lower().replace("-", "_") in KEYS:
                    yield from _ids(within)


def _ids(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and each:
            yield each
