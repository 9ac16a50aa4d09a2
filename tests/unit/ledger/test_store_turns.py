"""Turns of sessions in the store: each once, in pages, a true end before an assumed one, and gone with their session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.control.reindex import _project_again
from proxy.ledger import store_retention, store_turns
from proxy.ledger.store import Store
from proxy.ledger.store_exchanges import BadCursorError
from proxy.ledger.store_rows import DAY_US
from proxy.ledger.store_ship import ship
from tests.ledgers import NOON, Writer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty one."""
    opened = await Store.open(f"sqlite:///{tmp_path}/store.sqlite")
    yield opened
    await opened.close()


async def test_a_turn_is_one_row_with_its_end(store: Store) -> None:
    """Begun and ended entries come to one row, whether they are shipped together or not; shipping again changes nothing."""
    writer = Writer()
    carrier = writer.session([b"frames"])
    for _ in range(2):
        await ship(store, writer.batch())
    first, second = (await store_turns.page(store, carrier))[0]
    assert (first["number"], first["outcome"], first["finish"], first["usage"]["output"]) == (1, "completed", "completed", 4)
    assert (second["number"], second["outcome"], second["asked_audio"]) == (2, None, 10)
    assert first["at"] < second["at"]
    assert await store_turns.count(store, carrier) == 2
    before = await store_turns.page(store, carrier)
    await _project_again(store, lambda *_: None)
    assert await store_turns.page(store, carrier) == before


async def test_a_true_end_outlives_an_assumed_one(store: Store) -> None:
    """In either order."""
    writer = Writer()
    carrier = writer.session([b"frames"])
    name = writer.turn(carrier, 3)
    await ship(store, writer.batch())
    for outcome in ("unknown_after_crash", "completed", "unknown_after_crash"):
        later = Writer(epoch=writer.epoch + 1, at=writer.at)
        writer = later
        later.turn(carrier, 3, name=name, outcome=outcome)
        await ship(store, later.batch())
    assert (await store_turns.page(store, carrier))[0][2]["outcome"] == "completed"


async def test_turns_come_in_pages_and_go_with_their_session(store: Store) -> None:
    """By number; another session's are not among them; a cursor that was not made here is refused."""
    writer = Writer()
    one, other = writer.session([b"a"]), writer.session([b"b"])
    await ship(store, writer.batch())
    items, cursor = await store_turns.page(store, one, limit=1)
    rest, end = await store_turns.page(store, one, limit=1, cursor=cursor)
    assert ([turn["number"] for turn in items + rest], end) == ([1, 2], None)
    with pytest.raises(BadCursorError):
        await store_turns.page(store, one, cursor="x")
    await store_retention.forget_evidence(store, NOON + 2 * DAY_US)
    assert await store_turns.count(store, one) + await store_turns.count(store, other) == 0
