"""What the admin application is made of, as its composer injects it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request

from proxy.admin.in_force import NOTHING, InForce
from proxy.admin.oidc import SignOn
from proxy.admin.problems import ProblemError
from proxy.admin.sessions import Session, Sessions
from proxy.core.alerts import AlertTarget
from proxy.core.clock import Clock, SystemClock
from proxy.core.principal import Principal
from proxy.ledger import store_exchanges
from proxy.ledger.store import Store
from proxy.ledger.store_principals import Record


async def _nothing() -> Mapping[str, str]:
    return {}


async def _none() -> Sequence[Any]:
    return ()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True)
class AdminParts:
    """`master` opens contents. `configured` gives the principals of the configuration in force. `published` is awaited after each
    change of added principals and puts it in force. `alerts` are who is told of findings, `status` says in words how the ledger
    stands, `settings` gives the configuration in force as people may see it (`path`, `value`, `origin`).
    """

    store: Store
    master: AESGCM
    token: str
    record: Record
    configured: Callable[[], Sequence[Principal]]
    published: Callable[[], Awaitable[None]]
    clock: Clock = field(default_factory=SystemClock)
    in_force: InForce = NOTHING
    alerts: Mapping[str, AlertTarget] = field(default_factory=dict)
    status: Callable[[], Awaitable[Mapping[str, str]]] = field(default=_nothing)
    settings: Callable[[], Awaitable[Sequence[Any]]] = field(default=_none)
    sign_on: SignOn | None = None
    keyed: Callable[[str], str] = _digest
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
