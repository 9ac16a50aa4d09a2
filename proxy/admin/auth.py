"""Who may use the admin API and its pages, and what a browser that was led astray may not do.

Whoever sends the admin token, the token of a user (`ta_…`) or the cookie of a session is known; `roles` says what they may do. The
admin token is given, or made at the first start and kept in a file only its owner can read. It is compared by SHA-256 in constant
time. Everything but the API's own description, the page to sign in and what that page is drawn with needs one of these.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.admin import roles
from proxy.admin.problems import API, problem
from proxy.admin.sessions import COOKIE, Session, Sessions
from proxy.core.errors import TosProxyError
from proxy.ledger.store_access import TOKEN_PREFIX
from proxy.ledger.store_errors import StoreError

TOKEN_FILE = "admin.token"  # noqa: S105 - the file's name
MOST_BODY_BYTES = 1024 * 1024

SIGN_IN = "/sign-in"
_OPEN_PATHS = frozenset({"/api/v1/openapi.json", SIGN_IN, SIGN_IN + "/oidc", SIGN_IN + "/oidc/back"})
_OPEN_FOLDER = "/static/"
_PAGE = re.compile(r"/(?!/)[A-Za-z0-9/%._~!$&'()*+,;=:@?-]{0,2000}")
"""A path of this host as a browser reads it: not `//host` nor `/\\host`, which are other hosts."""

Bearer = Callable[[str], Awaitable[Session | None]]
"""Who sent a user's token; None when it opens nothing."""


class TokenError(TosProxyError):
    """The token's file is there but cannot be used."""


def token(path: Path, given: str | None = None) -> tuple[str, bool]:
    """The token and whether it was made just now: `given`, or what the file at `path` holds, or a new one kept there (0600).

    Raises: TokenError for a file that is empty or that others can read, OSError.
    """
    if given:
        return given, False
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return _kept(path), False
    made = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
    return made, True


def _kept(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        raise TokenError(f"{path} can be read by others: chmod 600 it, or remove it to have a new token made")
    kept = path.read_text("ascii", errors="replace").strip()
    if len(kept) < 16:
        raise TokenError(f"{path} holds no token: remove it to have a new one made")
    return kept


class Gate:
    """Stands before the application: 401 for nobody we know (a page sends to the one for signing in), 403 for what their role or
    scopes do not cover and for changes asked by another site, 413 for bodies past the cap. `scope["state"]["session"]` is who
    asks.
    """

    def __init__(self, app: ASGIApp, token: str, sessions: Sessions, bearer: Bearer) -> None:
        self._app = app
        self._known = Known(token)
        self._sessions = sessions
        self._bearer = bearer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            session = await self._session(headers)
        except StoreError as error:
            away = problem(503, "store-unavailable", str(error), scope["path"], headers={"retry-after": "1"})
            await away(scope, receive, send)
            return
        scope.setdefault("state", {})["session"] = session
        refusal = _refusal(scope, headers, session)
        if refusal is None:
            await self._app(scope, _capped(receive), send)
            return
        status, title, detail = refusal
        if status == 401 and not scope["path"].startswith(API):
            address = sign_in_for(_asked(scope)) if scope["method"] == "GET" and "hx-request" not in headers else SIGN_IN
            await RedirectResponse(address, 303, headers={"cache-control": "no-store"})(scope, receive, send)
            return
        await problem(status, title, detail, scope["path"])(scope, receive, send)

    async def _session(self, headers: Headers) -> Session | None:
        if "authorization" in headers:
            scheme, _, given = headers["authorization"].partition(" ")
            if scheme.lower() != "bearer":
                return None
            if self._known.token(given):
                return Session(roles.ROOT, "admin")
            return await self._bearer(given.strip()) if given.strip().startswith(TOKEN_PREFIX) else None
        named = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        return self._sessions.find(named) if named else None


def sign_in_for(page: str) -> str:
    """Where somebody signs in who wanted this page, and is then led to it."""
    return SIGN_IN if here(page) == "/" else f"{SIGN_IN}?{urlencode({'to': page})}"


def here(page: str) -> str:
    """The path and query of one of our pages, as somebody gave it; anything that might lead elsewhere is the first page."""
    return page if _PAGE.fullmatch(page) and not page.startswith(("/sign-", API)) else "/"


def _asked(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return quote(scope["path"]) + (f"?{query}" if query else "")


def _refusal(scope: Scope, headers: Headers, session: Session | None) -> tuple[int, str, str] | None:
    method, path = scope["method"], scope["path"]
    called = path.startswith(API) and path not in _OPEN_PATHS
    if (method not in roles.SAFE or called) and _foreign(headers):
        return 403, "foreign-origin", "Neither changes nor calls of the API are taken from pages of another site."
    if path not in _OPEN_PATHS and not path.startswith(_OPEN_FOLDER):
        if session is None:
            return 401, "unauthorized", "Send the admin token, or a user's, as Authorization: Bearer … ."
        if not roles.may(session.role, method, path):
            return 403, "not-your-role", f"This needs the role {roles.needed(method, path)}; {session.name} is {session.role}."
        if session.scopes is not None and not roles.in_scope(session.scopes, method, path):
            return 403, "out-of-scope", "The token's scopes do not cover this."
    if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > MOST_BODY_BYTES:
        return 413, "body-too-large", f"A body may have {MOST_BODY_BYTES} bytes."
    return None


class Known:
    """The token, as far as it is needed to recognise it."""

    def __init__(self, token: str) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()

    def token(self, given: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(hashlib.sha256(given.strip().encode()).digest(), self._digest)


def _foreign(headers: Headers) -> bool:
    """Whether a browser says that the request comes from a page of another origin: by Fetch Metadata, which no page can set and no
    front rewrites; an older one by Origin, which has to name the host that was asked for.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"none", "same-origin"}
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def _capped(receive: Receive) -> Receive:
    """A body without a length is read no further than the cap; the client is then told that its JSON is cut."""
    taken = 0

    async def capped() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY_BYTES:
            return {"type": "http.request", "body": b"", "more_body": False}
        return message

    return capped
