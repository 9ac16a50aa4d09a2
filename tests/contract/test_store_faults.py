"""Faults planted in the store's writing: each must turn the proof that guards against it red, on both kinds of store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.ledger import store_ship
from proxy.ledger.store import Store
from tests.contract import test_store_ship as proofs


async def red(store_url: str, proof: object) -> None:
    """Run the proof on a fresh store; it has to fail."""
    store = await Store.open(store_url)
    try:
        with pytest.raises(AssertionError):
            await proof(store)  # type: ignore[operator]
    finally:
        await store.close()


async def test_overwriting_entries_is_found_out(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that are updated on conflict, so that the second of a fork wins, turn the fork proof red."""
    overwrite = '("instance", "epoch", "seq", "day") DO UPDATE SET evidence = excluded.evidence, leaf = excluded.leaf'
    monkeypatch.setattr(store_ship, "_ENTRIES", replace(store_ship._ENTRIES, conflict=overwrite))
    await red(store_url, lambda store: proofs.test_another_leaf_at_a_taken_place_is_a_fork(store, False))


@pytest.mark.parametrize("other_day", [False, True])
async def test_not_comparing_leaves_is_found_out(store_url: str, monkeypatch: pytest.MonkeyPatch, other_day: bool) -> None:
    """Taking every conflict for a replay turns the fork proof red."""
    monkeypatch.setattr(store_ship, "_forks", lambda *_: [])
    await red(store_url, lambda store: proofs.test_another_leaf_at_a_taken_place_is_a_fork(store, other_day))


async def test_comparing_only_on_conflict_is_found_out(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusting the key, which holds the day, turns the proof of a fork on another day red."""
    monkeypatch.setattr(store_ship, "_taken", lambda batch, new, _known: new < len(batch.entries))
    await red(store_url, lambda store: proofs.test_another_leaf_at_a_taken_place_is_a_fork(store, True))


async def test_letting_an_assumed_outcome_win_is_found_out(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outcome that overwrites whatever is there turns the proof of the true outcome red."""
    always = store_ship._EXCHANGES_ENDED.conflict.partition(" WHERE ")[0]
    monkeypatch.setattr(store_ship, "_EXCHANGES_ENDED", replace(store_ship._EXCHANGES_ENDED, conflict=always))
    await red(store_url, proofs.test_an_assumed_outcome_gives_way_to_the_true_one)


async def test_dropping_later_outcomes_is_found_out(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving a row as its intent made it turns the proof of the later outcome red."""
    monkeypatch.setattr(store_ship, "_EXCHANGES_ENDED", replace(store_ship._EXCHANGES_ENDED, conflict="DO NOTHING"))
    await red(store_url, proofs.test_an_outcome_may_come_later_or_first)
