"""`/sign-in/oidc`, `/sign-in/oidc/back`: to the provider of single sign-on and back, to a session of a browser.

The state is in a cookie as well, so that nobody can be signed in by an address that somebody else began; behind it stands the page
that was wanted.
"""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin.auth import SIGN_IN, here
from proxy.admin.pages.sign_in import begun, form
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import ProblemError
from proxy.admin.roles import ROOT
from proxy.admin.sign_on import PENDING_SECONDS, Person, SignOn, SignOnError
from proxy.ledger import store_access

STATE_COOKIE = "tos_sign_on"
BACK = SIGN_IN + "/oidc/back"

router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN + "/oidc")
async def leave(request: Request) -> Response:
    """Send the browser to the provider; with `to`, for whoever wanted that page."""
    to = here(request.query_params.get("to", ""))
    try:
        address, state = await _sign_on(request).begin(str(request.url_for("come_back")))
    except SignOnError as error:
        return _failed(request, str(error), to)
    answer = RedirectResponse(address, 303, headers={"cache-control": "no-store"})
    # lax: the provider sends the browser back by a link from its own site
    answer.set_cookie(
        STATE_COOKIE,
        f"{state}{to}",
        max_age=int(PENDING_SECONDS),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path=BACK,
    )
    return answer


@router.get(BACK)
async def come_back(request: Request) -> Response:
    """Take who comes back from the provider in."""
    sign_on = _sign_on(request)
    asked = request.query_params
    state = asked.get("state", "")
    begun_as, slash, page = request.cookies.get(STATE_COOKIE, "").partition("/")
    to = here(slash + page)
    if not state or not hmac.compare_digest(state.encode(), begun_as.encode()):
        return _failed(request, "this sign-on was not begun in this browser; begin again", to)
    if "code" not in asked:
        return _failed(request, f"the provider refused ({asked.get('error', 'no reason given')[:100]})", to)
    try:
        person = await sign_on.finish(state, asked["code"])
        name = await _kept(parts_of(request), person)
    except SignOnError as error:
        return _failed(request, str(error), to)
    answer = await begun(request, name, person.role, by="sso", to=to)
    answer.delete_cookie(STATE_COOKIE, path=BACK)
    return answer


async def _kept(parts: AdminParts, person: Person) -> str:
    """The name under which this person is known here: known by the subject alone, since a name may pass to another."""
    known = await store_access.user_of(parts.store, person.subject)
    now = parts.clock.utc_us()
    if known is None:
        if person.name == ROOT:
            raise SignOnError(f"nobody can be known as {ROOT} here; ask whoever runs tos-proxy")
        user = store_access.User(person.name, person.role, "", person.subject, False, now, now)
        try:
            await store_access.add_user(parts.store, user, "sso", parts.record)
        except store_access.UserExistsError:
            raise SignOnError(f"somebody else is known as {person.name} here; ask whoever runs tos-proxy") from None
        return person.name
    if known.disabled:
        raise SignOnError(f"{known.name} is shut out")
    if known.role != person.role:
        await store_access.change_user(parts.store, known.name, now, "sso", parts.record, role=person.role)
        parts.sessions.end_all(known.name)
    return known.name


def _sign_on(request: Request) -> SignOn:
    sign_on = parts_of(request).sign_on
    if sign_on is None:
        raise ProblemError(404, "no-single-sign-on", "Single sign-on is not set up: see admin.oidc of the configuration.")
    return sign_on


def _failed(request: Request, told: str, to: str) -> Response:
    return form(request, to, 403, f"Single sign-on failed: {told}.")
