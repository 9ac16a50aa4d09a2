"""Lists as files: CSV for spreadsheets, JSON Lines for programs. Words are neutral: what is exported is a lead, not a conclusion.

A spreadsheet runs a cell that begins like a formula; such a cell gets an apostrophe before it. Marks that hide or turn a text are
written out, as on pages. JSON Lines are ASCII, and hold values as they are.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi.responses import Response, StreamingResponse

from proxy.admin.pages.rendering import HEADERS
from proxy.admin.pages.texts import unhidden

FORMS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
MOST_ROWS = 50_000
"""Rows of one export; whoever needs more narrows the list, or asks the API."""

PAGE = 500

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Row = Mapping[str, Any]
Pages = Callable[[str | None], Awaitable[tuple[Sequence[Row], str | None]]]
"""Gives a page of rows and the cursor of the next, from a cursor on."""


def cell(value: object) -> str:
    """A value as a spreadsheet may have it."""
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    text = str(value)
    return "'" * text.startswith(_FORMULA) + unhidden(text)


def exported(form: str, name: str, columns: Sequence[str], pages: Pages) -> Response:
    """The response: a file `name`.`form` of these columns, sent as it is read."""
    headers = HEADERS | {"content-disposition": f'attachment; filename="{name}.{form}"'}
    return StreamingResponse(_written(form, columns, pages), headers=headers, media_type=FORMS[form])


async def _written(form: str, columns: Sequence[str], pages: Pages) -> AsyncIterator[bytes]:
    if form == "csv":
        yield _lines([columns])
    cursor: str | None = None
    written = 0
    while written < MOST_ROWS:
        rows, cursor = await pages(cursor)
        written += len(rows)
        if form == "csv":
            yield _lines([[cell(row[name]) for name in columns] for row in rows])
        else:
            yield "".join(json.dumps({name: row[name] for name in columns}) + "\n" for row in rows).encode()
        if cursor is None:
            return


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
