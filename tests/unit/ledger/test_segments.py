"""Frames and segments as bytes."""

from __future__ import annotations

import pytest

from proxy.ledger import segments
from proxy.ledger.segments import HEADER_BYTES, NO_COMMIT, Commit, Header


def frame(seq: int, commit: int = 0, before: int = 0, content: bytes = b"sealed") -> bytes:
    """An intent's frame in commit number `commit`, whose predecessor had `before` frames."""
    return b"".join(segments.pack_frame(segments.INTENT, commit << 1, before, seq, 1, b'{"seq":%d}' % seq, content))


def test_a_header_is_64_bytes_and_reads_back() -> None:
    """All six fields come back."""
    header = Header("0123456789abcdef-12", 7, 3, 4711, 1_700_000_000_000_000, 65_000)
    packed = segments.pack_header(header)
    assert (len(packed), segments.parse_header(packed)) == (HEADER_BYTES, header)


@pytest.mark.parametrize("place", range(HEADER_BYTES))
def test_a_header_with_any_bad_byte_is_none(place: int) -> None:
    """Each of the 64 bytes counts."""
    packed = bytearray(segments.pack_header(Header("0123456789abcdef-0", 1, 1, 1, 1, 0)))
    packed[place] ^= 1
    assert segments.parse_header(bytes(packed)) is None


def test_every_bad_byte_of_a_frame_is_noticed() -> None:
    """Flipping any bit of a frame makes it no frame."""
    good = frame(1)
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 0x10
        assert segments.parse_frame(bytes(bad), 0, len(bad)) is None, place


def test_a_frame_cut_short_is_none() -> None:
    """No prefix of a frame is a frame."""
    good = frame(1)
    assert not any(segments.parse_frame(good[:size], 0, size) for size in range(len(good)))


def test_entries_have_a_number_and_pieces_have_none() -> None:
    """A frame that says otherwise is bad, whatever its checksum says."""
    for kind, seq in ((segments.INTENT, 0), (segments.TICK, 5)):
        wrong = b"".join(segments.pack_frame(kind, 0, 0, seq, 1, b"{}", b""))
        assert segments.parse_frame(wrong, 0, len(wrong)) is None


def test_a_torn_tail_is_no_damage() -> None:
    """Half a frame with nothing behind it is what a power cut leaves."""
    content = frame(1) + frame(2, 1, 1)[:-3]
    assert segments.damaged(Commit(0, 1), content, len(frame(1)), len(content)) is None


def test_a_bad_frame_before_a_good_one_of_a_later_commit_is_damage() -> None:
    """The later commit began only after the earlier one was durable."""
    content = b"x" * 50 + frame(9, commit=5, before=2)
    found = segments.damaged(Commit(3, 1), content, 0, len(content))
    assert found is not None
    assert found.seq == 9


def test_a_bad_frame_in_the_last_commit_is_a_torn_tail() -> None:
    """Sectors of one commit reach the disk in any order, so its later frames may stand without its earlier ones."""
    content = b"x" * 50 + frame(3, commit=4, before=2)
    assert segments.damaged(Commit(3, 2), content, 0, len(content)) is None
    assert segments.damaged(Commit(4, 1), content, 0, len(content)) is None


def test_a_bad_last_frame_of_the_commit_before_is_damage() -> None:
    """The next commit says how many frames the one before had: two, of which only one is there."""
    content = b"x" * 50 + frame(3, commit=4, before=2)
    assert segments.damaged(Commit(3, 1), content, 0, len(content)) is not None


def test_the_first_commit_may_be_torn() -> None:
    """An epoch that never got anything durable is empty, not damaged."""
    content = b"x" * 50 + frame(2, commit=0)
    assert segments.damaged(NO_COMMIT, content, 0, len(content)) is None


def test_a_client_cannot_plant_a_frame_in_evidence() -> None:
    """Evidence is JSON: the zero bytes that every frame has cannot stand in it."""
    planted = frame(1)
    assert b"\0" in planted
    assert planted.replace(b"\0", b"") != planted
