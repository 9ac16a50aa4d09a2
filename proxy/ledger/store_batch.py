"""From spool frames to one batch of rows for the store: entries, projection, contents, all of one epoch.

No database and no files here. Content parts that are not small are unsealed, compressed with zstd and sealed again under the same
key with a nonce of our own; what cannot be unsealed is kept as it is and reported, never dropped. Pieces of one body or answer that
follow each other are joined into rows of at most `ROW_BYTES`, so that memory and rows stay bounded however long an answer is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.ledger.reader import Cursor, Fault
from proxy.ledger.record import Entry, Intent, Line, Outcome, Turn, decode, leaf
from proxy.ledger.sealing import SEAL_BYTES, SealBrokenError, Sealer, unseal
from proxy.ledger.segments import ENTRIES, TICK, Frame
from proxy.ledger.store_keys import stored_name
from proxy.ledger.store_rows import DAY_US, Projection, Row, json_text, kind_of
from proxy.ledger.tables import AS_SEALED, COMPRESSED, OWN_PART

SMALL_BYTES = 2048
"""A content part of an entry below this is shipped as it was sealed: opening, compressing and sealing 1 KB again costs 15 µs, a
quarter of what an exchange may cost here, and saves a third of a kilobyte."""

ROW_BYTES = 1024 * 1024
"""Most plaintext bytes that are joined into one content row."""


CipherOf = Callable[[str], AESGCM | None]
"""Stored name of a content key → its cipher, None when it was destroyed or never kept."""


@dataclass
class Batch:
    """Rows of one epoch, written in one transaction with the place that follows them."""

    instance: str
    epoch: int
    start: Cursor
    end: Cursor
    entries: list[Row] = field(default_factory=list)
    projection: Projection = field(default_factory=Projection)
    contents: list[Row] = field(default_factory=list)
    incidents: list[Row] = field(default_factory=list)
    last_at: int = 0

    def days(self) -> set[int]:
        """The days that the batch's entries belong to."""
        return {row[3] for row in self.entries}


class Resealer:
    """Opens sealed parts and seals compressed ones."""

    def __init__(self, cipher_of: CipherOf) -> None:
        self._cipher_of = cipher_of
        self._sealer = Sealer()
        self._compress = zstandard.ZstdCompressor(level=1, write_checksum=False).compress

    def open(self, key: str, record_id: str, sealed: bytes) -> bytes | None:
        """The plaintext; None when the key is gone. Raises: SealBrokenError when it is not what was sealed."""
        cipher = self._cipher_of(key)
        return unseal(cipher, sealed, record_id) if cipher is not None else None

    def seal(self, key: str, record_id: str, plain: bytes) -> bytes | None:
        """The sealed form of the compressed plaintext; None when the key is gone."""
        cipher = self._cipher_of(key)
        return self._sealer.seal(cipher, self._compress(plain), record_id) if cipher is not None else None


class _Piece(msgspec.Struct):
    id: str
    key: str
    offset: int


_piece_of_body = msgspec.json.Decoder(_Piece).decode
_pieces_of_tick = msgspec.json.Decoder(list[tuple[int, str, str, int, int]]).decode


@dataclass
class _Run:
    """Pieces of one part that follow each other without a gap."""

    record_id: str
    part: str
    key: str
    offset: int
    pieces: list[bytes]
    size: int


class BatchBuilder:
    """Takes frames in spool order and gives the batch. One builder per batch; the resealer is shared."""

    def __init__(self, instance: str, epoch: int, start: Cursor, resealer: Resealer) -> None:
        self.batch = Batch(instance, epoch, start, start)
        self._resealer = resealer
        self._names = stored_name(instance, "")
        self._runs: dict[tuple[str, str], _Run] = {}

    def add(self, frame: Frame) -> None:
        """Take one frame. An intact frame that does not hold what its kind says is kept as far as it goes, and is an incident."""
        if frame.kind in ENTRIES:
            self._entry(frame)
            return
        try:
            if frame.kind == TICK:
                self._tick(frame)
            else:
                piece = _piece_of_body(frame.evidence)
                self._piece(piece.id, "request", piece.key, piece.offset, frame.content)
        except msgspec.MsgspecError as error:
            self._incident("unreadable", 0, {"kind": frame.kind, "offset": frame.offset, "error": str(error)})

    def fault(self, fault: Fault) -> None:
        """Take note of entries that the spool should have held."""
        self._incident(fault.what, fault.first, msgspec.structs.asdict(fault))

    def finish(self, end: Cursor) -> Batch:
        """The batch; `end` is where the frames taken end."""
        for run in self._runs.values():
            self._flush(run)
        self._runs.clear()
        self.batch.end = end
        return self.batch

    def _tick(self, frame: Frame) -> None:
        begin = 0
        for _stream, record_id, key, offset, length in _pieces_of_tick(frame.evidence):
            self._piece(record_id, "answer", key, offset, frame.content[begin : begin + length])
            begin += length

    def _entry(self, frame: Frame) -> None:
        evidence, seq, batch = frame.evidence, frame.seq, self.batch
        entry = self._decoded(frame)
        if entry is not None:
            batch.last_at = entry.at
        kind, record_id = (kind_of(entry), entry.id) if entry is not None else ("", "")
        at = batch.last_at
        batch.entries.append((batch.instance, batch.epoch, seq, at // DAY_US, kind, record_id, at, evidence, leaf(evidence)))
        if isinstance(entry, Intent):
            batch.projection.intent(entry)
            self._own_part(frame, entry.id, "request", entry.content.key)
        elif isinstance(entry, Line):
            batch.projection.line(entry)
        elif isinstance(entry, Turn):
            batch.projection.turn(entry)
        elif isinstance(entry, Outcome):
            batch.projection.outcome(entry)
            if entry.content is not None:
                self._own_part(frame, entry.id, "answer", entry.content.key)

    def _decoded(self, frame: Frame) -> Entry | None:
        try:
            return decode(frame.evidence)
        except msgspec.MsgspecError as error:
            # an entry of a later version: its bytes are kept and hashed, only the projection has to wait for a reindex
            self._incident("unreadable", frame.seq, {"error": str(error)})
            return None

    def _own_part(self, frame: Frame, record_id: str, part: str, key: str) -> None:
        if not frame.content:
            return
        key = self._names + key
        if len(frame.content) < SMALL_BYTES:
            self._keep(record_id, part, OWN_PART, key, frame.content)
            return
        plain = self._opened(key, record_id, frame.content, frame.seq)
        if plain is None:
            self._keep(record_id, part, OWN_PART, key, frame.content)
        else:
            self._store(record_id, part, OWN_PART, key, plain)

    def _piece(self, record_id: str, part: str, key: str, offset: int, sealed: bytes) -> None:
        if not key:
            return  # digests only: the piece was sealed under a key that never left the gateway's memory
        key = self._names + key
        plain = self._opened(key, record_id, sealed, 0)
        if plain is None:
            self._keep(record_id, part, offset, key, sealed)
            return
        run = self._runs.get((record_id, part))
        if run is not None and run.key == key and run.offset + run.size == offset and run.size + len(plain) <= ROW_BYTES:
            run.pieces.append(plain)
            run.size += len(plain)
            return
        if run is not None:
            self._flush(run)
        self._runs[record_id, part] = _Run(record_id, part, key, offset, [plain], len(plain))

    def _flush(self, run: _Run) -> None:
        self._store(run.record_id, run.part, run.offset, run.key, b"".join(run.pieces))

    def _opened(self, key: str, record_id: str, sealed: bytes, seq: int) -> bytes | None:
        try:
            return self._resealer.open(key, record_id, sealed)
        except SealBrokenError:
            self._incident("unsealable", seq, {"id": record_id, "key": key})
            return None

    def _store(self, record_id: str, part: str, piece: int, key: str, plain: bytes) -> None:
        sealed = self._resealer.seal(key, record_id, plain)
        assert sealed is not None, "the keyring is not read again while a batch is made"
        self.batch.contents.append((record_id, part, piece, len(plain), COMPRESSED, key, sealed))

    def _keep(self, record_id: str, part: str, piece: int, key: str, sealed: bytes) -> None:
        self.batch.contents.append((record_id, part, piece, len(sealed) - SEAL_BYTES, AS_SEALED, key, sealed))

    def _incident(self, kind: str, seq: int, detail: dict[str, str | int]) -> None:
        batch = self.batch
        batch.incidents.append((batch.last_at, kind, batch.instance, batch.epoch, seq, json_text(detail), b"", b""))
