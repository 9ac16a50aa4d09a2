"""Opens what a record sealed: the parts of a request or an answer, put together and held against the commitments.

What cannot be shown has a reason instead: `digests` (the bytes were never kept), `erased` (the key was destroyed or the rows have
gone by retention), `open` (the exchange has not ended, or its end is not shipped yet), `sealed` (the bytes do not open under this
master key), `large` (more than `MOST_SHOWN_BYTES`).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import RowMapping, func, select

from proxy.ledger.record import Content, Intent, Outcome, Refusal, decode
from proxy.ledger.sealing import PLAIN, SALT_BYTES, TRANSFORMED, SealBrokenError, unseal
from proxy.ledger.store import Store
from proxy.ledger.store_exchanges import Evidence
from proxy.ledger.store_keys import unwrap_stored
from proxy.ledger.tables import COMPRESSED, OWN_PART, content_keys, contents

MOST_SHOWN_BYTES = 64 * 1024 * 1024
"""Above this a content is not put together in memory for a page."""

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Part:
    """One side of a record. `content` is None with a `reason`, or the bytes as received (request) or answered.

    `opens`: whether the commitment in the evidence opens to these bytes; None when there is nothing to hold against it.
    """

    content: bytes | None
    reason: str = ""
    opens: bool | None = None


class NotShownError(Exception):
    """Why a part cannot be shown, in one word: `str()` of it."""


@dataclass(frozen=True)
class _Side:
    """What the evidence says of one side; `commitment` and `content` are empty when there is only what reached the spool."""

    name: str
    record_id: str
    content: Content | None
    commitment: str = ""
    sent: str = ""


Keys = Mapping[str, tuple[AESGCM | None, bool]]
"""Stored name → cipher, and whether the key is still there at all."""


async def opened(store: Store, evidence: Evidence, master: AESGCM) -> tuple[Part, Part]:
    """Request and answer of a record. Raises: StoreUnavailableError."""
    record_id = evidence.row["id"]
    mine = contents.c.record_id == record_id
    sizes = select(contents.c.part, func.sum(contents.c.size)).where(mine).group_by(contents.c.part)
    async with store.read() as connection:
        large = {part for part, size in await connection.execute(sizes) if size > MOST_SHOWN_BYTES}
        rows = (await connection.execute(select(contents).where(mine, contents.c.part.not_in(large)))).mappings().all()
        names = {row["key_id"] for row in rows}
        wanted = select(content_keys.c.key_id, content_keys.c.wrapped).where(content_keys.c.key_id.in_(names))
        keys = {name: (unwrap_stored(master, name, wrapped), bool(wrapped)) for name, wrapped in await connection.execute(wanted)}
    sides = _sides(record_id, evidence)
    shown = [
        _shown(side, [row for row in rows if row["part"] == side.name], keys, large=side.name in large)
        if side
        else Part(None, "open")
        for side in sides
    ]
    return shown[0], shown[1]


async def answer_of(store: Store, record_id: str, master: AESGCM) -> AsyncIterator[bytes]:
    """The answer of a record in order, a row at a time, as far as it can be opened; not held against its commitment.

    Raises: StoreUnavailableError.
    """
    mine = (contents.c.record_id == record_id) & (contents.c.part == "answer")
    async with store.read() as connection:
        offsets = [row[0] for row in await connection.execute(select(contents.c.piece).where(mine).order_by(contents.c.piece))]
    reached = 0
    for offset in sorted(offsets, key=lambda offset: (offset == OWN_PART, offset)):
        async with store.read() as connection:
            row = (await connection.execute(select(contents).where(mine, contents.c.piece == offset))).mappings().first()
            if row is None:
                return
            wrapped = select(content_keys.c.wrapped).where(content_keys.c.key_id == row["key_id"])
            key = (await connection.execute(wrapped)).scalar()
        try:
            plain = _plain(record_id, row, {row["key_id"]: (unwrap_stored(master, row["key_id"], key), bool(key))})
        except NotShownError:
            return
        piece = _split(plain)[1] if offset == OWN_PART else plain[reached - offset :] if offset <= reached else b""
        reached += len(piece)
        if piece:
            yield piece


async def request_places(
    store: Store, evidence: Evidence, master: AESGCM, places: Sequence[tuple[int, int]]
) -> tuple[bytes, list[bytes]]:
    """A request's salt, and the bytes at some places (offset, length; ascending) of its body; no more of it is opened than these.

    Raises: NotShownError; StoreUnavailableError.
    """
    record_id = evidence.row["id"]
    side = _sides(record_id, evidence)[0]
    if side is None or side.content is None:
        raise NotShownError("open")
    mine = (contents.c.record_id == record_id) & (contents.c.part == "request")
    first, last = places[0][0], max(offset + length for offset, length in places)
    wanted = (contents.c.piece == OWN_PART) | ((contents.c.piece < last) & (contents.c.piece + contents.c.size > first))
    async with store.read() as connection:
        rows = (await connection.execute(select(contents).where(mine, wanted).order_by(contents.c.piece))).mappings().all()
        named = select(content_keys.c.key_id, content_keys.c.wrapped).where(
            content_keys.c.key_id.in_({row["key_id"] for row in rows})
        )
        keys = {name: (unwrap_stored(master, name, wrapped), bool(wrapped)) for name, wrapped in await connection.execute(named)}
    pieces = {row["piece"]: _plain(record_id, row, keys) for row in rows}
    own = pieces.pop(OWN_PART, None)
    if side.content.mode == "digests":
        raise NotShownError("digests")
    if own is None:
        raise NotShownError("erased")
    salt, rest, _ = _split(own)
    pieces[side.content.pieces] = rest
    return salt, [_cut(pieces, offset, length) for offset, length in places]


def _cut(pieces: Mapping[int, bytes], offset: int, length: int) -> bytes:
    """The bytes at one place, from pieces in order that may overlap."""
    found = bytearray()
    for begin, piece in pieces.items():
        at = offset + len(found) - begin
        if len(found) < length and 0 <= at < len(piece):
            found += piece[at : at + length - len(found)]
    if len(found) < length:
        raise NotShownError("erased")
    return bytes(found)


def _sides(record_id: str, evidence: Evidence) -> tuple[_Side | None, _Side | None]:
    request = answer = None
    if evidence.intent is not None and isinstance(intent := decode(evidence.intent), Intent):
        request = _Side("request", record_id, intent.content, intent.received, intent.sent)
        if isinstance(intent, Refusal):
            return request, _Side("answer", record_id, None)
    if evidence.outcome is not None and isinstance(outcome := decode(evidence.outcome), Outcome):
        answer = _Side("answer", record_id, outcome.content, outcome.answered)
        if request is not None and request.content is not None and outcome.received:  # what a session's client said after it
            said = msgspec.structs.replace(request.content, pieces=outcome.request_bytes)
            request = _Side("request", record_id, said, outcome.received)
    return request, answer


def _shown(side: _Side, rows: Sequence[RowMapping], keys: Keys, *, large: bool) -> Part:
    if side.content is not None and side.content.mode == "digests":
        return Part(None, "digests")
    if large:
        return Part(None, "large")
    try:
        pieces = sorted((row["piece"], _plain(side.record_id, row, keys)) for row in rows)
        return _assembled(side, dict(pieces))
    except NotShownError as reason:
        return Part(None, str(reason))


def _plain(record_id: str, row: RowMapping, keys: Keys) -> bytes:
    return _unsealed(record_id, row["key_id"], row["coding"], row["sealed"], keys)


def _unsealed(record_id: str, key: str, coding: int, sealed: bytes, keys: Keys) -> bytes:
    cipher, kept = keys.get(key, (None, False))
    if cipher is None:
        raise NotShownError("sealed" if kept else "erased")
    try:
        plain = unseal(cipher, sealed, record_id)
        return zstandard.decompress(plain) if coding == COMPRESSED else plain
    except (SealBrokenError, zstandard.ZstdError):
        raise NotShownError("sealed") from None


def _assembled(side: _Side, pieces: dict[int, bytes]) -> Part:
    """Pieces in order, then what came with the entry. Pieces that overlap (shipped twice in other joints) are used once."""
    own = pieces.pop(OWN_PART, None)
    ahead = bytearray()
    for offset, piece in pieces.items():
        if offset <= len(ahead) < offset + len(piece):
            ahead += piece[len(ahead) - offset :]
    if side.content is None:
        return Part(bytes(ahead))
    if own is None or len(ahead) < side.content.pieces:
        raise NotShownError("erased")
    salt, rest, sent = _split(own)
    content = bytes(ahead[: side.content.pieces]) + rest
    opens = hashlib.sha256(salt + content).hexdigest() == side.commitment
    if side.sent:
        opens = opens and hashlib.sha256(salt + sent).hexdigest() == side.sent
    return Part(content, "", opens)


def _split(own: bytes) -> tuple[bytes, bytes, bytes]:
    """Salt, bytes after the pieces, bytes sent (empty when they are what was received) of an entry's own part (record v1)."""
    form, salt, rest = own[:1], own[1 : 1 + SALT_BYTES], own[1 + SALT_BYTES :]
    if form == PLAIN:
        return salt, rest, b""
    if form == TRANSFORMED:
        (length,) = _LENGTH.unpack_from(rest)
        return salt, rest[_LENGTH.size : _LENGTH.size + length], rest[_LENGTH.size + length :]
    raise NotShownError("sealed")
