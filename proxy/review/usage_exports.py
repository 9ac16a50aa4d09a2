"""Reads what providers export of usage: pages of OpenAI's and Anthropic's usage APIs, their and Google's CSV, BigQuery rows as
JSON, and any CSV by a map of its columns.

Names of columns are compared in small letters with `_` for everything else, and nested objects by their path, so that
`SKU description`, `sku.description` and `{"sku": {"description": …}}` are one. A file is read whole: it
holds a row for a day, key and model.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proxy.core.errors import TosProxyError

FIELDS = ("day", "key", "model", "requests", "input", "output")
DAY_SECONDS = 86_400

Columns = Mapping[str, Sequence[str]]
"""Of each field, names of columns: the first that has a value, of numbers the sum of all that have."""

COLUMNS: dict[str, Columns] = {
    "openai": {
        "day": ("start_time", "start_time_iso", "timestamp", "date"),
        "key": ("api_key_id", "api_key_name", "project_id"),
        "model": ("model",),
        "requests": ("num_model_requests", "num_requests"),
        "input": ("input_tokens", "n_context_tokens_total"),
        "output": ("output_tokens", "n_generated_tokens_total"),
    },
    "anthropic": {
        "day": ("starting_at", "usage_date_utc", "date"),
        "key": ("api_key_id", "api_key", "workspace_id", "workspace"),
        "model": ("model", "model_version"),
        "requests": (),
        "input": (
            *("uncached_input_tokens", "cache_read_input_tokens"),
            *("cache_creation_ephemeral_5m_input_tokens", "cache_creation_ephemeral_1h_input_tokens"),
            *("cache_creation_5m_input_tokens", "cache_creation_1h_input_tokens"),
            *("usage_input_tokens_no_cache", "usage_input_tokens_cache_read"),
            *("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h"),
        ),
        "output": ("output_tokens", "usage_output_tokens"),
    },
    "google": {"day": ("usage_start_time", "usage_start_date"), "key": ("project_id",), "model": (), "requests": ()},
}
_TELLING = {
    "google": {"sku_description"},
    "anthropic": {"uncached_input_tokens", "usage_input_tokens_no_cache"},
    "openai": {"num_model_requests", "n_context_tokens_total"},
}

Row = dict[str, Any]


class ExportError(TosProxyError):
    """An export that cannot be read; the text names file and row."""


@dataclass(frozen=True)
class Used:
    """What the provider counted. `day`: days since 1970 UTC; None where an export does not say."""

    day: int
    key: str
    model: str
    requests: int | None
    input: int | None
    output: int | None


@dataclass(frozen=True)
class Export:
    """A file, read. `more`: it says itself that further pages belong to it."""

    provider: str
    used: list[Used]
    more: bool


def read(name: str, content: bytes, provider: str | None, columns: Columns | None = None) -> Export:
    """An export. `provider`: `openai | anthropic | google | csv`, or None to tell by its columns; `columns` go before those known.

    Raises: ExportError.
    """
    rows, more = _rows(name, content)
    whose = provider or _whose(name, rows)
    known: Columns = {**COLUMNS.get(whose, {}), **(columns or {})}
    if not known.get("day"):
        raise ExportError(f"{name}: which column is the day? Name it as --column day=NAME")
    present = {column for row in rows for column in row}
    for field, wanted in (columns or {}).items():
        if rows and not present.intersection(map(_plain, wanted)):
            raise ExportError(f"{name}: the {field} should stand in {' or '.join(wanted)}, and there is no such column")
    used = []
    for number, row in enumerate(rows, 1):
        try:
            found = _google(row, known) if whose == "google" else _used(row, known)
        except (ValueError, OverflowError, TypeError) as error:
            raise ExportError(f"{name}: row {number}: {error}") from None
        if found is not None:
            used.append(found)
    return Export(whose, used, more)


def _rows(name: str, content: bytes) -> tuple[list[Row], bool]:
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip()[:1] in ("{", "["):
            return _json(text)
        return [_flat(row) for row in csv.DictReader(io.StringIO(text), strict=True)], False
    except (ValueError, csv.Error, RecursionError) as error:
        raise ExportError(f"{name}: neither JSON nor CSV: {error}") from None


def _json(text: str) -> tuple[list[Row], bool]:
    """One document, or one a line."""
    try:
        documents = [json.loads(text)]
    except ValueError:
        documents = [json.loads(line) for line in text.splitlines() if line.strip()]
    rows, more = [], False
    for page in _pages(documents):
        more = bool(page.get("has_more"))
        rows += list(_results(page))
    return rows, more


def _pages(documents: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for each in documents:
        if isinstance(each, list):
            yield from _pages(each)
        elif isinstance(each, dict):
            yield each
        else:
            raise ValueError("should hold objects")  # noqa: TRY004 - told as what the file is not


def _results(page: dict[str, Any]) -> Iterator[Row]:
    buckets = page["data"] if isinstance(page.get("data"), list) else [page]
    for bucket in buckets:
        if not isinstance(bucket, dict):
            raise ValueError("a bucket should be an object")  # noqa: TRY004 - as above
        inner = bucket.get("results")
        for result in inner if isinstance(inner, list) else [bucket]:
            times = {name: bucket[name] for name in ("start_time", "starting_at") if name in bucket}
            yield {**times, **_flat(result)}


def _flat(row: Mapping[Any, Any], above: str = "") -> Row:
    flat: Row = {}
    for key, value in row.items():
        name = above + _plain(str(key))
        flat |= _flat(value, f"{name}_") if isinstance(value, dict) else {name: value}
    return flat


def _whose(name: str, rows: list[Row]) -> str:
    present = {column for row in rows[:100] for column in row}
    for provider, telling in _TELLING.items():
        if telling & present:
            return provider
    if not rows:
        raise ExportError(f"{name}: holds no usage")
    raise ExportError(f"{name}: whose export is it? Name it by --provider, with --column for a CSV of its own form")


def _used(row: Row, columns: Columns) -> Used | None:
    return Used(
        _day(_first(row, columns, "day")),
        str(_first(row, columns, "key") or ""),
        str(_first(row, columns, "model") or ""),
        *(_sum(row, columns.get(field, ())) for field in FIELDS[3:]),
    )


def _google(row: Row, columns: Columns) -> Used | None:
    """A row of a bill: what it counts stands in the words of its SKU. Rows that count no tokens are no usage of a model."""
    words = str(row.get("sku_description") or "").lower()
    if "token" not in words or not ("input" in words or "output" in words):
        return None
    amount = _sum(row, ("usage_amount",))
    output = "output token" in words or "input" not in words
    key = str(_first(row, columns, "key") or "")
    return Used(_day(_first(row, columns, "day")), key, "", None, None if output else amount, amount if output else None)


def _first(row: Row, columns: Columns, field: str) -> Any:
    return next((row[name] for name in map(_plain, columns.get(field, ())) if row.get(name) not in (None, "")), None)


def _sum(row: Row, names: Sequence[str]) -> int | None:
    found = [_number(row[name]) for name in map(_plain, names) if row.get(name) not in (None, "")]
    return sum(found) if found else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _number(value: Any) -> int:
    number = float(value.replace(",", "").strip()) if isinstance(value, str) else float(value)
    if not 0 <= number < 1e18:
        raise ValueError(f"{value!r} is no count")
    return round(number)


def _day(value: Any) -> int:
    """Days since 1970 UTC, of seconds since 1970, a day or a moment."""
    if value is None:
        raise ValueError("has no day")
    text = str(value).strip().removesuffix(" UTC")
    if re.fullmatch(r"[0-9]{9,11}(?:\.0*)?", text):
        return int(float(text)) // DAY_SECONDS
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{value!r} is no day") from None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) // DAY_SECONDS
