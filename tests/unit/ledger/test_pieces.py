"""Pieces as frames carry them."""

from __future__ import annotations

import msgspec

from proxy.ledger import segments
from proxy.ledger.pieces import pieces_of


def frame(kind: int, evidence: object, content: bytes) -> segments.Frame:
    """A frame with this evidence."""
    packed = b"".join(segments.pack_frame(kind, 0, 0, int(kind in segments.ENTRIES), 1, msgspec.json.encode(evidence), content))
    parsed = segments.parse_frame(packed, 0, len(packed))
    assert parsed is not None
    return parsed


def test_a_tick_holds_pieces_of_many_answers() -> None:
    """Each with its own bytes."""
    rows = [(1, "rec_a", "k1", 0, 3), (2, "rec_b", "k2", 10, 2)]
    found = list(pieces_of(frame(segments.TICK, rows, b"aaabb")))
    assert [(piece.id, piece.key, piece.offset, piece.sealed, piece.answer) for piece in found] == [
        ("rec_a", "k1", 0, b"aaa", True),
        ("rec_b", "k2", 10, b"bb", True),
    ]


def test_a_body_frame_is_one_piece_of_a_request() -> None:
    """With its offset."""
    (piece,) = pieces_of(frame(segments.BODY, {"id": "rec_a", "key": "k", "offset": 7}, b"sealed"))
    assert (piece.id, piece.offset, piece.sealed, piece.answer) == ("rec_a", 7, b"sealed", False)


def test_entries_hold_no_pieces() -> None:
    """Their content part is another thing."""
    assert list(pieces_of(frame(segments.INTENT, {"id": "rec_a"}, b"sealed"))) == []
