"""Who is signed in with a browser: sessions kept here, and a cookie that only names one.

They live in memory, at most `MOST`: whoever restarts the control process signs in again. A session ends after `IDLE_SECONDS`
without a request, and `LONGEST_SECONDS` after it began, whatever happens in between.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

COOKIE = "tos_session"
IDLE_SECONDS = 8 * 3600.0
LONGEST_SECONDS = 7 * 86400.0
MOST = 10_000


@dataclass
class Session:
    """Who asks: `name` and `role` of a person, or of the person whose token a program sent, and then its `scopes`; None for whom no
    scopes are drawn. Times are of the monotonic clock, 0 where each request brings its proof.
    """

    name: str
    role: str
    began: float = 0.0
    seen: float = 0.0
    scopes: tuple[str, ...] | None = None


class Sessions:
    """The sessions of one control process. `now` gives seconds of a monotonic clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sessions: dict[bytes, Session] = {}

    def begin(self, name: str, role: str) -> str:
        """A new session; gives what its cookie holds, which is kept nowhere."""
        now = self._now()
        if len(self._sessions) >= MOST:
            self._drop_ended(now)
        while len(self._sessions) >= MOST:
            del self._sessions[next(iter(self._sessions))]
        secret = secrets.token_urlsafe(32)
        self._sessions[_digest(secret)] = Session(name, role, now, now)
        return secret

    def find(self, secret: str) -> Session | None:
        """The session that a cookie names, if it still holds; it is seen by this."""
        session = self._sessions.get(_digest(secret))
        if session is None:
            return None
        now = self._now()
        if _ended(session, now):
            self.end(secret)
            return None
        session.seen = now
        return session

    def end(self, secret: str) -> None:
        """Nobody is signed in by this cookie any more."""
        self._sessions.pop(_digest(secret), None)

    def end_all(self, name: str) -> None:
        """Nobody is signed in by this name any more: the person's role, password or admission has changed."""
        self._sessions = {key: session for key, session in self._sessions.items() if session.name != name}

    def _drop_ended(self, now: float) -> None:
        self._sessions = {key: session for key, session in self._sessions.items() if not _ended(session, now)}


def _ended(session: Session, now: float) -> bool:
    return now - session.seen > IDLE_SECONDS or now - session.began > LONGEST_SECONDS


def _digest(secret: str) -> bytes:
    """What a session is found by: reading this process's memory gives no cookie."""
    return hashlib.sha256(secret.encode()).digest()
