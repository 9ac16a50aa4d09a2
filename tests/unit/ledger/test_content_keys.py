"""The writer's keys."""

from __future__ import annotations

from pathlib import Path

from proxy.ledger import keyring
from tests.unit.ledger.key_parts import DECEMBER, Clock, content_keys, store


def test_a_principal_keeps_its_key_over_restarts_in_a_month(tmp_path: Path) -> None:
    """And has another one in the next month."""
    keys = content_keys(tmp_path)
    first = keys.current("p").name
    store(keys)
    clock = Clock()
    again = content_keys(tmp_path, clock)
    assert again.current("p").name == first
    assert again.take() is None
    clock.now = DECEMBER
    assert again.current("p").name[:7] != first[:7]


def test_principals_do_not_share_keys(tmp_path: Path) -> None:
    """One each."""
    keys = content_keys(tmp_path)
    assert keys.current("a").name != keys.current("b").name
    assert keys.current("a") is keys.current("a")


def test_slots_that_could_not_be_stored_wait_for_the_next_commit(tmp_path: Path) -> None:
    """Given back, they go first."""
    keys = content_keys(tmp_path)
    keys.current("a")
    slots = keys.take()
    assert slots is not None
    keys.current("b")
    keys.give_back(slots)
    (waiting,) = (keys.take() or {}).values()
    assert [keyring.parse_slot(0, raw).principal for raw in waiting] == [keyring.principal_digest(name) for name in "ab"]  # type: ignore[union-attr] # sound
