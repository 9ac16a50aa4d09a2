"""Pieces back from disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger.disk import Disk
from proxy.ledger.read_back import PieceList, ReadBack, Reading
from proxy.ledger.sealing import Sealer
from proxy.ledger.segment_file import Segment
from tests.torture.ledger_load import filled

cipher = AESGCM(bytes(32))


def piece_in(folder: Path, content: bytes, pieces: PieceList) -> Path:
    """A sealed piece at the start of a file."""
    segment = Segment(Disk(), folder / f"{len(content):08d}.seg", 1)
    sealed = Sealer().seal(cipher, content, "rec_a")
    segment.write([sealed], len(sealed))
    pieces.add(segment, 0, len(sealed))
    return segment.path


@pytest.fixture
def pieces() -> PieceList:
    """The pieces of one body."""
    return PieceList(cipher, "rec_a")


async def test_pieces_that_become_durable_later_are_found_too(tmp_path: Path, pieces: PieceList) -> None:
    """Empty means: none yet."""
    back = ReadBack(pieces, Reading(asyncio.get_running_loop()))
    assert await filled(back.next()) == b""
    piece_in(tmp_path, b"one", pieces)
    piece_in(tmp_path, b"more", pieces)
    assert [await filled(back.next()) for _ in range(3)] == [b"one", b"more", b""]


async def test_a_piece_reads_though_its_segment_was_removed(tmp_path: Path, pieces: PieceList) -> None:
    """Whoever may read it holds the file open."""
    piece_in(tmp_path, b"one", pieces).unlink()
    assert await filled(ReadBack(pieces, Reading(asyncio.get_running_loop())).next()) == b"one"


async def test_a_piece_that_does_not_open_fails(tmp_path: Path, pieces: PieceList) -> None:
    """Nothing else than what was received ever goes upstream."""
    path = piece_in(tmp_path, b"one", pieces)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(LedgerUnavailableError, match="cannot be read back"):
        await filled(ReadBack(pieces, Reading(asyncio.get_running_loop())).next())
