"""The record of a session: an exchange whose client goes on speaking after its request.

What the client sends becomes durable as pieces of its request before it goes upstream; the outcome commits to all of it, with
the salt that the intent was given. Turns are entries of their own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from proxy.core.oneshot import Oneshot
from proxy.ledger import segments
from proxy.ledger.record import Intent, Outcome, Position, Turn, encode
from proxy.ledger.spool import failed
from proxy.ledger.stream import Stream

if TYPE_CHECKING:
    from proxy.ledger.recorder import Recorder

_encode = msgspec.json.Encoder().encode


class SessionStream(Stream):
    """See `Stream`; `client_piece` and `turn` once the intent is durable."""

    __slots__ = ("_asked", "_asked_bytes")

    def __init__(self, recorder: Recorder, record_id: str, principal: str, content: str) -> None:
        super().__init__(recorder, record_id, principal, content)
        self._asked: Any = None
        self._asked_bytes = 0

    def intent(self, intent: Intent, body: bytes, sent: bytes | None = None) -> Oneshot[Position]:
        """See `Stream.intent`; what the client sends later is hashed with the same salt."""
        self._salt = self._recorder.sealer.salt()
        self._asked = hashlib.sha256(self._salt)
        return super().intent(intent, body, sent)

    def client_piece(self, piece: bytes) -> Oneshot[None]:
        """Record bytes that the client has sent; filled when they are durable and may go upstream.

        Fails with LedgerUnavailableError; then they, and all that follows them, may not (`ledger.on_failure: serve` lets them).
        """
        recorder = self._recorder
        if self.position is None or self.closing is not None:
            return failed("this session has no open record")
        reason = self._broken = self._broken or recorder.refuses(len(piece))
        if reason:
            if recorder.serves:  # it goes upstream all the same, so the outcome commits to it
                self._asked.update(piece)
                self._asked_bytes += len(piece)
            return failed(reason)
        key = self._enter()
        self._asked.update(piece)
        if self.full:
            name, cipher, content = key.name, key.cipher, piece
            evidence = _encode({"id": self.id, "key": name, "offset": self._asked_bytes})
        else:  # of bytes that are not kept only the commitment is, and a session may not live to write it into its outcome
            cipher, content = recorder.memory_key, b""
            committed = {"size": len(piece), "received": self._asked.hexdigest()}
            evidence = _encode({"id": self.id, "key": "", "offset": self._asked_bytes, **committed})
        self._asked_bytes += len(piece)
        sealed = recorder.sealer.seal(cipher, content, self.id)
        oneshot: Oneshot[None] = Oneshot()
        recorder.spool.append(segments.BODY, 0, 0, self._number, evidence, sealed).waiting.append((oneshot, None))
        return oneshot

    def turn(self, turn: Turn) -> Oneshot[Position]:
        """Record a turn that begins or has ended. Sets instance, epoch, seq in `turn`. Fails with LedgerUnavailableError."""
        recorder = self._recorder
        spool = recorder.spool
        reason = spool.down or ("" if self.position is not None else "this session has no open record")
        if reason:
            return failed(reason)
        self._enter()
        turn.instance, turn.epoch, turn.seq = recorder.instance, recorder.epoch, spool.seq + 1
        batch = spool.append(segments.TURN, 0, turn.seq, self._number, encode(turn), b"")
        oneshot: Oneshot[Position] = Oneshot()
        batch.waiting.append((oneshot, Position(turn.instance, turn.epoch, turn.seq)))
        recorder.entries += 1
        return oneshot

    def outcome(self, outcome: Outcome, withheld: int = 0) -> Oneshot[Position]:
        """See `Stream.outcome`."""
        if self._asked_bytes:
            outcome.request_bytes = self._asked_bytes
            outcome.received = self._asked.hexdigest()
        return super().outcome(outcome, withheld)
