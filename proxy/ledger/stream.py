"""One exchange's way into the spool: pieces of the request, its entry, the answer as it passes, the outcome.

Everything here runs on the event loop's thread and never waits; what must become durable is told by Oneshots. Question and
answer each have their own salt; bytes are hashed once, in order, as they go to the spool.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from proxy.core.errors import LedgerUnavailableError
from proxy.core.oneshot import Oneshot
from proxy.ledger import segments
from proxy.ledger.batch import Batch, Piece
from proxy.ledger.content_keys import ContentKey
from proxy.ledger.read_back import PieceList, ReadBack
from proxy.ledger.record import Content, Intent, Outcome, Position, Refusal, encode
from proxy.ledger.sealing import PLAIN, SALT_BYTES, TRANSFORMED
from proxy.ledger.spool import failed

if TYPE_CHECKING:
    from proxy.ledger.recorder import Recorder

_LENGTH = struct.Struct("<I")
_DIGESTED_AT_ONCE = 64 * 1024
_NOT_CUT = ("client_gone", "unknown_after_crash")
_encode = msgspec.json.Encoder().encode
sha256 = hashlib.sha256


def _durable(pieces: PieceList, offset: int, size: int, batch: Batch, error: LedgerUnavailableError | None) -> None:
    """A piece of a request was committed, `offset` bytes into its batch: from there it can be read back."""
    if error is None:
        assert batch.segment is not None
        pieces.add(batch.segment, batch.base + offset, size)


class Stream:
    """One exchange. `on_synced` is called after bytes of its answer became durable.

    `position` is the intent's place once `intent` was called, unless it did not become durable in time. `epoch` is the last one
    it wrote to, `segment` the lowest segment of it that can hold its frames. `closing` is an outcome that is not durable yet,
    `carried` what an ended epoch did not keep.
    """

    __slots__ = (
        "_ahead",
        "_answer",
        "_answer_salt",
        "_answered",
        "_broken",
        "_entered",
        "_gone",
        "_hash",
        "_key",
        "_last",
        "_number",
        "_pieces",
        "_recorder",
        "_salt",
        "_withheld",
        "carried",
        "closing",
        "dirty",
        "epoch",
        "full",
        "id",
        "on_synced",
        "position",
        "principal",
        "segment",
        "unsynced",
    )

    def __init__(self, recorder: Recorder, record_id: str, principal: str, content: str) -> None:
        self.id = record_id
        self.principal = principal
        self.full = content == "full"
        self.on_synced: Callable[[], None] | None = None
        self.position: Position | None = None
        self.segment = 0
        self.dirty = False
        self.unsynced = 0
        self.carried: list[Piece] | None = None
        self.closing: Outcome | None = None
        self._recorder = recorder
        self.epoch = 0
        self._number = 0
        self._key: ContentKey | None = None
        self._salt = b""
        self._hash: Any = None
        self._ahead = 0
        self._pieces: PieceList | None = None
        self._answer: list[bytes] = []
        self._answered = 0
        self._answer_salt = b""
        self._gone = 0
        self._last = b""
        self._broken = ""
        self._entered = False
        self._withheld = 0

    def _enter(self) -> ContentKey:
        """Take part in the epoch that is open now: its number there, and the content key."""
        recorder = self._recorder
        if self.epoch != recorder.epoch:
            self.epoch = recorder.epoch
            self.segment = recorder.segment
            self._number = recorder.next_stream()
        key = self._key
        if key is None:
            key = self._key = recorder.keys.current(self.principal)
        return key

    def request_piece(self, piece: bytes) -> Oneshot[None]:
        """Record bytes of the request's body as they arrive; filled when they are durable and can be read back.

        Fails with LedgerUnavailableError, also when the disk failed since an earlier piece; then every later piece fails, and
        the intent, whether or not anybody awaited this one: a body with a hole must not go upstream.
        """
        recorder = self._recorder
        reason = self._broken = self._broken or recorder.refuses(len(piece)) or self._left_behind()
        if reason:
            return failed(reason)
        key = self._enter()
        name, cipher = (key.name, key.cipher) if self.full else ("", recorder.memory_key)
        if self._pieces is None:
            self._pieces = PieceList(cipher, self.id)
            self._salt = recorder.sealer.salt()
            self._hash = sha256(self._salt)
        self._hash.update(piece)
        evidence = _encode({"id": self.id, "key": name, "offset": self._ahead})
        sealed = recorder.sealer.seal(cipher, piece, self.id)
        self._ahead += len(piece)
        spool = recorder.spool
        oneshot: Oneshot[None] = Oneshot()
        batch = spool.append(segments.BODY, 0, 0, self._number, evidence, sealed)
        spool.settled(partial(_durable, self._pieces, batch.size - len(sealed), len(sealed)))
        batch.waiting.append((oneshot, None))
        return oneshot

    def _left_behind(self) -> str:
        """Why a body cannot go on, when an earlier part of it is in an epoch that ended; else empty."""
        if self._pieces is None or self.epoch == self._recorder.epoch:
            return ""
        return "an earlier part of the request is in an epoch that ended"

    def read_back(self) -> ReadBack:
        """The request's pieces from disk, in order, as far as they are durable when asked for; not the rest given to `intent`."""
        return ReadBack(self._pieces, self._recorder.reading)

    def intent(self, intent: Intent, body: bytes, sent: bytes | None = None) -> Oneshot[Position]:
        """Record what is about to be asked; `body` is what is left after the pieces, `sent` the whole body as a transform made it.

        Sets instance, epoch, seq, received, request_bytes, content (sent, sent_bytes) in `intent`. Filled when durable.
        Fails with LedgerUnavailableError; then nothing may go upstream.
        """
        recorder = self._recorder
        reason = self._broken or recorder.refuses(len(body))
        if reason:
            return failed(reason)
        oneshot = self._question(segments.INTENT, intent, body, sent)
        if not oneshot.done:
            self.position = Position(intent.instance, intent.epoch, intent.seq)
            recorder.under_way.add(self)
        return oneshot

    def refusal(self, refusal: Refusal, body: bytes) -> Oneshot[Position]:
        """Record an exchange that we answer ourselves, as `intent` does; nothing more can be said of it.

        Fails while nothing can become durable, and where the intent was written before: that one may be durable yet.
        """
        blocked = self._recorder.blocked
        if blocked:
            return failed(blocked)
        return self._question(segments.REFUSAL, refusal, body, None)

    def _question(self, kind: int, entry: Intent, body: bytes, sent: bytes | None) -> Oneshot[Position]:
        recorder = self._recorder
        reason = "this exchange has its entry" if self._entered else self._left_behind()
        if reason:
            return failed(reason)
        key = self._enter()
        salt = self._salt or recorder.sealer.salt()
        salted = salt + body
        ahead = self._ahead
        if self._hash is None:
            entry.received = sha256(salted).hexdigest()
        else:
            self._hash.update(body)
            entry.received = self._hash.hexdigest()
            self._hash = None
        entry.request_bytes = ahead + len(body)
        part = PLAIN + salted if self.full else PLAIN + salt
        if sent is not None:
            entry.sent = sha256(salt + sent).hexdigest()
            entry.sent_bytes = len(sent)
            if self.full:
                part = b"".join((TRANSFORMED, salt, _LENGTH.pack(len(body)), body, sent))
        if ahead:
            entry.content = Content("full" if self.full else "digests", key.name, ahead)
        else:
            entry.content = key.full if self.full else key.digests
        spool = recorder.spool
        entry.instance = instance = recorder.instance
        entry.epoch = epoch = recorder.epoch
        entry.seq = seq = spool.seq + 1
        sealed = recorder.sealer.seal(key.cipher, part, self.id)
        batch = spool.append(kind, 0, seq, self._number, encode(entry), sealed)
        self._entered = True
        oneshot: Oneshot[Position] = Oneshot()
        batch.waiting.append((oneshot, Position(instance, epoch, seq)))
        recorder.entries += 1
        return oneshot

    def answer(self, piece: bytes) -> int:
        """Note bytes of the answer as they pass; they go to the spool with the next tick or the outcome.

        Returns: bytes of this answer that are not durable yet; 0 where only digests are kept, or nothing is.
        """
        if self.position is None or self.closing is not None:  # nothing is recorded that these bytes could belong to
            return 0
        self._answer.append(piece)
        self.unsynced = unsynced = self.unsynced + len(piece)
        if not self.dirty:
            self.dirty = True
            self._recorder.soil(self)
        if not self.full:
            return self._digest_much()
        recorder = self._recorder
        if unsynced > recorder.unsynced_bytes:
            if recorder.serves and recorder.blocked:
                self._forgo()
            else:
                recorder.hurry()
        return self.unsynced

    def let_pass(self) -> None:
        """With `serve`, when no disk takes anything: an answer that is paused until its bytes are durable goes on."""
        if self.full and self.unsynced > self._recorder.unsynced_bytes:
            self._forgo()
            if self.on_synced is not None:
                self.on_synced()

    def _forgo(self) -> None:
        """Keep no more than the commitment of this answer: its bytes can neither go to disk nor wait in memory."""
        if self._answer:
            self._absorb()
        self.full = False
        self.carried = None
        self.unsynced = self._gone = 0

    def _digest_much(self) -> int:
        """Where only digests are kept nothing paces the answer, so its bytes must not wait for a tick in memory."""
        if self.unsynced > _DIGESTED_AT_ONCE:
            self._absorb()
            self.unsynced = 0
        return 0

    def take_pieces(self) -> list[Piece]:
        """What a tick shall write of this stream: what an ended epoch could not keep, and the bytes since the last tick."""
        self.dirty = False
        pieces, self.carried = self.carried or [], None
        if not self._answer:
            return pieces
        content = self._absorb()
        if not self.full:
            self.unsynced = 0
            return pieces
        key = self._enter()
        pieces.append(Piece(key.name, self._gone, len(content), self._recorder.sealer.seal(key.cipher, content, self.id)))
        self._gone += len(content)
        return pieces

    def _absorb(self) -> bytes:
        """The answer's bytes since last time, hashed on the way."""
        answer, self._answer = self._answer, []
        content = answer[0] if len(answer) == 1 else b"".join(answer)
        if self._hash is None:
            self._answer_salt = self._recorder.sealer.salt()
            self._hash = sha256(self._answer_salt)
        self._hash.update(content)
        self._answered += len(content)
        return content

    def number_here(self) -> int:
        """The stream's number in the epoch that is open now."""
        self._enter()
        return self._number

    def synced(self, piece: Piece) -> None:
        """A tick made `piece` durable."""
        if not self.full:
            return
        self.unsynced -= piece.size
        if self.on_synced is not None:
            self.on_synced()

    def carry(self, piece: Piece) -> None:
        """The epoch ended before `piece` was durable: it goes to the next one."""
        if self.position is None or not self.full:
            return
        self.carried = [*(self.carried or []), piece]
        if not self.dirty:
            self.dirty = True
            self._recorder.soil(self)

    def disown(self) -> None:
        """The intent did not become durable, or not in time, so nothing more of this exchange is kept."""
        self.position = None
        self.full = False

    def outcome(self, outcome: Outcome, withheld: int = 0) -> Oneshot[Position]:
        """Record how the exchange ended, with what is left of the answer; only after `intent` was durable.

        Sets instance, epoch, seq, intent, answer_bytes, answered, content in `outcome`. Filled when durable, and the whole answer
        with it, however long a disk that hangs takes. Fails with LedgerUnavailableError when the disk failed; the ledger then
        keeps the outcome and writes it when it can: as `cut`, or with `serve` as it is, and there a hang fails it too.
        `withheld`: bytes that `delivered_bytes` includes, though they leave only once the outcome is durable.
        """
        recorder = self._recorder
        if self.position is None:
            return failed("this exchange has no durable intent")
        if self.closing is not None:
            return failed("the outcome of this exchange is being written")
        self.closing = outcome
        self._withheld = withheld
        if self.dirty:
            self.dirty = False
            recorder.dirty.discard(self)
        outcome.intent = self.position
        if self._answer or self._hash is not None:
            self._last = self._rest_of_answer(outcome)
        outcome.answer_bytes = self._answered
        down = recorder.spool.down
        if down:
            recorder.owe(self)
            return failed(down)
        return self.close()

    def _rest_of_answer(self, outcome: Outcome) -> bytes:
        """The content part of the outcome; says in `outcome` what the answer's bytes were."""
        key = self._key
        assert key is not None
        if self._hash is None:
            answer = self._answer
            rest = answer[0] if len(answer) == 1 else b"".join(answer)
            salted = self._recorder.sealer.salt() + rest
            self._answered = len(rest)
            outcome.answered = sha256(salted).hexdigest()
            if self.full:
                outcome.content = key.full
                return PLAIN + salted
            outcome.content = key.digests
            return PLAIN + salted[:SALT_BYTES]
        rest = self._absorb()
        outcome.answered = self._hash.hexdigest()
        outcome.content = Content("full" if self.full else "digests", key.name, self._gone)
        return PLAIN + self._answer_salt + (rest if self.full else b"")

    def close_late(self, *, cut: bool) -> None:
        """Append the outcome that an ended epoch did not keep. `cut`: its client was told no, and never got what was withheld."""
        outcome = self.closing
        assert outcome is not None
        if cut and outcome.outcome not in _NOT_CUT:
            outcome.outcome, outcome.error = "cut", "ledger_unavailable"
            outcome.delivered_bytes -= self._withheld
            self._withheld = 0
        self.close()

    def close(self) -> Oneshot[Position]:
        """Append the outcome that `outcome` or an ended epoch left."""
        recorder, outcome = self._recorder, self.closing
        assert outcome is not None
        if self.carried:
            recorder.write_tick([self])
        key = self._key
        if key is None or self.epoch != recorder.epoch:
            key = self._enter()
        spool = recorder.spool
        outcome.instance = instance = recorder.instance
        outcome.epoch = epoch = recorder.epoch
        outcome.seq = seq = spool.seq + 1
        flags = 0 if outcome.intent.epoch == epoch else segments.CLOSES_EARLIER
        part = self._last
        if part:
            part = recorder.sealer.seal(key.cipher, part, self.id)
        batch = spool.append(segments.OUTCOME, flags, seq, self._number, encode(outcome), part)
        oneshot: Oneshot[Position] = Oneshot()
        batch.held.append((oneshot, Position(instance, epoch, seq)))
        batch.ending.append(self)
        recorder.entries += 1
        return oneshot
