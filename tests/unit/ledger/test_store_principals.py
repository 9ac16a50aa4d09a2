"""Added principals as both kinds of store keep them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.core.principal import Principal
from proxy.ledger.store import Store
from proxy.ledger.store_principals import NoSuchPrincipalError, PrincipalExistsError, add, listed, named, rotate, suspend
from tests import servers

postgres, store_url = servers.postgres, servers.store_url
_BATCH = Principal("batch", ("eval.private", "use.product"), "use.product", {"team": "x"}, "p1", "digests", virtual=True)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


async def recorded(_event: str, _detail: dict[str, str | int]) -> None:
    """A ledger that takes everything."""


async def refused(_event: str, _detail: dict[str, str | int]) -> None:
    """A ledger that takes nothing."""
    raise LedgerUnavailableError("disk full")


async def test_a_principal_is_kept_as_it_was_given(store: Store) -> None:
    """Everything but the key comes back; the same name again is an error."""
    await add(store, _BATCH, 5, recorded)
    found = await named(store, "batch")
    assert found is not None
    assert (found.principal, found.suspended, found.created_at) == (_BATCH, False, 5)
    with pytest.raises(PrincipalExistsError):
        await add(store, _BATCH, 6, recorded)
    assert await named(store, "Batch") is None


async def test_names_sort_by_their_bytes(store: Store) -> None:
    """Order and pages are the same on either database, whatever its collation."""
    for name in ("b", "B", "a-1", "a.1", "_", "Z"):
        await add(store, Principal(name), 1, recorded)
    names = [one.principal.name for one in await listed(store)]
    assert names == sorted(names)
    assert [one.principal.name for one in await listed(store, limit=2, after=names[1])] == names[2:4]


async def test_a_change_without_its_entry_is_undone(store: Store) -> None:
    """When the ledger refuses the entry of a change, the store is as before."""
    with pytest.raises(LedgerUnavailableError):
        await add(store, _BATCH, 5, refused)
    assert await listed(store) == []
    await add(store, _BATCH, 5, recorded)
    before = await named(store, "batch")
    for change in (rotate, suspend):
        with pytest.raises(LedgerUnavailableError):
            await change(store, "batch", 6, refused)
    assert await named(store, "batch") == before


async def test_who_was_not_added_cannot_be_changed(store: Store) -> None:
    """Rotation and suspension of an unknown name are errors, and nothing is recorded."""
    for change in (rotate, suspend):
        with pytest.raises(NoSuchPrincipalError):
            await change(store, "nobody", 6, refused)


async def test_keys_end_and_are_forgotten(store: Store) -> None:
    """A grace never lengthens an earlier end, and a rotation without one leaves the new key alone."""
    await add(store, _BATCH, 0, recorded)
    await rotate(store, "batch", 10, recorded, grace=100)
    await rotate(store, "batch", 20, recorded, grace=1000)
    found = await named(store, "batch")
    assert found is not None
    assert [key.until for key in found.keys] == [110, 1020, None]
    await rotate(store, "batch", 500, recorded)
    found = await named(store, "batch")
    assert found is not None
    assert [key.until for key in found.keys] == [None]
