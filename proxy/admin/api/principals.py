"""`/api/v1/principals`: who may ask. Configured principals are shown and read-only, added ones can be made, rotated, suspended.

Every change is an entry of the ledger before it counts, and in force at the gateways when the answer is sent. A virtual key is
in the answer that made it and nowhere else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from pydantic import BaseModel, Field, model_validator

from proxy.admin.api.standings import alone, effective
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import ProblemError, responses
from proxy.core.principal import PURPOSES, STANDINGS, UNDECLARED
from proxy.core.principal import Principal as CorePrincipal
from proxy.core.rules import Limit
from proxy.ledger import store_principals
from proxy.policy.amounts import Limits, compiled, written

router = APIRouter(tags=["principals"])

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$")]
Parts = Annotated[AdminParts, Depends(parts_of)]


class Key(BaseModel):
    """A virtual key as it is known, never the key itself. Times in microseconds since 1970 UTC; `until` is null without an end."""

    shown: str
    created_at: int
    until: int | None


class Principal(BaseModel):
    """Who may ask, for what. `source` tells whether it can be changed here; `limits` are its own, empty for those that all have."""

    name: str
    source: Literal["configured", "added"]
    purposes: list[str]
    purpose: str
    attributes: dict[str, str]
    project: str | None
    content: str
    standing: str
    keys: list[Key]
    limits: dict[str, int | str]


class WithKey(Principal):
    """A principal and its new virtual key, shown this once."""

    key: str


class Page(BaseModel):
    """A page by name; `next_cursor` is null after the last."""

    items: list[Principal]
    next_cursor: str | None


class New(BaseModel):
    """A principal to add. Without purposes its calls are `undeclared`; a single purpose is also the default."""

    model_config = {"extra": "forbid"}

    name: Name
    purposes: list[str] = Field([], max_length=len(PURPOSES))
    purpose: str | None = None
    attributes: dict[str, Annotated[str, Field(max_length=512)]] = Field({}, max_length=64)
    project: str | None = Field(None, max_length=128)
    content: Literal["full", "digests"] = "full"
    limits: Limits = {}

    @model_validator(mode="after")
    def _purposes_known(self) -> New:
        for purpose in [*self.purposes, *([self.purpose] if self.purpose else [])]:
            if purpose not in PURPOSES:
                raise ValueError(f"{purpose!r} is not a purpose; there are {', '.join(PURPOSES)}")
        if self.purpose and self.purposes and self.purpose not in self.purposes:
            raise ValueError("purpose should be one of purposes")
        return self

    def principal(self) -> CorePrincipal:
        """What is kept."""
        default = self.purpose or (self.purposes[0] if len(self.purposes) == 1 else UNDECLARED)
        purposes = tuple(dict.fromkeys(self.purposes)) or (default,)
        return CorePrincipal(self.name, purposes, default, dict(self.attributes), self.project, self.content, virtual=True)


class Limited(BaseModel):
    """A principal's own limits, in place of those that each principal has; none, and it has those again."""

    model_config = {"extra": "forbid"}

    limits: Limits


class Rotation(BaseModel):
    """How long the keys before the new one go on."""

    model_config = {"extra": "forbid"}

    grace_seconds: int = Field(0, ge=0, le=30 * 86400)


@router.get("/principals", responses=responses(400))
async def list_principals(
    parts: Parts, limit: Annotated[int, Query(ge=1, le=500)] = 50, cursor: Annotated[str, Query(max_length=512)] = ""
) -> Page:
    """Configured and added principals, by name."""
    after = _parse(cursor) if cursor else ""
    configured = [_configured(parts, one) for one in parts.configured() if one.name > after]
    added = [_added(one) for one in await store_principals.listed(parts.store, limit=limit + 1, after=after)]
    merged = sorted([*configured, *added], key=lambda one: one.name)
    items = await _standing(parts, merged[:limit])
    return Page(items=items, next_cursor=_cursor(merged[limit - 1].name) if len(merged) > limit else None)


@router.get("/principals/{name:path}", responses=responses(404))
async def read_principal(parts: Parts, name: Annotated[str, Path(max_length=512, pattern=r"^[^\x00]*$")]) -> Principal:
    """One principal."""
    configured = [_configured(parts, one) for one in parts.configured() if one.name == name]
    return (await _standing(parts, configured or [await _named(parts, name)]))[0]


@router.post("/principals", status_code=201, responses=responses(409))
async def add_principal(parts: Parts, new: New) -> WithKey:
    """Add a principal; the answer holds its virtual key, shown this once."""
    if any(one.name == new.name for one in parts.configured()):
        raise ProblemError(
            409, "principal-exists", f"{new.name} is configured; configured principals are changed in the configuration."
        )
    try:
        key = await store_principals.add(parts.store, new.principal(), parts.clock.utc_us(), parts.record, compiled(new.limits))
    except store_principals.PrincipalExistsError as error:
        raise ProblemError(409, "principal-exists", str(error)) from None
    return WithKey(**(await _changed(parts, new.name)).model_dump(), key=key)


@router.post("/principals/{name:path}/rotate", responses=responses(404, 409))
async def rotate_principal(parts: Parts, name: str, rotation: Annotated[Rotation | None, Body()] = None) -> WithKey:
    """Make a new virtual key, shown this once; those before it end now or after the grace."""
    grace = (rotation or Rotation(grace_seconds=0)).grace_seconds * 1_000_000
    with _only_added(parts, name):
        key = await store_principals.rotate(parts.store, name, parts.clock.utc_us(), parts.record, grace=grace)
    return WithKey(**(await _changed(parts, name)).model_dump(), key=key)


@router.put("/principals/{name:path}/limits", responses=responses(404, 409))
async def limit_principal(parts: Parts, name: str, limited: Limited) -> Principal:
    """Say how much it may ask, in force at once; what it has used counts on."""
    with _only_added(parts, name):
        await store_principals.limit_to(parts.store, name, compiled(limited.limits), parts.clock.utc_us(), parts.record)
    return await _changed(parts, name)


@router.post("/principals/{name:path}/suspend", responses=responses(404, 409))
async def suspend_principal(parts: Parts, request: Request, name: str) -> Principal:
    """Refuse the principal's calls from now on: with the admin token; people ask for an approval."""
    alone(request, "suspended")
    with _only_added(parts, name):
        await store_principals.suspend(parts.store, name, parts.clock.utc_us(), parts.record)
    return await _changed(parts, name)


@router.post("/principals/{name:path}/resume", responses=responses(404, 409))
async def resume_principal(parts: Parts, name: str) -> Principal:
    """Take the principal's calls again."""
    with _only_added(parts, name):
        await store_principals.suspend(parts.store, name, parts.clock.utc_us(), parts.record, suspended=False)
    return await _changed(parts, name)


async def _changed(parts: AdminParts, name: str) -> Principal:
    await parts.published()
    return (await _standing(parts, [await _named(parts, name)]))[0]


async def _named(parts: AdminParts, name: str) -> Principal:
    added = await store_principals.named(parts.store, name)
    if added is None:
        raise ProblemError(404, "no-such-principal", f"No principal is named {name}.")
    return _added(added)


async def _standing(parts: AdminParts, shown: list[Principal]) -> list[Principal]:
    """The same, each with what gateways go by."""
    stands = await effective(parts)
    for one in shown:
        one.standing = max(one.standing, stands.get(one.name, "normal"), key=STANDINGS.index)
    return shown


@contextmanager
def _only_added(parts: AdminParts, name: str) -> Iterator[None]:
    if any(one.name == name for one in parts.configured()):
        raise ProblemError(
            409, "principal-configured", f"{name} is configured; configured principals are changed in the configuration."
        )
    try:
        yield
    except store_principals.NoSuchPrincipalError as error:
        raise ProblemError(404, "no-such-principal", str(error)) from None


def _shown(one: CorePrincipal, source: Literal["configured", "added"], keys: list[Key], limit: Limit | None) -> Principal:
    return Principal(
        name=one.name,
        source=source,
        purposes=list(one.purposes),
        purpose=one.purpose,
        attributes=one.attributes,
        project=one.project,
        content=one.content,
        standing=one.standing,
        keys=keys,
        limits=written(limit),
    )


def _configured(parts: AdminParts, one: CorePrincipal) -> Principal:
    return _shown(one, "configured", [], parts.in_force.section("limit").get(f"principal/{one.name}"))


def _added(one: store_principals.Added) -> Principal:
    keys = [Key(shown=store_principals.shown_key(key.fingerprint), created_at=key.created_at, until=key.until) for key in one.keys]
    return _shown(one.principal, "added", keys, one.limit)


def _cursor(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _parse(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        raise ProblemError(400, "bad-cursor", "This cursor was not made by this API; begin again without one.") from None
