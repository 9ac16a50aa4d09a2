"""Search in contents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.app.searching import Search, forms, holds, search
from proxy.ledger.store_exchanges import Wanted
from tests.unit.admin.conftest import Admin, admin

__all__ = ["admin"]


@pytest.mark.parametrize("content", ["Ein Größer Test", json.dumps("ein größer test"), json.dumps("größer", ensure_ascii=False)])
def test_a_text_is_found_as_json_writes_it(content: str) -> None:
    """In either case, escaped or not; another text is not, and nothing is found in what is not there."""
    assert holds(content.encode(), forms("Größer"))
    assert not holds(content.encode(), forms("kleiner"))
    assert not holds(None, forms("Größer"))


async def test_records_are_named_and_nothing_is_quoted(admin: Admin, tmp_path: Path) -> None:
    """A hit names the record and the side; the search ends at its bound, and says when it was not complete."""
    records = [admin.writer.exchange(principal=name, request=b"say Mandragora", answer=b"no") for name in ("a", "b", "a")]
    admin.writer.exchange(principal="a", request=b"hello", answer=b"mandragora")
    await admin.ship()
    url, told = f"sqlite:///{tmp_path}/store.sqlite", []
    found, partial = await search(
        url, admin.master, Search("mandragora", Wanted({"principal": "a"}), 10), lambda *said: told.append(said)
    )
    assert (partial, found["complete"], found["opened"], found["closed"]) == (False, True, 3, 0)
    assert {hit["record"] for hit in found["hits"]} >= {records[0], records[2]}
    assert sorted(hit["in"] for hit in found["hits"]) == [["answer"], ["request"], ["request"]]
    assert "andragora" not in json.dumps(found)
    assert told[-1][:2] == (3, 3)
    less, _ = await search(url, admin.master, Search("mandragora", Wanted({}), 1), lambda *_: None)
    assert (len(less["hits"]), less["complete"]) == (1, False)
