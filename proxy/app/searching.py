"""Searches the contents of exchanges for a text: opens one after the other, newest first. The result names records, and holds
nothing of any content.

A text is found where its characters stand together in what was sent or answered, in either case, written as they are or as JSON
escapes them. An answer that came in events holds its words in pieces; a text that runs over two pieces is not found in it. Of a
content that is larger than a page shows, so much of the beginning is looked through.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.ledger import store_exchanges
from proxy.ledger.store import Store
from proxy.ledger.store_analysis import Beginnings
from proxy.ledger.store_content import MOST_SHOWN_BYTES
from proxy.ledger.store_exchanges import Wanted

MOST_OPENED = 100_000
_PAGE = 200
_AT_ONCE_BYTES = 16 * 1024 * 1024
_TOLD = ("at", "principal", "upstream")


@dataclass(frozen=True)
class Search:
    """What for, in which exchanges, and at how many hits it ends."""

    text: str
    wanted: Wanted
    most: int


def forms(text: str) -> tuple[bytes, ...]:
    """A text as it may stand in a content, in lower case."""
    lower = text.lower()
    written = (lower, json.dumps(lower)[1:-1], json.dumps(lower, ensure_ascii=False)[1:-1])
    return tuple(dict.fromkeys(each.encode("utf-8", "surrogatepass") for each in written))


def holds(content: bytes | None, wanted: tuple[bytes, ...]) -> bool:
    """Whether a content holds one of the forms of a text."""
    if content is None:
        return False
    lower = content.decode("utf-8", "replace").lower().encode("utf-8", "surrogatepass")
    return any(form in lower for form in wanted)


async def search(url: str, master: AESGCM, asked: Search, told: Callable[[int, int, str], None]) -> tuple[dict[str, Any], bool]:
    """`{hits: [{record, at, principal, upstream, in: [request, answer]}], opened, closed, complete}`, and whether it was cut short.

    `closed`: contents that could not be opened. `complete`: every exchange that was asked for was looked at. Raises:
    StoreUnavailableError.
    """
    store = await Store.look(url)
    hits: list[dict[str, Any]] = []
    seen = {"opened": 0, "closed": 0}
    partial = complete = False
    try:
        complete = await _through(store, master, asked, told, hits, seen)
    except asyncio.CancelledError:
        partial = True
    finally:
        await store.close()
    return {"hits": hits, **seen, "complete": complete}, partial


async def _through(
    store: Store,
    master: AESGCM,
    asked: Search,
    told: Callable[[int, int, str], None],
    hits: list[dict[str, Any]],
    seen: dict[str, int],
) -> bool:
    total = await store_exchanges.count(store, asked.wanted, most=MOST_OPENED + 1)
    wanted, cursor, done = forms(asked.text), None, 0
    beginnings = Beginnings(store, master)
    while True:
        rows, cursor = await store_exchanges.page(store, asked.wanted, limit=_PAGE, cursor=cursor)
        for group in _groups(rows):
            opened = await beginnings.of([row["id"] for row in group], MOST_SHOWN_BYTES)
            for row in group:
                if len(hits) >= asked.most or done >= MOST_OPENED:
                    return False
                done += 1
                found = opened[row["id"]]
                seen["closed" if found.request is None and found.answer is None else "opened"] += 1
                where = [name for name, part in (("request", found.request), ("answer", found.answer)) if holds(part, wanted)]
                if where:
                    hits.append({"record": row["id"], **{name: row[name] for name in _TOLD}, "in": where})
                told(done, total, f"{done:,} exchanges opened, {len(hits):,} hold it")
        if cursor is None:
            return True


def _groups(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Exchanges in order, so many at once as are opened by one query and held in memory."""
    group: list[dict[str, Any]] = []
    held = 0
    for row in rows:
        group.append(row)
        held += min(row["request_bytes"], MOST_SHOWN_BYTES) + min(row["answer_bytes"], MOST_SHOWN_BYTES)
        if held >= _AT_ONCE_BYTES:
            yield group
            group, held = [], 0
    if group:
        yield group
