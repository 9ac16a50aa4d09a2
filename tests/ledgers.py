"""Makes spool frames and whole exchanges for tests of what reads the ledger: sealed as a gateway seals them, without a gateway."""

from __future__ import annotations

import os
from collections.abc import Container
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.ledger.reader import Cursor
from proxy.ledger.record import (
    Content,
    Entry,
    Intent,
    Line,
    Mark,
    Outcome,
    Piece,
    Position,
    Refusal,
    Turn,
    Versions,
    commitment,
    encode,
    line_salt,
)
from proxy.ledger.segments import BODY, INTENT, LINE, MARK, OUTCOME, REFUSAL, TICK, TURN, Frame
from proxy.ledger.store_batch import Batch, BatchBuilder, Resealer

NOON = 1_790_000_000_000_000
"""A day in 2026, in microseconds."""

_KINDS: dict[type, int] = {Intent: INTENT, Outcome: OUTCOME, Refusal: REFUSAL, Mark: MARK, Line: LINE, Turn: TURN}


@dataclass
class Ring:
    """Content keys in memory; `lose` forgets one."""

    keys: dict[str, bytes] = field(default_factory=dict)

    def cipher(self, name: str) -> AESGCM | None:
        """The cipher of a key that was added, by its stored name, else None."""
        key = name.rpartition("/")[2]
        return AESGCM(self.keys[key]) if key in self.keys else None

    def add(self, key: str = "k1") -> str:
        """A new key under this id."""
        self.keys.setdefault(key, os.urandom(32))
        return key

    def seal(self, key: str, record_id: str, plain: bytes) -> bytes:
        """`nonce ‖ ciphertext ‖ tag` as a gateway seals."""
        nonce = os.urandom(12)
        return nonce + AESGCM(self.keys[key]).encrypt(nonce, plain, record_id.encode())

    def lose(self, key: str) -> None:
        """Destroy a key."""
        del self.keys[key]


@dataclass
class Writer:
    """Plays one epoch of one gateway: entries get the next seq, frames are collected in `frames`."""

    instance: str = "00000000000000aa-0"
    epoch: int = 1
    ring: Ring = field(default_factory=Ring)
    at: int = NOON
    seq: int = 0
    count: int = 0
    frames: list[Frame] = field(default_factory=list)

    def _frame(self, kind: int, seq: int, evidence: bytes, content: bytes) -> None:
        offset = self.frames[-1].end if self.frames else 64
        end = offset + 36 + len(evidence) + len(content)
        self.frames.append(Frame(kind, 0, seq, self.count, 0, 0, evidence, content, offset, end))

    def entry(self, entry: Entry, content: bytes = b"") -> None:
        """Append an entry whose seq was taken from `next_seq`."""
        self._frame(_KINDS[type(entry)], entry.seq, encode(entry), content)

    def next_seq(self) -> int:
        """The next number of the epoch; time goes on by a millisecond."""
        self.seq += 1
        self.at += 1000
        return self.seq

    def new_id(self) -> str:
        """The id of a new exchange."""
        self.count += 1
        return f"rec_{self.at // 1000:012x}{self.epoch:04x}{self.count:016x}"

    def intent(
        self, record_id: str, request: bytes = b"ask", *, pieces: int = 0, salt: bytes | None = None, **changes: object
    ) -> Intent:
        """An intent with its sealed request; the first `pieces` bytes are expected in pieces."""
        seq, salt, key = self.next_seq(), salt or os.urandom(16), self.ring.add()
        entry = Intent(
            v=1,
            id=record_id,
            instance=self.instance,
            epoch=self.epoch,
            seq=seq,
            at=self.at,
            mono=self.at * 1000,
            principal="chat",
            credential="bearer",
            purpose="use.product",
            upstream="openai",
            host="api.openai.com",
            dialect="openai",
            endpoint="chat",
            method="POST",
            target="/v1/chat/completions",
            model_requested="gpt-5",
            facts=RequestFacts(model="gpt-5", messages=1),
            request_bytes=len(request),
            received=commitment(salt, request),
            versions=Versions(),
            verdict="allow",
            decision="allow",
            content=Content("full", key, pieces),
        )
        entry = msgspec.structs.replace(entry, **changes)
        self.entry(entry, self.ring.seal(key, record_id, b"\x01" + salt + request[pieces:]))
        return entry

    def outcome(self, intent: Intent, answer: bytes = b"say", *, pieces: int = 0, **changes: object) -> Outcome:
        """An outcome with its sealed answer."""
        seq, salt, key = self.next_seq(), os.urandom(16), self.ring.add()
        entry = Outcome(
            v=1,
            id=intent.id,
            instance=self.instance,
            epoch=self.epoch,
            seq=seq,
            at=self.at,
            mono=self.at * 1000,
            intent=Position(intent.instance, intent.epoch, intent.seq),
            outcome="completed",
            status=200,
            model_returned="gpt-5-2026",
            facts=AnswerFacts(usage=Usage(input=3, output=5), finish="stop"),
            answer_bytes=len(answer),
            delivered_bytes=len(answer),
            answered=commitment(salt, answer),
            duration_us=1000,
            content=Content("full", key, pieces),
        )
        entry = msgspec.structs.replace(entry, **changes)
        self.entry(entry, self.ring.seal(key, intent.id, b"\x01" + salt + answer[pieces:]))
        return entry

    def exchange(self, request: bytes = b"ask", answer: bytes = b"say", **changes: object) -> str:
        """Intent and outcome, one after the other; `changes` are the intent's."""
        intent = self.intent(self.new_id(), request, **changes)
        self.outcome(intent, answer)
        return intent.id

    def carrier(
        self,
        lines: list[bytes],
        *,
        ahead: list[int] | None = None,
        joined: dict[int, tuple[Piece, ...]] | None = None,
        denied: Container[int] = (),
        **changes: object,
    ) -> str:
        """An exchange whose body carries these lines; `ahead`: sizes of the pieces in which its beginning came; `joined`: where
        those lines stand that are joined from other records; `denied`: numbers of lines that were.
        """
        record_id, salt, body, place = self.new_id(), os.urandom(16), b"\n".join(lines) + b"\n", 0
        for size in ahead or []:
            self.body_piece(record_id, place, body[place : place + size])
            place += size
        offset = 0
        for number, line in enumerate(lines):
            seq = self.next_seq()
            self.entry(
                Line(
                    v=1,
                    id=self.new_id(),
                    instance=self.instance,
                    epoch=self.epoch,
                    seq=seq,
                    at=self.at,
                    mono=self.at * 1000,
                    carrier=record_id,
                    number=number,
                    custom_id=f"keyed-{number}",
                    offset=0 if number in (joined or {}) else offset,
                    length=len(line),
                    principal="chat",
                    purpose="use.product",
                    upstream="openai",
                    dialect="openai",
                    endpoint="batch_line",
                    facts=RequestFacts(),
                    received=commitment(line_salt(salt, number), line),
                    pieces=(joined or {}).get(number, ()),
                    decision="deny" if number in denied else "allow",
                )
            )
            offset += len(line) + 1
        intent = self.intent(record_id, body, pieces=place, salt=salt, **changes)
        self.outcome(intent)
        return record_id

    def turn(self, carrier: str, number: int, *, name: str = "", **changes: object) -> str:
        """An entry of a turn of a session; gives its id."""
        seq, name = self.next_seq(), name or self.new_id()
        entry = Turn(
            v=1,
            id=name,
            instance=self.instance,
            epoch=self.epoch,
            seq=seq,
            at=self.at,
            mono=self.at * 1000,
            carrier=carrier,
            number=number,
            principal="chat",
            purpose="use.product",
            upstream="openai",
            dialect="openai",
            endpoint="realtime",
            facts=RequestFacts(messages=1, audio_bytes=10),
            answer=AnswerFacts(),
        )
        self.entry(msgspec.structs.replace(entry, **changes))
        return name

    def session(self, said: list[bytes], answer: bytes = b"say") -> str:
        """A session whose client said these pieces, with two turns, one of which has ended; gives its id."""
        record_id, salt = self.new_id(), os.urandom(16)
        intent = self.intent(record_id, b"", salt=salt, endpoint="realtime")
        first = self.turn(record_id, 1)
        offset = 0
        for piece in said:
            self.body_piece(record_id, offset, piece)
            offset += len(piece)
        usage = AnswerFacts(usage=Usage(input=3, output=4), finish="completed", text_chars=7)
        self.turn(record_id, 1, name=first, answer=usage, outcome="completed", duration_us=500)
        self.turn(record_id, 2)
        whole = b"".join(said)
        self.outcome(intent, answer, request_bytes=len(whole), received=commitment(salt, whole))
        return record_id

    def body_piece(self, record_id: str, offset: int, piece: bytes, key: str = "k1") -> None:
        """A piece of a request body ahead of its intent."""
        self.ring.add(key)
        evidence = msgspec.json.encode({"id": record_id, "key": key, "offset": offset})
        self._frame(BODY, 0, evidence, self.ring.seal(key, record_id, piece))

    def tick(self, *pieces: tuple[str, int, bytes], key: str = "k1") -> None:
        """One tick of answer pieces: (record id, offset, bytes)."""
        self.ring.add(key)
        sealed = [self.ring.seal(key, record_id, piece) for record_id, _, piece in pieces]
        rows = [[1, record_id, key, offset, len(part)] for (record_id, offset, _), part in zip(pieces, sealed, strict=True)]
        self._frame(TICK, 0, msgspec.json.encode(rows), b"".join(sealed))

    def batch(self, start: Cursor | None = None, *, taken: int = 0, until: int | None = None) -> Batch:
        """The batch of the frames from number `taken` to `until`."""
        chosen = self.frames[taken:until]
        begin = start or Cursor()
        builder = BatchBuilder(self.instance, self.epoch, begin, Resealer(self.ring.cipher))
        for frame in chosen:
            builder.add(frame)
        last = max((frame.seq for frame in chosen), default=0)
        return builder.finish(Cursor(1, chosen[-1].end if chosen else 64, max(last, begin.seq)))
