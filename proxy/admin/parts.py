"""What the admin application is made of, as its composer injects it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request

from proxy.admin.oidc import SignOn
from proxy.admin.problems import ProblemError
from proxy.admin.sessions import Session, Sessions
from proxy.core.clock import Clock, SystemClock
from proxy.core.principal import Principal
from proxy.ledger import store_exchanges
from proxy.ledger.store import Store
from proxy.ledger.store_principals import Record


@dataclass(frozen=True)
class AdminParts:
    """`master` opens contents. `configured` gives the principals of the configuration in force. `published` is awaited after each
    change of added principals and puts it in force.
    """

    store: Store
    master: AESGCM
    token: str
    record: Record
    configured: Callable[[], Sequence[Principal]]
    published: Callable[[], Awaitable[None]]
    clock: Clock = field(default_factory=SystemClock)
    sign_on: SignOn | None = None
    sessions: Sessions = field(default_factory=lambda: Sessions(time.monotonic))


def parts_of(request: Request) -> AdminParts:
    """The parts of the application that serves this request."""
    parts: AdminParts = request.app.state.parts
    return parts


def session_of(request: Request) -> Session:
    """Who asks; nobody gets past the gate without one, but to the page where people sign in."""
    session: Session = request.state.session
    return session


async def exchange_of(parts: AdminParts, record_id: str) -> store_exchanges.Evidence:
    """What the store holds of an exchange. Raises: ProblemError 404."""
    found = await store_exchanges.record(parts.store, record_id)
    if found is None or found.row["at"] is None:
        raise ProblemError(
            404, "no-such-exchange", "No exchange with this id is in the store; a new one is shipped within a second."
        )
    return found
