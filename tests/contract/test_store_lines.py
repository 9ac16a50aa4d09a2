"""Lines of carriers on every store: each once, in pages, opened from their carrier's seal, and gone with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from proxy.app.explaining import of_record
from proxy.app.sets import RuleSet
from proxy.control.reindex import _project_again
from proxy.core.facts import RequestFacts
from proxy.core.rules import Bundle, Rule
from proxy.core.terms import Models
from proxy.ledger import store_lines, store_retention
from proxy.ledger.record import Piece
from proxy.ledger.store import Store
from proxy.ledger.store_exchanges import BadCursorError, Evidence, record
from proxy.ledger.store_keys import stored_name
from proxy.ledger.store_lines import ShownLine
from proxy.ledger.store_results import carriers_of
from proxy.ledger.store_rows import DAY_US
from proxy.ledger.store_ship import ship, ship_keys
from tests.ledgers import NOON, Writer

MASTER = AESGCM(bytes(32))
LINES = [b'{"line": %d, "text": "%b"}' % (number, b"x" * (number * 40)) for number in range(30)]


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


async def shipped(store: Store, writer: Writer) -> None:
    """Ship all, and the keys."""
    await ship(store, writer.batch())
    for key, secret in writer.ring.keys.items():
        name, nonce = stored_name(writer.instance, key), bytes(12)
        await ship_keys(store, [(name, writer.instance, "p", "2026-09", nonce + MASTER.encrypt(nonce, secret, name.encode()))])


async def evidence_of(store: Store, carrier: str) -> Evidence:
    """The carrier's."""
    found = await record(store, carrier)
    assert found is not None
    return found


async def all_of(store: Store, carrier: str, limit: int) -> list[ShownLine]:
    """Every page, one after the other."""
    found: list[ShownLine] = []
    cursor: str | None = None
    while True:
        items, cursor = await store_lines.page(store, await evidence_of(store, carrier), MASTER, limit=limit, cursor=cursor)
        found += items
        if cursor is None:
            return found


@pytest.mark.parametrize("ahead", [None, [5, 400, 3000], [200] * 20])
async def test_every_line_opens_from_its_carrier_in_pages_of_any_size(store: Store, ahead: list[int] | None) -> None:
    """However the body came to the spool; another carrier's lines are not among them, and shipping again changes nothing."""
    writer = Writer()
    writer.carrier([b"other"])
    carrier = writer.carrier(LINES, ahead=ahead)
    await shipped(store, writer)
    await shipped(store, writer)
    assert await store_lines.count(store, carrier) == len(LINES)
    for limit in (1, 7, 500):
        found = await all_of(store, carrier, limit)
        assert [line.content for line in found] == LINES
        assert all(line.opens for line in found)
    with pytest.raises(BadCursorError):
        await store_lines.page(store, await evidence_of(store, carrier), MASTER, cursor="x")


async def test_a_line_that_is_joined_opens_from_the_records_of_its_parts(store: Store) -> None:
    """Each piece from its own record's body; when one of them has gone, it cannot be shown, and that is said."""
    writer = Writer()
    first, second = writer.carrier([b"one", b"tw"], ahead=[5]), writer.carrier([b"o", b"three"])
    places = {1: (Piece(first, 4, 2), Piece(second, 0, 1))}
    carrier = writer.carrier([b"{}", b"two", b"[]"], joined=places)
    await shipped(store, writer)
    found = await all_of(store, carrier, 500)
    assert [(line.content, line.opens) for line in found] == [(b"{}", True), (b"two", True), (b"[]", True)]
    async with store.write() as connection:
        await connection.execute(text("DELETE FROM contents WHERE record_id = :id"), {"id": second})
    assert [(line.content, line.reason) for line in await all_of(store, carrier, 500)] == [(None, "erased")] * 3


async def test_requests_that_made_a_file_are_found_by_the_lines_between_them(store: Store) -> None:
    """From the last one back: each begins with the rest of a line of the one before. A carrier by itself is all there is."""
    writer = Writer()
    first = writer.carrier([b"one", b"tw"])
    second = writer.carrier([b"two"], joined={0: (Piece(first, 4, 2),)})
    third = writer.carrier([b"{}", b"[]"], joined={0: (Piece(second, 0, 1), Piece("self", 0, 1))})
    await shipped(store, writer)
    assert await carriers_of(store, third) == [third, second, first]
    assert await carriers_of(store, first) == [first]
    assert await carriers_of(store, "") == [""]


async def test_a_line_whose_bytes_are_others_does_not_open(store: Store) -> None:
    """The commitment is held against what the carrier's seal gives."""
    writer = Writer()
    carrier = writer.carrier(LINES)
    await shipped(store, writer)
    async with store.write() as connection:
        await connection.execute(text('UPDATE lines SET "offset" = 0 WHERE number = 1'))
    (_, second), _ = await store_lines.page(store, await evidence_of(store, carrier), MASTER, limit=2)
    assert second.opens is False


async def test_lines_of_an_encoded_carrier_are_listed_and_not_opened(store: Store) -> None:
    """Their places are those in the decoded body."""
    writer = Writer()
    carrier = writer.carrier(LINES[:2], facts=RequestFacts(flags=["encoded_lines"], lines=2))
    await shipped(store, writer)
    found = await all_of(store, carrier, 10)
    assert [(line.content, line.reason, line.opens) for line in found] == [(None, "encoded", None)] * 2


async def test_a_carrier_is_explained_by_the_strictest_of_its_lines(store: Store) -> None:
    """How its lines were decided, the first that was denied as it is judged now, and no difference where that has stayed."""
    writer = Writer()
    carrier = writer.carrier(LINES[:5], denied={2, 3}, decision="deny", rules=("no",), facts=RequestFacts(lines=5))
    await shipped(store, writer)
    rule = Rule("no", "deny", match={"endpoint": ("batch_line",)})
    same, gone = [
        await of_record(store, carrier, RuleSet({each.name: each for each in rules}, {}, Models(), {}, Bundle()), ())
        for rules in ((rule,), ())
    ]
    assert same.carried == {"allow": 3, "deny": 2}
    assert same.strictest is not None
    assert same.strictest.explanation.decision.effect == same.strictest.recorded["decision"] == "deny"
    told = {name: [line for line in each.differs if "decision" in line] for name, each in (("same", same), ("gone", gone))}
    assert told == {"same": [], "gone": ["decision: deny then, allow now"]}


async def test_lines_go_with_their_carrier(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content first, all of it; evidence in slices however many lines a carrier has; a later day's stay."""
    monkeypatch.setattr(store_retention, "_SLICE", 7)
    writer = Writer()
    old = writer.carrier(LINES)
    writer.at += 2 * DAY_US
    young = writer.carrier(LINES[:3])
    await shipped(store, writer)
    await store_retention.forget_contents(store, NOON + DAY_US, NOON + 3 * DAY_US)
    (first, *_), _ = await store_lines.page(store, await evidence_of(store, old), MASTER)
    assert (first.content, first.reason) == (None, "erased")
    await store_retention.forget_evidence(store, NOON + 2 * DAY_US)
    assert (await store_lines.count(store, old), await store_lines.count(store, young)) == (0, 3)


async def test_a_reindex_computes_them_again(store: Store) -> None:
    """From the entries alone."""
    writer = Writer()
    carrier = writer.carrier(LINES)
    await shipped(store, writer)
    async with store.write() as connection:
        await connection.execute(text("DELETE FROM lines"))
    await _project_again(store, lambda _what, _count: None)
    assert [line.content for line in await all_of(store, carrier, 100)] == LINES
