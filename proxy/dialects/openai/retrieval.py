"""Vector stores: files put where a model or a search finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.openai import requests
from proxy.dialects.openai.content import add_content
from proxy.dialects.openai.rows import about, asking
from proxy.dialects.parameters import Reader, odd, reference
from proxy.dialects.turns import Turn

_add_file = reference("file")


def _files(facts: RequestFacts, value: Any) -> None:
    """`[{"file_id": …, "attributes": …}]`."""
    if type(value) is not list:
        odd(facts)
        return
    for entry in value:
        _add_file(facts, entry.get("file_id") if type(entry) is dict else entry)


def query_turns(body: Any) -> Iterator[Turn]:
    """What is searched for, a text or several."""
    query = body.get("query") if type(body) is dict else None
    for one in query if type(query) is list else [query]:
        if one is not None:
            turn = Turn("user")
            add_content(turn, one)
            yield turn


_FILES: dict[str, Reader] = {"file_ids": _add_file, "file_id": _add_file, "files": _files}
_read_store = requests.reader(_FILES)
_read_search = requests.reader({}, query_turns)

_STORE = "/v1/vector_stores/{vector_store_id}"
_FILE = _STORE + "/files/{file_id}"
_BATCH = _STORE + "/file_batches/{file_batch_id}"

ROWS = (
    asking("vector_store_create", "/v1/vector_stores", _read_store, "vector_store"),
    about("vector_stores", "GET", "/v1/vector_stores"),
    asking("vector_store_search", _STORE + "/search", _read_search, turns=query_turns),
    asking("vector_store_file_add", _STORE + "/files", _read_store),
    about("vector_store_files", "GET", _STORE + "/files"),
    about("vector_store_file_content", "GET", _FILE + "/content"),
    about("vector_store_file", "GET", _FILE),
    asking("vector_store_file_update", _FILE, _read_store),
    about("vector_store_file_remove", "DELETE", _FILE),
    asking("file_batch_create", _STORE + "/file_batches", _read_store, "file_batch"),
    about("file_batch_files", "GET", _BATCH + "/files"),
    about("file_batch_cancel", "POST", _BATCH + "/cancel", "file_batch"),
    about("file_batch", "GET", _BATCH, "file_batch"),
    about("vector_store", "GET", _STORE, "vector_store"),
    asking("vector_store_update", _STORE, _read_store, "vector_store"),
    about("vector_store_delete", "DELETE", _STORE),
)
