"""`/api/v1/users`, `/api/v1/tokens`: who may use this API and its pages, and the tokens of their programs. For admins.

Every change is an entry of the ledger before it counts. A password is taken and never given back; a token's text is in the answer
that made it and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from proxy.admin import passwords
from proxy.admin.parts import AdminParts, parts_of, session_of
from proxy.admin.problems import ProblemError, responses
from proxy.admin.roles import ROOT
from proxy.ledger import store_access
from proxy.review import paging

router = APIRouter(tags=["access"])

Role = Literal["viewer", "reviewer", "admin"]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$")]
Password = Annotated[str, Field(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)]
Scope = Annotated[str, Field(pattern=r"^(?:read|write)(?::[a-z]+)?$", examples=["read", "read:exchanges", "write:findings"])]
Parts = Annotated[AdminParts, Depends(parts_of)]
DAY_US = 86_400_000_000


class User(BaseModel):
    """A person. `sign_in` tells how: by `password`, by single sign-on, or by tokens alone. Times in microseconds since 1970 UTC."""

    name: str
    role: Role
    sign_in: Literal["password", "sso", "tokens"]
    disabled: bool
    created_at: int
    changed_at: int


class Users(BaseModel):
    """A page by name; `next_cursor` is null after the last."""

    items: list[User]
    next_cursor: str | None


class NewUser(BaseModel):
    """A user to add; without a password only tokens open anything."""

    model_config = {"extra": "forbid", "json_schema_extra": {"examples": [{"name": "ada", "role": "reviewer"}]}}

    name: Name
    role: Role = "viewer"
    password: Password | None = None


class Change(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = {"extra": "forbid", "json_schema_extra": {"examples": [{"role": "admin"}, {"disabled": True}]}}

    role: Role | None = None
    password: Password | None = None
    disabled: bool | None = None


class Token(BaseModel):
    """A program's token as it is known, never the token itself. Times in microseconds since 1970 UTC; `until` is null without an
    end.
    """

    id: str
    user: str
    title: str
    scopes: list[str]
    created_at: int
    until: int | None
    revoked_at: int | None


class Tokens(BaseModel):
    """A page, the newest first; `next_cursor` is null after the last."""

    items: list[Token]
    next_cursor: str | None


class WithText(Token):
    """A new token and its text, shown this once."""

    token: str


class NewToken(BaseModel):
    """A token to make. It can do no more than its user and its scopes allow: `read` or `write`, alone or of one resource."""

    model_config = {
        "extra": "forbid",
        "json_schema_extra": {"examples": [{"user": "ada", "scopes": ["read:exchanges"], "days": 90}]},
    }

    user: Name
    title: str = Field("", max_length=200)
    scopes: list[Scope] = Field(["read"], min_length=1, max_length=32)
    days: int | None = Field(90, ge=1, le=3650, description="until it ends; null for never")


@router.get("/users", responses=responses(400))
async def list_users(
    parts: Parts, limit: Annotated[int, Query(ge=1, le=500)] = 100, cursor: Annotated[str, Query(max_length=1024)] = ""
) -> Users:
    """Who may use this API and its pages."""
    found = await store_access.list_users(parts.store, limit=limit + 1, after=paging.named_in(cursor))
    more = paging.cursor_of(0, found[limit - 1].name) if len(found) > limit else None
    return Users(items=[_user(one) for one in found[:limit]], next_cursor=more)


@router.post("/users", status_code=201, responses=responses(409))
async def add_user(parts: Parts, request: Request, new: Annotated[NewUser, Body()]) -> User:
    """Add a person, by any name but that of the admin token."""
    if new.name == ROOT:
        raise ProblemError(409, "not-a-person", f"As {ROOT} whoever has the admin token is known; take another name.")
    kept = await passwords.hashed(new.password) if new.password else ""
    now = parts.clock.utc_us()
    user = store_access.User(new.name, new.role, kept, "", False, now, now)
    with _problems():
        await store_access.add_user(parts.store, user, session_of(request).name, parts.record)
    return _user(user)


@router.get("/users/{name}", responses=responses(404))
async def read_user(parts: Parts, name: Annotated[str, Path(max_length=512, pattern=r"^[^\x00]*$")]) -> User:
    """One person."""
    found = await store_access.user_named(parts.store, name)
    if found is None:
        raise ProblemError(404, "no-such-user", f"there is no user named {name}")
    return _user(found)


@router.patch("/users/{name}", responses=responses(404, 409))
async def change_user(parts: Parts, request: Request, name: str, change: Annotated[Change, Body()]) -> User:
    """Change a role or a password, or shut a person out. Whoever is signed in by this name has to sign in again."""
    values = change.model_dump(exclude_none=True)
    if change.password is not None:
        values["password"] = await passwords.hashed(change.password)
    by = session_of(request).name
    if by == name and (change.disabled or change.role is not None):
        raise ProblemError(409, "not-yourself", "Nobody changes their own role or shuts themselves out; ask another admin.")
    with _problems():
        if values:
            await store_access.change_user(parts.store, name, parts.clock.utc_us(), by, parts.record, **values)
        found = await store_access.user_named(parts.store, name)
    if found is None:
        raise ProblemError(404, "no-such-user", f"there is no user named {name}")
    if values:
        parts.sessions.end_all(name)
    return _user(found)


@router.get("/tokens", responses=responses(400))
async def list_tokens(
    parts: Parts,
    user: Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]*$")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str, Query(max_length=512)] = "",
) -> Tokens:
    """The tokens of programs, ended and revoked ones too."""
    before = paging.parse_cursor(cursor) if cursor else None
    found = await store_access.list_tokens(parts.store, user, limit=limit + 1, before=before)
    more = paging.cursor_of(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None
    return Tokens(items=[_token(one) for one in found[:limit]], next_cursor=more)


@router.post("/tokens", status_code=201, responses=responses(404))
async def add_token(parts: Parts, new: Annotated[NewToken, Body()]) -> WithText:
    """Make a token for a program."""
    now = parts.clock.utc_us()
    until = now + new.days * DAY_US if new.days else None
    with _problems():
        token, text = await store_access.add_token(parts.store, new.user, new.title, new.scopes, now, parts.record, until=until)
    return WithText(**_token(token).model_dump(), token=text)


@router.post("/tokens/{token_id}/revoke", status_code=204, responses=responses(404))
async def revoke_token(parts: Parts, request: Request, token_id: str) -> None:
    """End a token now."""
    with _problems():
        await store_access.revoke_token(parts.store, token_id, parts.clock.utc_us(), session_of(request).name, parts.record)


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except store_access.UserExistsError as error:
        raise ProblemError(409, "user-exists", str(error)) from None
    except store_access.NoSuchUserError as error:
        raise ProblemError(404, "no-such-user", str(error)) from None
    except store_access.NoSuchTokenError as error:
        raise ProblemError(404, "no-such-token", str(error)) from None


def _user(user: store_access.User) -> User:
    sign_in: Literal["password", "sso", "tokens"] = "password" if user.password else "sso" if user.subject else "tokens"
    role: Role = user.role  # type: ignore[assignment] # the store holds nothing else
    return User(
        name=user.name, role=role, sign_in=sign_in, disabled=user.disabled, created_at=user.created_at, changed_at=user.changed_at
    )


def _token(token: store_access.Token) -> Token:
    return Token(**{**vars(token), "scopes": list(token.scopes)})
