"""People and the tokens of their programs, on both stores."""

from __future__ import annotations

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import store_access
from proxy.ledger.store import Store
from proxy.ledger.store_access import NoSuchTokenError, NoSuchUserError, User, UserExistsError

ADA = User("ada", "reviewer", "a hash", "https://sso.example#1", False, 1, 1)


class _Ledger:
    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, str | int]]] = []
        self.refuses = False

    async def record(self, event: str, detail: dict[str, str | int]) -> None:
        if self.refuses:
            raise LedgerUnavailableError("no space")
        self.entries.append((event, detail))


async def test_users_and_tokens_are_kept_as_they_were_given(store_url: str) -> None:
    """Found by name, by subject and by token; a token's text and a password's hash are in no entry."""
    store, ledger = await Store.open(store_url), _Ledger()
    try:
        await store_access.add_user(store, ADA, "root", ledger.record)
        with pytest.raises(UserExistsError):
            await store_access.add_user(store, ADA, "root", ledger.record)
        assert await store_access.user_named(store, "ada") == await store_access.user_of(store, ADA.subject) == ADA
        token, text = await store_access.add_token(store, "ada", "a job", ["read"], 5, ledger.record, until=10)
        assert await store_access.bearer_of(store, text, 9) == (ADA, token)
        assert await store_access.bearer_of(store, text, 10) is None
        assert await store_access.bearer_of(store, text + "x", 9) is None
        await store_access.change_user(store, "ada", 6, "root", ledger.record, disabled=True, password="another hash")
        assert await store_access.bearer_of(store, text, 9) is None
        await store_access.change_user(store, "ada", 7, "root", ledger.record, disabled=False)
        await store_access.revoke_token(store, token.id, 8, "root", ledger.record)
        assert await store_access.bearer_of(store, text, 9) is None
        assert [one.revoked_at for one in await store_access.list_tokens(store, "ada")] == [8]
        with pytest.raises(NoSuchTokenError):
            await store_access.revoke_token(store, token.id, 9, "root", ledger.record)
        with pytest.raises(NoSuchUserError):
            await store_access.add_token(store, "bob", "", [], 5, ledger.record, until=None)
        with pytest.raises(NoSuchUserError):
            await store_access.change_user(store, "bob", 6, "root", ledger.record, role="admin")
        assert [event for event, _ in ledger.entries] == [
            "user_added",
            "token_added",
            "user_changed",
            "user_changed",
            "token_revoked",
        ]
        assert not [told for told in (text, "a hash", "another hash") if told in repr(ledger.entries)]
    finally:
        await store.close()


async def test_what_cannot_be_recorded_does_not_happen(store_url: str) -> None:
    """The entry comes first: without it nothing is kept."""
    store, ledger = await Store.open(store_url), _Ledger()
    try:
        ledger.refuses = True
        with pytest.raises(LedgerUnavailableError, match="no space"):
            await store_access.add_user(store, ADA, "root", ledger.record)
        assert await store_access.user_named(store, "ada") is None
    finally:
        await store.close()
