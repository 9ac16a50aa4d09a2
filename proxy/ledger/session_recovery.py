"""What recovery finds out about sessions: which of a client's bytes were durable, and which turns nobody ended. No event loop.

The commitment to what a client sent has the salt of the session's intent, which is read back from its sealed part.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from proxy.core.clock import Clock
from proxy.core.errors import TosProxyError
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Content, Turn, decode, encode
from proxy.ledger.sealing import SALT_BYTES, unseal
from proxy.ledger.segments import Frame


class _Asked(msgspec.Struct):
    """Evidence of a piece; `size` and `received` only where its bytes are not kept."""

    id: str
    key: str
    offset: int
    size: int = 0
    received: str = ""


class _Opened(msgspec.Struct):
    id: str
    content: Content


asked_of = msgspec.json.Decoder(_Asked).decode
_opened_of = msgspec.json.Decoder(_Opened).decode


class SealedAt(msgspec.Struct, frozen=True):
    """Sealed bytes in a segment, and the id of their key."""

    path: Path
    offset: int
    size: int
    key: str

    def read(self) -> bytes:
        """The sealed bytes. Raises: OSError."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


class AskedAt(msgspec.Struct, frozen=True):
    """One piece of what a client said."""

    at: SealedAt
    offset: int
    size: int
    received: str


def question_at(path: Path, frame: Frame) -> SealedAt:
    """Where the content part of an intent lies."""
    return SealedAt(path, frame.content_offset, len(frame.content), _opened_of(frame.evidence).content.key)


def asked_at(path: Path, frame: Frame) -> AskedAt:
    """Where a piece lies."""
    asked = asked_of(frame.evidence)
    return AskedAt(SealedAt(path, frame.content_offset, len(frame.content), asked.key), asked.offset, asked.size, asked.received)


def asked(name: str, instance: str, question: SealedAt | None, pieces: list[AskedAt], keys: Keys) -> tuple[int, str]:
    """(bytes, commitment) of what the client had sent, without a gap from its first byte; nothing where that cannot be read."""
    size, received = 0, ""
    digest = None
    try:
        if question is not None and pieces:
            part = unseal(keys.cipher(instance, question.key), question.read(), name)
            digest = hashlib.sha256(part[1 : 1 + SALT_BYTES])
        for piece in sorted(pieces, key=lambda piece: piece.offset):
            if piece.offset != size or digest is None:
                break
            if piece.at.key:
                plain = unseal(keys.cipher(instance, piece.at.key), piece.at.read(), name)
                digest.update(plain)
                size, received = size + len(plain), digest.hexdigest()
            else:
                size, received = size + piece.size, piece.received
    except (OSError, TosProxyError):
        return 0, ""
    return size, received


def turn_of(frame: Frame) -> Turn | None:
    """The turn that an entry is about; None when it is unreadable."""
    try:
        entry = decode(frame.evidence)
    except msgspec.MsgspecError:
        return None
    return entry if isinstance(entry, Turn) else None


def unknown_turn(turn: Turn, clock: Clock, instance: str, epoch: int, seq: int) -> bytes:
    """Evidence of the end of a turn of which nobody can say how it ended."""
    ended = msgspec.structs.replace(
        turn, instance=instance, epoch=epoch, seq=seq, at=clock.utc_us(), mono=clock.monotonic_ns(), outcome="unknown_after_crash"
    )
    return encode(ended)
