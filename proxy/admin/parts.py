"""What the admin application is made of, as its composer injects it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request

from proxy.core.clock import Clock, SystemClock
from proxy.core.principal import Principal
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


def parts_of(request: Request) -> AdminParts:
    """The parts of the application that serves this request."""
    parts: AdminParts = request.app.state.parts
    return parts
