"""What the admin application is made of, as its composer injects it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request

from proxy.admin import roles
from proxy.admin.in_force import NOTHING, InForce
from proxy.admin.openings import Openings
from proxy.admin.problems import ProblemError
from proxy.admin.sessions import Session, Sessions
from proxy.admin.sign_on import SignOn
from proxy.core.alerts import AlertTarget
from proxy.core.clock import Clock, SystemClock
from proxy.core.jobs import Job
from proxy.core.principal import Principal
from proxy.core.rules import Rule
from proxy.detection.weights import Weights
from proxy.ledger import store_exchanges
from proxy.ledger.store import Store
from proxy.ledger.store_principals import Record


async def _nothing() -> Mapping[str, str]:
    return {}


async def _none() -> Sequence[Any]:
    return ()


async def _no_texts(_rule: Rule) -> tuple[str | None, str | None]:
    return None, None


async def _unexplained(_record: str | None, _call: Mapping[str, Any] | None, _on: int | None) -> dict[str, Any]:
    raise KeyError


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


async def _erases_nothing(_principal: str) -> int:
    return 0


class JobBook(Protocol):
    """Who carries out long work. What goes wrong with a job is a TosProxyError."""

    def start(self, kind: str, asked: dict[str, Any], by: str) -> Job:
        """Begin a job, or have it wait."""
        ...

    def page(self, *, limit: int, after: str = "") -> list[Job]:
        """Jobs, the newest first, those behind the id `after`."""
        ...

    def named(self, job: str) -> Job:
        """One job."""
        ...

    def result(self, job: str) -> bytes | None:
        """Its result as JSON."""
        ...

    async def cancel(self, job: str) -> Job:
        """End it."""
        ...


@dataclass(frozen=True)
class AdminParts:
    """`master` opens contents. `configured` gives the principals of the configuration in force. `published` is awaited after each
    change of added principals and puts it in force. `alerts` are who is told of findings, `status` says in words how the ledger
    stands, `settings` gives the configuration in force as people may see it (`path`, `value`, `origin`), `lag` how far readers of
    the ledger are behind. `explain` says of a record (by id) or a call (by the names of expressions), at a time (None: its own, or
    now), why it is decided as it is: KeyError where there is none, ValueError where the call cannot be read. `policy_texts` gives
    the text of a rule and of its tests. `jobs`: None where nobody carries them out. `erase`
    destroys the content keys of a principal. `keyed` makes of what a host knows of somebody
    what may be kept. `weights`: of the detector, None where nobody looks.
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
    lag: Callable[[], Mapping[str, float]] = field(default=dict)
    explain: Callable[[str | None, Mapping[str, Any] | None, int | None], Awaitable[dict[str, Any]]] = field(default=_unexplained)
    policy_texts: Callable[[Rule], Awaitable[tuple[str | None, str | None]]] = field(default=_no_texts)
    jobs: JobBook | None = None
    erase: Callable[[str], Awaitable[int]] = field(default=_erases_nothing)
    openings: Openings = field(default_factory=Openings)
    sign_on: SignOn | None = None
    keyed: Callable[[str], str] = _digest
    weights: Callable[[], Weights] | None = None
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


async def opening(parts: AdminParts, request: Request, exchange: str, reason: str) -> str:
    """Record that whoever asks opens the content of an exchange; or say why they do not: `role`, `reason`. Empty: it may be shown.

    Raises: LedgerUnavailableError; then nothing may be shown.
    """
    session = session_of(request)
    if session.role not in roles.OPENERS:
        return "role"
    if not reason.strip() and session.name != roles.ROOT:
        return "reason"
    await parts.openings.note(parts.record, session.name, exchange, reason.strip(), parts.clock.utc_us())
    return ""
