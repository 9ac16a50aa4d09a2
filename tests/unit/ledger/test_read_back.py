"""Pieces back from disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger.disk import Disk
from proxy.ledger.read_back import PieceAt, ReadBack, Reading
from proxy.ledger.sealing import Sealer
from proxy.ledger.segment_file import Segment
from tests.torture.ledger_load import filled

cipher = AESGCM(bytes(32))


def piece_in(folder: Path, content: bytes) -> PieceAt:
    """A sealed piece at the start of a file."""
    segment = Segment(Disk(), folder / f"{len(content):08d}.seg", 1)
    sealed = Sealer().seal(cipher, content, "rec_a")
    segment.write([sealed], len(sealed))
    return PieceAt(segment, 0, len(sealed), cipher, "rec_a")


async def test_pieces_that_become_durable_later_are_found_too(tmp_path: Path) -> None:
    """Empty means: none yet."""
    pieces: list[PieceAt] = []
    back = ReadBack(pieces, Reading(asyncio.get_running_loop()))
    assert await filled(back.next()) == b""
    pieces.append(piece_in(tmp_path, b"one"))
    assert [await filled(back.next()) for _ in range(2)] == [b"one", b""]


async def test_a_piece_reads_though_its_segment_was_removed(tmp_path: Path) -> None:
    """Whoever may read it holds the file open."""
    piece = piece_in(tmp_path, b"one")
    piece.segment.path.unlink()
    assert await filled(ReadBack([piece], Reading(asyncio.get_running_loop())).next()) == b"one"


async def test_a_piece_that_does_not_open_fails(tmp_path: Path) -> None:
    """Nothing else than what was received ever goes upstream."""
    piece = piece_in(tmp_path, b"one")
    damaged = bytearray(piece.segment.path.read_bytes())
    damaged[-1] ^= 1
    piece.segment.path.write_bytes(damaged)
    with pytest.raises(LedgerUnavailableError, match="cannot be read back"):
        await filled(ReadBack([piece], Reading(asyncio.get_running_loop())).next())
