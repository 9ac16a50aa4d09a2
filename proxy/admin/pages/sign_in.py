"""`/sign-in`, `/sign-out`: from the admin token, or a name and a password, to a session of a browser.

Guessing is slow: after `MOST_FAILURES` failures within `WINDOW_SECONDS` nobody can sign in for the rest of that time, and is
told so.
"""

from __future__ import annotations

import time
from collections import deque
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin import passwords
from proxy.admin.auth import SIGN_IN, Known, here
from proxy.admin.pages.rendering import page
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.roles import ROOT
from proxy.admin.sessions import COOKIE, LONGEST_SECONDS
from proxy.ledger import store_access

MOST_FAILURES = 10
WINDOW_SECONDS = 60.0

router = APIRouter(include_in_schema=False)


class Failures:
    """When somebody last failed to sign in."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=MOST_FAILURES)

    def add(self) -> float:
        """One more; gives when."""
        at = time.monotonic()
        self._at.append(at)
        return at

    def take_back(self, at: float) -> None:
        """The one that was added then is none."""
        if at in self._at:
            self._at.remove(at)

    @property
    def wait(self) -> float:
        """Seconds until another try is taken, 0 when it is at once."""
        if len(self._at) < MOST_FAILURES:
            return 0.0
        return max(0.0, self._at[0] + WINDOW_SECONDS - time.monotonic())


@router.get(SIGN_IN)
async def ask(request: Request) -> Response:
    """The form; with `to`, for whoever wanted that page."""
    to = here(request.query_params.get("to", ""))
    if request.state.session is not None:
        return RedirectResponse(to, 303)
    return form(request, to)


def form(request: Request, to: str, status: int = 200, failed: str = "") -> Response:
    """The page for signing in, with what went wrong before. `to`: the page that is wanted."""
    return page(request, "sign_in.html", status, failed=failed, sign_on=parts_of(request).sign_on, to=to)


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """Take the admin token, or a name and a password; begin a session."""
    parts = parts_of(request)
    failures: Failures = request.app.state.failures
    given = parse_qs((await request.body()).decode("utf-8", "replace"))
    to = here(given.get("to", [""])[0])
    if failures.wait:
        told = form(request, to, 429, f"Too many failures. Try again in {failures.wait:.0f} seconds.")
        told.headers["retry-after"] = str(max(1, round(failures.wait)))
        return told
    tried = failures.add()  # before it is looked at, which takes a while: guesses sent side by side count each
    known = await _known(parts, given.get("name", [""])[0].strip(), given.get("secret", [""])[0])
    if known is None:
        return form(request, to, 401, "This is not the admin token, nor the password of this name.")
    failures.take_back(tried)
    return await begun(request, *known, by="token" if known[0] == ROOT else "password", to=to)


async def begun(request: Request, name: str, role: str, by: str, to: str) -> Response:
    """A session for who proved to be `name`, once it is on the record, and the page that was wanted."""
    parts = parts_of(request)
    await parts.record("signed_in", {"user": name, "by": by})
    answer = RedirectResponse(to, 303, headers={"cache-control": "no-store"})
    # lax: who comes back from a provider of single sign-on, or by the link of an alert, comes from another site; what that may not
    # do is for auth.Gate to refuse
    answer.set_cookie(
        COOKIE,
        parts.sessions.begin(name, role),
        max_age=int(LONGEST_SECONDS),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


async def _known(parts: AdminParts, name: str, secret: str) -> tuple[str, str] | None:
    """Name and role of who this is. Without a name the secret has to be the admin token."""
    if not name:
        return (ROOT, "admin") if Known(parts.token).token(secret) else None
    # PostgreSQL has no text for a zero byte: it would refuse the question, and the store be told of as away
    user = await store_access.user_named(parts.store, name) if "\0" not in name else None
    right = await passwords.matches(user.password if user is not None and not user.disabled else "", secret)
    return (user.name, user.role) if user is not None and right else None


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session that this browser has."""
    parts_of(request).sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(SIGN_IN, 303, headers={"cache-control": "no-store"})
    answer.delete_cookie(COOKIE)
    return answer
