"""Content held against its commitments."""

from __future__ import annotations

import hashlib
from itertools import permutations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.micro_spool import outcome
from proxy.ledger import opening
from proxy.ledger.pieces import Piece
from proxy.ledger.record import Content, Outcome
from proxy.ledger.sealing import PLAIN, Sealer

SALT = bytes(16)
cipher = AESGCM(bytes(32))
sealer = Sealer()


def answered(answer: bytes, ahead: int) -> tuple[Outcome, bytes]:
    """An outcome of which the first `ahead` bytes are in pieces, and its content part."""
    entry = outcome("rec_a", 0)
    entry.content = Content("full", "k", ahead)
    entry.answer_bytes, entry.answered = len(answer), hashlib.sha256(SALT + answer).hexdigest()
    return entry, sealer.seal(cipher, PLAIN + SALT + answer[ahead:], "rec_a")


def piece(content: bytes, offset: int, record: str = "rec_a", answer: bool = True) -> Piece:
    """A sealed piece."""
    return Piece(record, "k", offset, sealer.seal(cipher, content, record), answer=answer)


def open_with(entry: Outcome, part: bytes, pieces: list[Piece]) -> bytes:
    """The answer."""
    return opening.answer(entry, part, pieces, lambda *_: cipher)


def test_pieces_come_in_any_order_and_may_come_twice() -> None:
    """As they do when the disk failed in between, cut at other places the second time."""
    entry, part = answered(b"abcdefgh", 6)
    pieces = [piece(b"ab", 0), piece(b"cdef", 2), piece(b"abcd", 0), piece(b"other", 0, "rec_b"), piece(b"q", 0, answer=False)]
    for order in permutations(pieces):
        assert open_with(entry, part, list(order)) == b"abcdefgh"


def test_a_missing_piece_is_told() -> None:
    """With how much is missing."""
    entry, part = answered(b"abcdefgh", 6)
    with pytest.raises(opening.ContentGoneError, match="4 of 6 bytes"):
        open_with(entry, part, [piece(b"ab", 0), piece(b"ef", 4)])


def test_other_bytes_than_committed_to_are_told() -> None:
    """Though they open."""
    entry, part = answered(b"abcdefgh", 2)
    with pytest.raises(opening.CommitmentError):
        open_with(entry, part, [piece(b"ax", 0)])


def test_an_unreadable_answer_is_not_an_empty_one() -> None:
    """Recovery may know the size without the bytes."""
    entry = outcome("rec_a", 0)
    assert open_with(entry, b"", []) == b""
    entry.answer_bytes = 5
    with pytest.raises(opening.ContentGoneError):
        open_with(entry, b"", [])


def test_a_content_part_of_unknown_form_is_told() -> None:
    """Rather than guessed at."""
    entry, _ = answered(b"", 0)
    with pytest.raises(opening.CommitmentError, match="unknown form"):
        open_with(entry, sealer.seal(cipher, b"\x09" + SALT, "rec_a"), [])
