"""`/sign-in`, `/sign-out`: from the admin token to a session of a browser.

Guessing is slow: after `MOST_FAILURES` wrong tokens within `WINDOW_SECONDS` nobody can sign in for the rest of that time, and is
told so.
"""

from __future__ import annotations

import time
from collections import deque
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin.auth import SIGN_IN, Known
from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of
from proxy.admin.sessions import COOKIE, LONGEST_SECONDS

MOST_FAILURES = 10
WINDOW_SECONDS = 60.0

router = APIRouter(include_in_schema=False)


class Failures:
    """When somebody last failed to sign in."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=MOST_FAILURES)

    def add(self) -> None:
        """One more."""
        self._at.append(time.monotonic())

    @property
    def wait(self) -> float:
        """Seconds until another try is taken, 0 when it is at once."""
        if len(self._at) < MOST_FAILURES:
            return 0.0
        return max(0.0, self._at[0] + WINDOW_SECONDS - time.monotonic())


@router.get(SIGN_IN)
async def ask(request: Request) -> Response:
    """The form."""
    if request.state.session is not None:
        return RedirectResponse("/", 303)
    return page(request, "sign_in.html", failed="")


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """Take the token, begin a session."""
    parts = parts_of(request)
    failures: Failures = request.app.state.failures
    if failures.wait:
        told = page(request, "sign_in.html", 429, failed=f"Too many wrong tokens. Try again in {failures.wait:.0f} seconds.")
        told.headers["retry-after"] = str(max(1, round(failures.wait)))
        return told
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    if not Known(parts.token).token(form.get("token", [""])[0]):
        failures.add()
        return page(request, "sign_in.html", 401, failed="This is not the admin token.")
    await parts.record("signed-in", {"by": "token"})
    cookie = parts.sessions.begin("token", "admin")
    answer = RedirectResponse("/", 303, headers={"cache-control": "no-store"})
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, cookie, max_age=int(LONGEST_SECONDS), httponly=True, samesite="strict", secure=secure)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session that this browser has."""
    parts_of(request).sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(SIGN_IN, 303, headers={"cache-control": "no-store"})
    answer.delete_cookie(COOKIE)
    return answer
