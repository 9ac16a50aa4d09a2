"""People and their programs, as far as the admin API has to know them. Every change is an entry of the ledger before it counts."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from proxy.core.errors import TosProxyError
from proxy.ledger.access_tables import api_tokens, users
from proxy.ledger.store import Store

TOKEN_PREFIX = "ta_"  # noqa: S105 - by which people and scanners recognise one

Record = Callable[[str, dict[str, str | int]], Awaitable[None]]


class UserExistsError(TosProxyError):
    """There is a user of this name already."""


class NoSuchUserError(TosProxyError):
    """Nobody has this name."""


class NoSuchTokenError(TosProxyError):
    """No token has this id, or it is revoked."""


@dataclass(frozen=True)
class User:
    """A person. `password` is a hash, empty for those who come by single sign-on; `subject` names these. Times as in the store."""

    name: str
    role: str
    password: str
    subject: str
    disabled: bool
    created_at: int
    changed_at: int


@dataclass(frozen=True)
class Token:
    """A program's token, never the token itself. `until` is None without an end."""

    id: str
    user: str
    title: str
    scopes: tuple[str, ...]
    created_at: int
    until: int | None
    revoked_at: int | None


async def add_user(store: Store, user: User, by: str, record: Record) -> None:
    """Keep a new user. Raises: UserExistsError, StoreUnavailableError, whatever `record` raises."""
    async with store.write() as connection:
        try:
            await connection.execute(insert(users).values(**vars(user)))
        except IntegrityError:
            raise UserExistsError(f"there is a user named {user.name} already") from None
        await record("user_added", {"user": user.name, "role": user.role, "by": by})


async def change_user(store: Store, name: str, at: int, by: str, record: Record, **values: Any) -> None:
    """Change `role`, `password` (a hash) or `disabled`; which of them is recorded, a hash is not. Raises: NoSuchUserError, as
    `add_user`.
    """
    async with store.write() as connection:
        done = await connection.execute(update(users).where(users.c.name == name).values(changed_at=at, **values))
        if not done.rowcount:
            raise NoSuchUserError(f"there is no user named {name}")
        told = {key: int(value) if isinstance(value, bool) else value for key, value in values.items() if key != "password"}
        await record("user_changed", {"user": name, "by": by, "changed": ", ".join(values), **told})


async def user_named(store: Store, name: str) -> User | None:
    """The user of this name. Raises: StoreUnavailableError."""
    return await _user(store, users.c.name == name)


async def user_of(store: Store, subject: str) -> User | None:
    """The user whom single sign-on names so. Raises: StoreUnavailableError."""
    return await _user(store, users.c.subject == subject)


async def _user(store: Store, condition: Any) -> User | None:
    async with store.read() as connection:
        row = (await connection.execute(select(users).where(condition))).mappings().first()
    return _shown_user(row) if row is not None else None


async def list_users(store: Store, *, limit: int = 200, after: str = "") -> list[User]:
    """Users by name, those after `after`. Raises: StoreUnavailableError."""
    query = select(users).where(users.c.name > after).order_by(users.c.name).limit(limit)
    async with store.read() as connection:
        return [_shown_user(row) for row in (await connection.execute(query)).mappings()]


async def add_token(
    store: Store, user: str, title: str, scopes: Sequence[str], at: int, record: Record, *, until: int | None
) -> tuple[Token, str]:
    """A new token and its text, which cannot be had again. Raises: NoSuchUserError, else as `add_user`."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = Token("tok_" + secrets.token_hex(8), user, title, tuple(scopes), at, until, None)
    row = {
        "id": token.id,
        "digest": token_digest(text),
        "user_name": user,
        "title": title,
        "scopes": msgspec.json.encode(list(scopes)).decode(),
        "created_at": at,
        "until": until,
    }
    async with store.write() as connection:
        if (await connection.execute(select(users.c.name).where(users.c.name == user))).first() is None:
            raise NoSuchUserError(f"there is no user named {user}")
        await connection.execute(insert(api_tokens).values(row))
        await record("token_added", {"token": token.id, "user": user, "scopes": ", ".join(scopes)})
    return token, text


async def revoke_token(store: Store, token_id: str, at: int, by: str, record: Record) -> None:
    """The token opens nothing from now on. Raises: NoSuchTokenError, else as `add_user`."""
    async with store.write() as connection:
        open_still = (api_tokens.c.id == token_id) & api_tokens.c.revoked_at.is_(None)
        done = await connection.execute(update(api_tokens).where(open_still).values(revoked_at=at))
        if not done.rowcount:
            raise NoSuchTokenError(f"there is no token {token_id} that opens anything")
        await record("token_revoked", {"token": token_id, "by": by})


async def bearer_of(store: Store, text: str, at: int) -> tuple[User, Token] | None:
    """Whose token this is, unless it has ended, is revoked, or its user is disabled. Raises: StoreUnavailableError."""
    query = select(api_tokens).where(api_tokens.c.digest == token_digest(text), api_tokens.c.revoked_at.is_(None))
    async with store.read() as connection:
        row = (await connection.execute(query)).mappings().first()
    if row is None or (row["until"] is not None and row["until"] <= at):
        return None
    user = await user_named(store, row["user_name"])
    return (user, _shown_token(row)) if user is not None and not user.disabled else None


async def list_tokens(
    store: Store, user: str | None = None, *, limit: int | None = None, before: tuple[int, str] | None = None
) -> list[Token]:
    """All tokens, or those of one user, the newest first; those made before the time and id in `before`. Raises:
    StoreUnavailableError.
    """
    columns = api_tokens.c
    query = select(api_tokens).order_by(columns.created_at.desc(), columns.id.desc()).limit(limit)
    if user is not None:
        query = query.where(columns.user_name == user)
    if before is not None:
        at, name = before
        query = query.where((columns.created_at < at) | ((columns.created_at == at) & (columns.id < name)))
    async with store.read() as connection:
        return [_shown_token(row) for row in (await connection.execute(query)).mappings()]


def token_digest(text: str) -> str:
    """What a token is found by: they are random, so that a plain hash tells nothing."""
    return hashlib.sha256(text.encode()).hexdigest()


def _shown_user(row: RowMapping) -> User:
    return User(**{**row, "disabled": bool(row["disabled"])})


def _shown_token(row: RowMapping) -> Token:
    scopes = tuple(msgspec.json.decode(row["scopes"]))
    return Token(row["id"], row["user_name"], row["title"], scopes, row["created_at"], row["until"], row["revoked_at"])
