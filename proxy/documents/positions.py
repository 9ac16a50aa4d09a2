"""Where a place within a text value stands in its file: what a compiler says of it is told as line and column there."""

from __future__ import annotations

import re

from proxy.documents.problems import Path
from proxy.documents.reading import Document

_LINE = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What ends a line for the reader of YAML."""


def place_within(document: Document, path: Path, offset: int) -> str:
    """`file:line:column` of a character of the text value at `path`, whatever style of YAML it is written in. Where the file spells
    the value differently before that character (escapes), the place of the value.
    """
    value = document.at(path)
    start = document.values.get(path)
    found = None
    if isinstance(value, str) and start is not None and document.text:
        found = _located(_LINE.split(document.text), start, value, min(offset, len(value.rstrip())))
    return f"{document.name}:{found[0]}:{found[1]}" if found else document.place(path)


def _located(lines: list[str], start: tuple[int, int], value: str, offset: int) -> tuple[int, int] | None:
    """Goes along the lines of the file and the value at once; white space between lines may differ, since YAML folds it."""
    row, column = start[0] - 1, start[1] - 1
    first = lines[row][column : column + 1]
    if first in ("|", ">"):
        row, column = row + 1, 0
    elif first in ("'", '"'):
        column += 1
    at = 0
    while row < len(lines):
        column += len(lines[row][column:]) - len(lines[row][column:].lstrip())
        while at < len(value) and value[at].isspace():
            at += 1
        same = _same(lines[row], column, value, at)
        if offset <= at + same:
            return row + 1, column + max(offset - at, 0) + 1
        if not same and lines[row][column:]:
            return None
        at += same
        row, column = row + 1, 0
    return None


def _same(line: str, column: int, value: str, at: int) -> int:
    """How many characters of the line from a column on are those of the value."""
    found = 0
    while column + found < len(line) and at + found < len(value) and line[column + found] == value[at + found]:
        found += 1
    return found
