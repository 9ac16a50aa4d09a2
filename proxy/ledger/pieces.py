"""Bytes that went to the spool ahead of their entry: pieces of request bodies, and of many answers in one tick. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from proxy.ledger import segments


class Piece(msgspec.Struct, frozen=True):
    """Sealed bytes of a record that went to the spool ahead of its entry. `answer`: of the answer, else of the request."""

    id: str
    key: str
    offset: int
    sealed: bytes
    answer: bool


class Row(msgspec.Struct, array_like=True, gc=False):
    """One row of a tick's evidence: a piece of one answer. `offset` in the answer, `sealed` bytes of the tick's content."""

    stream: int
    id: str
    key: str
    offset: int
    sealed: int


class _Body(msgspec.Struct):
    id: str
    key: str
    offset: int


rows_of = msgspec.json.Decoder(list[Row]).decode
_body_of = msgspec.json.Decoder(_Body).decode


def pieces_of(frame: segments.Frame) -> Iterator[Piece]:
    """The pieces in a body or tick frame; none in others. Raises: msgspec.MsgspecError."""
    if frame.kind == segments.BODY:
        body = _body_of(frame.evidence)
        yield Piece(body.id, body.key, body.offset, frame.content, answer=False)
    elif frame.kind == segments.TICK:
        at = 0
        for row in rows_of(frame.evidence):
            yield Piece(row.id, row.key, row.offset, frame.content[at : at + row.sealed], answer=True)
            at += row.sealed
