"""Principals that were added (the configured ones live in the configuration): made, listed, rotated, suspended, resumed.

A virtual key is `tp_` and 43 characters of base64url (256 random bits). It is given to the caller once and kept as SHA-256, which
is enough for a random key. After a rotation the old key goes on for as long as was asked, then ends by its bound in the snapshot.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.core import snapshot
from proxy.core.errors import TosProxyError
from proxy.core.principal import Principal
from proxy.core.rules import Limit
from proxy.ledger.store import Store
from proxy.ledger.store_rows import json_text
from proxy.ledger.tables import principal_keys, principals

VIRTUAL_KEY_PREFIX = "tp_"


Record = Callable[[str, dict[str, str | int]], Awaitable[None]]
"""Makes a change an entry of the ledger: event and details, durable on return. It is called last in the change's transaction,
so that a change without its entry is rolled back."""


class PrincipalExistsError(TosProxyError):
    """There is a principal of this name already."""


class NoSuchPrincipalError(TosProxyError):
    """No principal of this name was added."""


@dataclass(frozen=True)
class Key:
    """A virtual key as it is kept: SHA-256 in hex, times in microseconds, `until` None while it has no end."""

    fingerprint: str
    created_at: int
    until: int | None


@dataclass(frozen=True)
class Added:
    """An added principal with its keys and its own limit, if it has one."""

    principal: Principal
    suspended: bool
    created_at: int
    changed_at: int
    keys: tuple[Key, ...]
    limit: Limit | None = None


def new_virtual_key() -> tuple[str, str]:
    """A key and its fingerprint."""
    key = VIRTUAL_KEY_PREFIX + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


def shown_key(fingerprint: str) -> str:
    """How a key appears to people and in records."""
    return f"key:{fingerprint[:12]}"


async def add(store: Store, principal: Principal, at: int, record: Record, limit: Limit | None = None) -> str:
    """Keep a new principal; gives its virtual key, which cannot be had again.

    Raises: PrincipalExistsError, StoreUnavailableError, whatever `record` raises.
    """
    key, fingerprint = new_virtual_key()
    row = {
        "name": principal.name,
        "purposes": json_text(principal.purposes),
        "purpose": principal.purpose,
        "attributes": json_text(principal.attributes),
        "project": principal.project,
        "content": principal.content,
        "suspended": False,
        "created_at": at,
        "changed_at": at,
        "limits": _limits(limit),
    }
    detail = {"principal": principal.name, "key": shown_key(fingerprint), "purpose": principal.purpose}
    async with store.write() as connection:
        known = await connection.execute(select(principals.c.name).where(principals.c.name == principal.name))
        if known.first() is not None:
            raise PrincipalExistsError(f"there is a principal named {principal.name} already")
        try:
            await connection.execute(insert(principals).values(row))
        except IntegrityError:  # another control process on the same PostgreSQL was faster
            raise PrincipalExistsError(f"there is a principal named {principal.name} already") from None
        await _add_key(connection, principal.name, fingerprint, at)
        await record("principal_added", {**detail, **({"limits": str(limit)} if limit is not None else {})})
    return key


async def limit_to(store: Store, name: str, limit: Limit | None, at: int, record: Record) -> None:
    """Give it a limit of its own, or take it away. Raises: NoSuchPrincipalError, else as `add`."""
    async with store.write() as connection:
        await _changed(connection, name, at, limits=_limits(limit))
        await record("principal_limited", {"principal": name, "limits": "" if limit is None else str(limit)})


def _limits(limit: Limit | None) -> str:
    return "" if limit is None else msgspec.json.encode(limit).decode()


async def rotate(store: Store, name: str, at: int, record: Record, *, grace: int = 0) -> str:
    """A new virtual key; those before it end `grace` microseconds from now. Raises: NoSuchPrincipalError, else as `add`."""
    key, fingerprint = new_virtual_key()
    keys = principal_keys.c
    async with store.write() as connection:
        await _changed(connection, name, at)
        ends = at + grace
        earlier = (keys.principal == name) & or_(keys.until.is_(None), keys.until > ends)
        await connection.execute(update(principal_keys).where(earlier).values(until=ends))
        await connection.execute(delete(principal_keys).where(keys.until <= at))
        await _add_key(connection, name, fingerprint, at)
        await record("principal_rotated", {"principal": name, "key": shown_key(fingerprint), "grace_us": grace})
    return key


async def _add_key(connection: AsyncConnection, name: str, fingerprint: str, at: int) -> None:
    await connection.execute(insert(principal_keys).values(fingerprint=fingerprint, principal=name, created_at=at, until=None))


async def suspend(store: Store, name: str, at: int, record: Record, *, suspended: bool = True) -> None:
    """Refuse the principal's calls from now on, or take them again. Raises: NoSuchPrincipalError, else as `add`."""
    async with store.write() as connection:
        await _changed(connection, name, at, suspended=suspended)
        await record("principal_suspended" if suspended else "principal_resumed", {"principal": name})


async def _changed(connection: AsyncConnection, name: str, at: int, **values: Any) -> None:
    done = await connection.execute(update(principals).where(principals.c.name == name).values(changed_at=at, **values))
    if not done.rowcount:
        raise NoSuchPrincipalError(f"no principal named {name} was added")


async def named(store: Store, name: str) -> Added | None:
    """The added principal of this name. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        row = (await connection.execute(select(principals).where(principals.c.name == name))).mappings().first()
        found = await connection.execute(
            select(principal_keys).where(principal_keys.c.principal == name).order_by(principal_keys.c.created_at)
        )
        return _added(row, found.mappings().all()) if row is not None else None


async def listed(store: Store, *, limit: int | None = None, after: str = "") -> list[Added]:
    """Added principals by name, those after `after`. Raises: StoreUnavailableError."""
    query = select(principals).where(principals.c.name > after).order_by(principals.c.name).limit(limit)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
        last = rows[-1]["name"] if rows else after
        bounds = (principal_keys.c.principal > after) & (principal_keys.c.principal <= last)
        found = await connection.execute(select(principal_keys).where(bounds).order_by(principal_keys.c.created_at))
        keys = defaultdict[str, list[RowMapping]](list)
        for key in found.mappings():
            keys[key["principal"]].append(key)
    return [_added(row, keys[row["name"]]) for row in rows]


def _added(row: RowMapping, keys: Sequence[RowMapping]) -> Added:
    principal = Principal(
        name=row["name"],
        purposes=tuple(msgspec.json.decode(row["purposes"])),
        purpose=row["purpose"],
        attributes=msgspec.json.decode(row["attributes"]) if row["attributes"] else {},
        project=row["project"],
        content=row["content"],
        standing="suspended" if row["suspended"] else "normal",
        virtual=True,
    )
    kept = tuple(Key(key["fingerprint"], key["created_at"], key["until"]) for key in keys)
    limit = msgspec.json.decode(row["limits"], type=Limit) if row["limits"] else None
    return Added(principal, bool(row["suspended"]), row["created_at"], row["changed_at"], kept, limit)


def snapshot_entries(added: Sequence[Added]) -> Iterator[bytes]:
    """What gateways are told of added principals: the stored part of a snapshot, framed."""
    for one in added:
        yield snapshot.put("principal", one.principal.name, one.principal)
        for key in one.keys:
            entry = snapshot.CredentialEntry(one.principal.name, virtual=True)
            yield snapshot.put("credential", key.fingerprint, entry, until=key.until)
        if one.limit is not None:
            yield snapshot.put("limit", f"principal/{one.principal.name}", one.limit)
