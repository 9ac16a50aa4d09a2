"""What each role and each token may do."""

from __future__ import annotations

import pytest

from proxy.admin.roles import ROLES, in_scope, may, needed


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/api/v1/exchanges", "viewer"),
        ("GET", "/", "viewer"),
        ("POST", "/exchanges/rec_1/content", "reviewer"),
        ("POST", "/exchanges/rec_1/content/answer", "reviewer"),
        ("POST", "/groups/linked-1/decide", "reviewer"),
        ("POST", "/api/v1/findings/f1/decision", "reviewer"),
        ("POST", "/api/v1/principals", "admin"),
        ("GET", "/api/v1/users", "admin"),
        ("PATCH", "/api/v1/users/ada", "admin"),
        ("DELETE", "/api/v1/anything-new", "admin"),
        ("POST", "/anything-new", "admin"),
    ],
)
def test_a_request_needs_a_role(method: str, path: str, role: str) -> None:
    """That role and those above it are enough, and what the table does not name is open to nobody by oversight."""
    assert needed(method, path) == role
    assert [may(each, method, path) for each in ROLES] == [ROLES.index(each) >= ROLES.index(role) for each in ROLES]
    assert not may("stranger", method, path)


@pytest.mark.parametrize(
    ("scopes", "method", "path", "allowed"),
    [
        (("read",), "GET", "/api/v1/exchanges", True),
        (("read",), "POST", "/api/v1/principals", False),
        (("read:findings",), "GET", "/api/v1/findings/f1", True),
        (("read:findings",), "GET", "/api/v1/exchanges", False),
        (("write:findings",), "POST", "/api/v1/findings/f1/decision", True),
        (("write:findings",), "GET", "/api/v1/findings", True),
        (("write",), "POST", "/exchanges/rec_1/content", False),
        ((), "GET", "/api/v1/exchanges", False),
    ],
)
def test_a_token_covers_its_scopes_alone(scopes: tuple[str, ...], method: str, path: str, allowed: bool) -> None:
    """To write includes to read; no token opens a page."""
    assert in_scope(scopes, method, path) is allowed
