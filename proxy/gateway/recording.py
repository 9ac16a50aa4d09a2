"""Where the corridor records: the form of the ledger as exchanges, sessions and carriers write to it."""

from __future__ import annotations

from typing import Protocol

from proxy.core.oneshot import Oneshot
from proxy.gateway.lines import Lines
from proxy.gateway.relay import Tee
from proxy.gateway.session_turns import TurnStream
from proxy.ledger.record import Intent, Outcome, Position, Refusal


class SessionTee(Tee, Protocol):
    """Where both directions are recorded."""

    def client_piece(self, piece: bytes) -> Oneshot[None]:
        """Bytes of the client's; filled when they are durable. Fails with LedgerUnavailableError."""
        ...


class Stream(Tee, Protocol):
    """The record of one exchange as it is written."""

    def intent(self, intent: Intent, body: bytes) -> Oneshot[Position]:
        """Filled when the intent is durable; fails with LedgerUnavailableError."""
        ...

    def refusal(self, refusal: Refusal, body: bytes) -> Oneshot[Position]:
        """Filled when the refusal is durable; fails with LedgerUnavailableError."""
        ...

    def outcome(self, outcome: Outcome, withheld: int) -> Oneshot[Position]:
        """Filled when the outcome is durable; fails with LedgerUnavailableError."""
        ...


class SessionStream(Stream, SessionTee, TurnStream, Protocol):
    """The record of a session as it is written."""


class Ledger(Lines, Protocol):
    """Where records are written."""

    def stream(self, record_id: str, principal: str, content: str) -> Stream:
        """Begin the record of an exchange, sealed for a principal; `content` is `full` or `digests`."""
        ...

    def session(self, record_id: str, principal: str, content: str) -> SessionStream:
        """The same for an exchange that opens a session."""
        ...
