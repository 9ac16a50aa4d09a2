"""The content of a record, opened and held against its commitments: what was asked, what was sent, what was answered.

Pure but for the ciphers it is given. Pieces come as `Piece`s in any order, from any epoch the record touches: a piece that was
written twice, because the disk failed in between, counts once.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.errors import TosProxyError
from proxy.ledger.pieces import Piece
from proxy.ledger.record import Intent, Line, Outcome, line_salt
from proxy.ledger.sealing import PLAIN, SALT_BYTES, TRANSFORMED, unseal

Cipher = Callable[[str, str], AESGCM]
"""From instance and key id to the cipher; raises KeyGoneError. `keyring.Keys.cipher` is one."""

_LENGTH = struct.Struct("<I")
_SALTED = 1 + SALT_BYTES


class ContentGoneError(TosProxyError):
    """The bytes are not kept: the record holds digests only, or pieces of it are missing."""


class CommitmentError(TosProxyError):
    """The bytes are there but are not those that the evidence commits to."""


class Question(msgspec.Struct, frozen=True):
    """What was received, and what was sent where a transform made something else of it (None: the same)."""

    received: bytes
    sent: bytes | None = None


def said(intent: Intent, outcome: Outcome, content: bytes, pieces: Iterable[Piece], cipher: Cipher) -> bytes:
    """What the client of a session sent after its request; `content` is the intent's sealed part.

    Raises: as `question`.
    """
    salt = _parted(unseal(cipher(intent.instance, intent.content.key), content, intent.id))[0]
    if intent.content.mode != "full":
        raise ContentGoneError(f"{intent.id}: only digests were kept")
    sent = _joined(intent, pieces, outcome.request_bytes, cipher, answer=False)
    _check(intent.id, salt, sent, outcome.received)
    return sent


def question(entry: Intent, content: bytes, pieces: Iterable[Piece], cipher: Cipher) -> Question:
    """What an intent or refusal is about, from its sealed content part and its pieces.

    Raises: ContentGoneError, KeyGoneError, SealBrokenError, CommitmentError.
    """
    salt, received, sent = _parted(unseal(cipher(entry.instance, entry.content.key), content, entry.id))
    if entry.content.mode != "full":
        raise ContentGoneError(f"{entry.id}: only digests were kept")
    received = _joined(entry, pieces, entry.content.pieces, cipher, answer=False) + received
    _check(entry.id, salt, received, entry.received)
    if sent is not None:
        _check(entry.id, salt, sent, entry.sent)
    return Question(received, sent)


def answer(outcome: Outcome, content: bytes, pieces: Iterable[Piece], cipher: Cipher) -> bytes:
    """What was answered, from the outcome's sealed content part and the answer's pieces; empty when nothing was.

    Raises: ContentGoneError, KeyGoneError, SealBrokenError, CommitmentError.
    """
    where = outcome.content
    if where is None:
        if outcome.answer_bytes:
            raise ContentGoneError(f"{outcome.id}: the answer could not be read when the record was recovered")
        return b""
    salt, rest, _ = _parted(unseal(cipher(outcome.instance, where.key), content, outcome.id))
    if where.mode != "full":
        raise ContentGoneError(f"{outcome.id}: only digests were kept")
    answered = _joined(outcome, pieces, where.pieces, cipher, answer=True) + rest
    _check(outcome.id, salt, answered, outcome.answered)
    return answered


def line(entry: Line, salt: bytes, body: bytes, others: Mapping[str, bytes] | None = None) -> bytes:
    """A line, from its carrier's salt (`salt_of`) and body as received; `others`: bodies of the records that its pieces name.

    Raises: CommitmentError.
    """
    content = body[entry.offset : entry.offset + entry.length]
    if entry.pieces:
        bodies = others or {}
        content = b"".join([bodies.get(at.id, b"")[at.offset : at.offset + at.length] for at in entry.pieces])
    _check(entry.id, line_salt(salt, entry.number), content, entry.received)
    return content


def salt_of(entry: Intent | Outcome, content: bytes, cipher: Cipher) -> bytes:
    """The salt alone, which is kept in `digests` mode too: with it whoever has the bytes can show that they were committed to.

    Raises: ContentGoneError when there is no content part; KeyGoneError, SealBrokenError.
    """
    if entry.content is None:
        raise ContentGoneError(f"{entry.id}: no content part")
    return _parted(unseal(cipher(entry.instance, entry.content.key), content, entry.id))[0]


def _parted(part: bytes) -> tuple[bytes, bytes, bytes | None]:
    salt, rest = part[1:_SALTED], part[_SALTED:]
    if part[:1] == PLAIN:
        return salt, rest, None
    if part[:1] != TRANSFORMED:
        raise CommitmentError("a content part of unknown form")
    middle = _LENGTH.size + _LENGTH.unpack_from(rest)[0]
    return salt, rest[_LENGTH.size : middle], rest[middle:]


def _joined(entry: Intent | Outcome, pieces: Iterable[Piece], size: int, cipher: Cipher, *, answer: bool) -> bytes:
    """The first `size` bytes, which went ahead."""
    joined = bytearray()
    if size:
        mine = [piece for piece in pieces if piece.id == entry.id and piece.answer == answer]
        for piece in sorted(mine, key=lambda piece: piece.offset):
            if piece.offset > len(joined):
                break
            joined += unseal(cipher(entry.instance, piece.key), piece.sealed, entry.id)[len(joined) - piece.offset :]
    if len(joined) < size:
        raise ContentGoneError(f"{entry.id}: {size - len(joined)} of {size} bytes that went ahead are missing")
    return bytes(joined[:size])


def _check(record: str, salt: bytes, content: bytes, committed: str) -> None:
    if hashlib.sha256(salt + content).hexdigest() != committed:
        raise CommitmentError(f"{record}: the bytes are not those that were committed to")
