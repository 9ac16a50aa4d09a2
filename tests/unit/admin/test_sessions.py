"""Who is signed in."""

from __future__ import annotations

from proxy.admin import sessions
from proxy.admin.sessions import Sessions


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_found_by_its_cookie_until_it_is_ended() -> None:
    """Another cookie names nobody."""
    kept = Sessions(_Clock())
    cookie = kept.begin("token", "admin")
    found = kept.find(cookie)
    assert found is not None
    assert (found.name, found.role) == ("token", "admin")
    assert kept.find(cookie + "x") is None
    kept.end(cookie)
    assert kept.find(cookie) is None


def test_a_session_ends_when_nobody_uses_it_and_at_last_whoever_does() -> None:
    """Each request prolongs it, up to its longest life."""
    clock = _Clock()
    kept = Sessions(clock)
    left, used = kept.begin("token", "admin"), kept.begin("token", "admin")
    clock.now += sessions.IDLE_SECONDS - 1
    assert kept.find(used) is not None
    clock.now += 2
    assert kept.find(left) is None
    assert kept.find(used) is not None
    while clock.now < 1000 + sessions.LONGEST_SECONDS:
        kept.find(used)
        clock.now += sessions.IDLE_SECONDS / 2
    assert kept.find(used) is None


def test_sessions_have_a_bound() -> None:
    """Whoever signs in for ever costs no memory that grows: the oldest end first."""
    kept = Sessions(_Clock())
    first = kept.begin("token", "admin")
    for _ in range(sessions.MOST):
        last = kept.begin("token", "admin")
    assert kept.find(first) is None
    assert kept.find(last) is not None
