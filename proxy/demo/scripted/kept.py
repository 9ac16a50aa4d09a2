"""Finds who answers a request about what a provider keeps: a table for each dialect, all of them on one store."""

from __future__ import annotations

import re
from types import ModuleType

from proxy.demo.scripted import (
    anthropic,
    anthropic_kept,
    gemini,
    gemini_kept,
    openai_batches,
    openai_files,
    openai_kept,
    openai_rest,
    openai_stores,
    openai_threads,
)
from proxy.demo.scripted.content import Maker

Rows = tuple[tuple[str, str, Maker], ...]

_OPENAI: Rows = (
    *openai_kept.ROWS,
    *openai_files.ROWS,
    *openai_batches.ROWS,
    *openai_stores.ROWS,
    *openai_threads.ROWS,
)
_TABLES: dict[str, Rows] = {
    openai_rest.__name__: _OPENAI,
    anthropic.__name__: anthropic_kept.ROWS,
    gemini.__name__: gemini_kept.ROWS,
}
CARRIERS: frozenset[Maker | None] = frozenset(
    {
        openai_files.create,
        openai_files.part,
        openai_files.container_file,
        anthropic_kept.create,
        anthropic_kept.upload,
        gemini_kept.upload,
        gemini_kept.batch,
    }
)
"""Who takes a body that carries others: a script in it is not the request's, but that of the line or entry in which it stands."""

_VERSION = re.compile(r"(?:/[^/]+)*?/v[0-9]\w*(?:/openai)?(?=/)")
_FIRST = re.compile(r"/(\w+)")


def _indexed(rows: Rows) -> dict[tuple[str, str], list[tuple[re.Pattern[str], Maker]]]:
    index: dict[tuple[str, str], list[tuple[re.Pattern[str], Maker]]] = {}
    for method, pattern, maker in rows:
        index.setdefault((method, _FIRST.findall(pattern)[0]), []).append((re.compile(pattern), maker))
    return index


_INDEX = {dialect: _indexed(rows) for dialect, rows in _TABLES.items()}


def find(dialect: ModuleType, method: str, path: str) -> tuple[Maker, dict[str, str]] | None:
    """Who answers, and what stands in the places of the path; None when it is about nothing that is kept."""
    version = _VERSION.match(path)
    rest = path[version.end() :] if version else ""
    first = _FIRST.match(rest)
    for pattern, maker in _INDEX[dialect.__name__].get((method, first[1]), ()) if first else ():
        if found := pattern.fullmatch(rest):
            return maker, found.groupdict()
    return None
