"""Queries of the past, read from a store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.ledger.record import Refusal, Versions
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from proxy.provenance import calls as module
from proxy.provenance.calls import Portion, Span, calls
from tests.ledgers import NOON, Writer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/store.db")
    yield opened
    await opened.close()


async def read(store: Store, span: Span | None = None) -> Portion:
    """All portions as one."""
    whole = Portion()
    async for portion in calls(store, span or Span()):
        whole.calls += portion.calls
        whole.skipped += portion.skipped
        whole.passed, whole.total = portion.passed, portion.total
    return whole


async def test_each_query_once(store: Store) -> None:
    """Exchanges, lines with what their carrier knows, turns once though they are told of twice; outcomes stand for none."""
    writer = Writer()
    plain = writer.exchange()
    carrier = writer.carrier([b"{}"] * 3, host="batch.example", versions=Versions(contract="ours"), project="lab")
    session = writer.session([b"x"])
    await ship(store, writer.batch())
    found = await read(store)
    assert [entry.id for entry, _ in found.calls if not entry.carrier] == [plain, carrier, session]
    lines = [call for entry, call in found.calls if entry.carrier == carrier]
    assert [(call.host, call.contract, call.principal.project, call.endpoint) for call in lines] == [
        ("batch.example", "ours", "lab", "batch_line")
    ] * 3
    assert len([entry for entry, _ in found.calls if entry.carrier == session]) == 2
    assert found.passed == found.total
    assert found.skipped == 0


async def test_what_no_rule_was_asked_about_is_skipped(store: Store) -> None:
    """A refusal before that; a line whose carrier never went anywhere."""
    writer = Writer()
    known = writer.intent(writer.new_id())
    values = {name: getattr(known, name) for name in known.__struct_fields__}
    writer.entry(Refusal(**values | {"id": writer.new_id(), "seq": writer.next_seq()}, status=401, error="unknown_key"))
    writer.carrier([b"{}"])
    del writer.frames[-2:]  # its intent and its outcome
    await ship(store, writer.batch())
    found = await read(store)
    assert [entry.id for entry, _ in found.calls] == [known.id]
    assert found.skipped == 2


async def test_only_what_is_asked_for(store: Store) -> None:
    """By time, principal and upstream."""
    writer = Writer()
    for principal, upstream in (("alice", "openai"), ("bob", "openai"), ("alice", "deepseek")):
        writer.exchange(principal=principal, upstream=upstream)
    await ship(store, writer.batch())

    async def names(span: Span) -> list[tuple[str, str]]:
        return [(entry.principal, entry.upstream) for entry, _ in (await read(store, span)).calls]

    assert await names(Span(principals=frozenset(["alice"]))) == [("alice", "openai"), ("alice", "deepseek")]
    assert await names(Span(principals=frozenset(["alice"]), upstreams=frozenset(["openai"]))) == [("alice", "openai")]
    assert await names(Span(until=NOON)) == []
    assert len(await names(Span(since=NOON, until=NOON + 10**9))) == 3


async def test_few_carriers_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are not are looked up again."""
    monkeypatch.setattr(module, "_MOST_CARRIERS", 1)
    writer = Writer()
    carriers = [writer.carrier([b"{}"] * 2) for _ in range(4)]
    await ship(store, writer.batch())
    assert sorted(entry.carrier for entry, _ in (await read(store)).calls if entry.carrier) == sorted(carriers * 2)
