"""What each role may do, for the API and its pages alike: viewers look, reviewers open contents and decide, admins change who may
ask.

One table decides, before any route is reached. What it does not name is for admins if it changes something and for viewers if
not, so that a new route is never open by an oversight.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ROLES = ("viewer", "reviewer", "admin")
"""Each may do what those before it may."""

OPENERS = frozenset({"reviewer", "admin"})
"""Roles that may see what was asked and answered."""

ROOT = "admin-token"
"""The name of whoever has the admin token."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_NEEDS: tuple[tuple[str, str, str], ...] = (
    (r"GET", r"/api/v1/(?:users|tokens|settings)(?:/.*)?", "admin"),
    (r"GET", r"/(?:settings)(?:/.*)?", "admin"),
    (r"POST", r"/api/v1/(?:findings|cases|terms|jobs)/.+", "reviewer"),
    (r"POST", r"/api/v1/(?:exchanges/search|approvals)", "reviewer"),
    (r"POST", r"/api/v1/policies/backtest", "reviewer"),
    (r"POST", r"/api/v1/policies/explain", "viewer"),
    (r"POST", r"/(?:findings|cases|queue|groups)/.+", "reviewer"),
    (r"POST", r"/exchanges/[^/]+/content(?:/(?:request|answer))?", "reviewer"),
    (r"POST", r"/(?:policies/backtests|exchanges/searches)", "reviewer"),
    (r"POST", r"/sign-(?:in|out)", "viewer"),
)
_TABLE = [(method, re.compile(path), role) for method, path, role in _NEEDS]


def needed(method: str, path: str) -> str:
    """The role that a request needs."""
    asked = "GET" if method in SAFE else method
    for named, pattern, role in _TABLE:
        if named == asked and pattern.fullmatch(path):
            return role
    return "viewer" if method in SAFE else "admin"


def may(role: str, method: str, path: str) -> bool:
    """Whether a role is enough for a request."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed(method, path))


def in_scope(scopes: Sequence[str], method: str, path: str) -> bool:
    """Whether a token's scopes allow a request: `read` or `write` (which includes reading), alone or as `read:<resource>`.

    The resource is the first part of the path behind `/api/v1/`; pages are for people, no token opens them.
    """
    if not path.startswith("/api/v1/"):
        return False
    resource = path.split("/")[3]
    wanted = ("read", "write") if method in SAFE else ("write",)
    return any(scope in scopes or f"{scope}:{resource}" in scopes for scope in wanted)
