"""Segments and frames as bytes (docs/adr/0003-spool-frame.md). Pure: nothing here opens a file.

Encoding is what the spool writes; parsing is what reader, recovery and tests go by. A bad frame is never skipped silently:
`survey` tells a torn tail, which a power cut may leave in the one commit that was not synced yet, from damage to synced bytes.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

SEGMENT_MAGIC = b"TPSEG001"
FRAME_MAGIC = b"TPF1"
HEADER_BYTES = 64
FRAME_BYTES = 36
SEGMENT_BYTES = 64 * 1024 * 1024

INTENT, OUTCOME, REFUSAL, MARK, LINE, TURN, BODY, TICK = 1, 2, 3, 4, 5, 6, 16, 17
ENTRIES = frozenset({INTENT, OUTCOME, REFUSAL, MARK, LINE, TURN})
KINDS = ENTRIES | {BODY, TICK}

CLOSES_EARLIER = 1
"""Flag of an outcome whose intent lies in an earlier epoch."""
COMMIT_SHIFT = 1
COMMIT_MASK = 0x7F
FRAMES_CAP = 0xFFFF

_HEADER = struct.Struct("<8s24sIIQQI")
_HEAD = struct.Struct("<4sBBHIIQQ")
_SEALED_HEAD = struct.Struct("<4sBBHIIQQI")
_CRC = struct.Struct("<I")
_as_tuple = tuple.__new__  # what a named tuple's own constructor calls, without the call: every frame is made here
pack_head = _HEAD.pack
pack_crc = _CRC.pack


class Header(NamedTuple):
    """What a segment says of itself. `previous_end`: where the segment before it ends for good; what lies beyond is void."""

    instance: str
    epoch: int
    segment: int
    first_seq: int
    created: int
    previous_end: int


class Frame(NamedTuple):
    """One frame. `offset` is where it begins in its segment, `end` where the next one would.

    `commit` counts commits modulo 128, `before` is the number of frames of the commit before (at most 65,535).
    """

    kind: int
    flags: int
    seq: int
    stream: int
    commit: int
    before: int
    evidence: bytes
    content: bytes
    offset: int
    end: int

    @property
    def content_offset(self) -> int:
        """Where the content part begins in the segment."""
        return self.end - len(self.content)


def pack_header(header: Header) -> bytes:
    """The 64 bytes at the start of a segment."""
    instance = header.instance.encode()
    head = _HEADER.pack(SEGMENT_MAGIC, instance, *header[1:])
    return head + pack_crc(zlib.crc32(head))


def parse_header(segment: bytes) -> Header | None:
    """The header of a segment, None when it is not whole."""
    if len(segment) < HEADER_BYTES:
        return None
    head = segment[: HEADER_BYTES - 4]
    if head[:8] != SEGMENT_MAGIC or pack_crc(zlib.crc32(head)) != segment[HEADER_BYTES - 4 : HEADER_BYTES]:
        return None
    _, instance, epoch, number, first_seq, created, previous_end = _HEADER.unpack(head)
    return Header(instance.rstrip(b"\0").decode("ascii", "replace"), epoch, number, first_seq, created, previous_end)


def pack_frame(
    kind: int, flags: int, before: int, seq: int, stream: int, evidence: bytes, content: bytes
) -> tuple[bytes, bytes, bytes]:
    """A frame as the three buffers that `writev` takes. `flags` holds the commit number from its second bit on."""
    head = pack_head(FRAME_MAGIC, kind, flags, before, len(evidence), len(content), seq, stream)
    return head + pack_crc(zlib.crc32(content, zlib.crc32(evidence, zlib.crc32(head)))), evidence, content


def parse_frame(segment: bytes, offset: int, end: int, base: int = 0) -> Frame | None:
    """The frame that begins at `offset` and ends at or before `end`, None when there is no whole and sound one.

    `base`: where in its segment the given bytes begin.
    """
    body = offset + FRAME_BYTES
    if body > end:
        return None
    magic, kind, flags, before, evidence_size, content_size, seq, stream, crc = _SEALED_HEAD.unpack_from(segment, offset)
    middle = body + evidence_size
    last = middle + content_size
    if magic != FRAME_MAGIC or kind not in KINDS or last > end or (seq > 0) != (kind in ENTRIES):
        return None
    if zlib.crc32(segment[body:last], zlib.crc32(segment[offset : body - 4])) != crc:
        return None
    evidence, content = segment[body:middle], segment[middle:last]
    found = (kind, flags & 1, seq, stream, flags >> COMMIT_SHIFT, before, evidence, content, base + offset, base + last)
    return _as_tuple(Frame, found)


def next_sound(segment: bytes, offset: int, end: int) -> Frame | None:
    """The first sound frame that begins at or after `offset`, wherever it is.

    A client cannot plant one: content is sealed, and evidence is JSON, which holds no zero byte.
    """
    while (offset := segment.find(FRAME_MAGIC, offset, end)) >= 0:
        if (frame := parse_frame(segment, offset, end)) is not None:
            return frame
        offset += 1
    return None


class Commit(NamedTuple):
    """The commit a sound prefix ends in: its number, and how many of its frames the prefix holds."""

    number: int
    frames: int


NO_COMMIT = Commit(-1, 0)


def damaged(commit: Commit, segment: bytes, offset: int, end: int) -> Frame | None:
    """Whether bytes that had been synced are bad at `offset`, given the commit of the sound frames before it.

    Only one commit is ever under way, so a power cut can harm none but the last. What stands bad there is harmless if
    every sound frame behind it is of the same commit, or of the next one while the prefix holds all frames of its own.

    Returns: the first sound frame behind the damage, None for a torn tail.
    """
    first = frame = next_sound(segment, offset, end)
    while frame is not None:
        if frame.commit != commit.number and (
            frame.commit != (commit.number + 1) & COMMIT_MASK or min(commit.frames, FRAMES_CAP) != frame.before
        ):
            return first
        frame = next_sound(segment, frame.end, end)
    return None
