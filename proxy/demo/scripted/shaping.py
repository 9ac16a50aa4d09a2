"""From an answer to bytes: the body's pieces, their coding and framing, and the head, each bent as the script says."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Protocol

import msgspec

from proxy.demo.scripted.routes import Answer
from proxy.demo.scripted.script import Script
from proxy.demo.scripted.seen import Seen

MIB = 1024 * 1024
GARBAGE = b"\x16\x03\x01\x02\x00SSH-2.0-scripted\r\n\x00\xff\xfe this is no HTTP\r\n\r\n"
BAD_CHUNK = b"zz-not-a-size\r\nrubbish\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus}
CUTTING = ("reset", "close", "half_close", "stall")


class Coder(Protocol):
    """An incremental content coding whose every `code` can be decoded on its own."""

    def code(self, piece: bytes) -> bytes:
        """The coded form of one piece, flushed."""
        ...

    def end(self) -> bytes:
        """What closes the coded stream."""
        ...


class _Plain:
    def code(self, piece: bytes) -> bytes:
        return piece

    def end(self) -> bytes:
        return b""


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.compressobj(wbits=window_bits)

    def code(self, piece: bytes) -> bytes:
        return self._stream.compress(piece) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._stream.flush()


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # it has no stubs

        self._stream = brotli.Compressor(quality=4)

    def code(self, piece: bytes) -> bytes:
        return bytes(self._stream.process(piece) + self._stream.flush())

    def end(self) -> bytes:
        return bytes(self._stream.finish())


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        self._stream = zstandard.ZstdCompressor().compressobj()

    def code(self, piece: bytes) -> bytes:
        return self._stream.compress(piece) + self._stream.flush(self._block)

    def end(self) -> bytes:
        return self._stream.flush()


def coder(encoding: str | None) -> Coder:
    """The coder of a content coding's name."""
    if encoding == "gzip":
        return _Zlib(31)
    if encoding == "deflate":
        return _Zlib(15)
    if encoding == "br":
        return _Brotli()
    if encoding == "zstd":
        return _Zstd()
    return _Plain()


def _plain_pieces(answer: Answer) -> Iterator[bytes]:
    script, content = answer.script, answer.content
    if script.bomb_mib:
        yield from itertools.repeat(bytes(MIB), script.bomb_mib)
        return
    yield from content.opening
    if script.fault == "infinite":
        yield from itertools.cycle(content.deltas or content.opening[-1:] or content.closing[:1])
    if script.fault == "error_event" and content.streamed:
        yield from content.deltas[: (len(content.deltas) + 1) // 2]
        yield content.error
        return
    yield from content.deltas
    if script.fault == "truncate":
        yield from [piece[: len(piece) // 2] for piece in content.closing if not content.streamed]
        return
    yield from content.closing


def _coded(pieces: Iterator[bytes], coding: Coder) -> Iterator[bytes]:
    for piece in pieces:
        yield coding.code(piece)
    yield coding.end()


def _cut_to_size(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % size
        yield from (rest[at : at + size] for at in range(0, whole, size))
        rest = rest[whole:]
    yield rest


class Body(msgspec.Struct):
    """A body ready to be sent: its pieces in their coding, and its length where it was worth knowing."""

    pieces: Iterator[bytes]
    framing: str
    length: int


def bodiless(seen: Seen, status: int) -> bool:
    """Whether an answer must not have a body (RFC 9110 §6.4.1)."""
    return seen.method == b"HEAD" or status in (204, 304)


def body_of(answer: Answer, seen: Seen) -> Body:
    """The body of an answer. Only a body framed by length is built as a whole."""
    script = answer.script
    default = "close" if seen.version == b"HTTP/1.0" else "chunked" if answer.content.streamed else "length"
    framing = script.framing or default
    if script.fault == "infinite" and framing == "length":
        framing = "chunked"
    pieces = filter(None, _coded(_plain_pieces(answer), coder(script.encoding)))
    if framing == "length":
        built = b"".join(pieces)
        # A whole body goes out in one piece, unless the script wants to see it come in parts.
        paced = script.chunk_size or (max(1, -(-len(built) // script.chunks)) if script.delay_ms else max(1, len(built)))
        return Body(filter(None, _cut_to_size(iter([built]), paced)), framing, len(built))
    if script.chunk_size:
        pieces = filter(None, _cut_to_size(pieces, script.chunk_size))
    return Body(pieces, framing, 0)


def framed(piece: bytes, framing: str) -> bytes:
    """A piece of the body as it stands on the wire."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece


def _header_lines(answer: Answer, body: Body, seen: Seen) -> list[tuple[str, str]]:
    script = answer.script
    lines = list(answer.headers)
    if script.encoding:
        lines.append(("content-encoding", script.encoding))
    if not bodiless(seen, answer.status) or seen.method == b"HEAD":
        if body.framing == "length":
            lines.append(("content-length", str(max(0, body.length + script.length_off))))
        elif body.framing == "chunked":
            lines.append(("transfer-encoding", "chunked"))
    lines += [(f"x-scripted-{number}", f"value {number}") for number in range(script.headers)]
    lines += [("x-scripted-duplicate", f"value {number}") for number in range(script.duplicates)]
    if script.header_bytes:
        lines.append(("x-scripted-huge", "h" * script.header_bytes))
    if script.then == "announce" or (body.framing == "close" and script.then is None):
        lines.append(("connection", "close"))
    return lines + _bent_lines(script, body)


def _bent_lines(script: Script, body: Body) -> list[tuple[str, str]]:
    if script.head == "two_lengths":
        return [("content-length", str(body.length + 7))]
    if script.head == "length_and_chunked":
        return [("transfer-encoding", "chunked") if body.framing == "length" else ("content-length", "7")]
    if script.head == "nul":
        return [("x-scripted-nul", "a\0b")]
    if script.head == "obs_fold":
        return [("x-scripted-folded", "first\r\n second")]
    return []


def head_of(answer: Answer, body: Body, seen: Seen) -> bytes:
    """The status line and the headers."""
    script = answer.script
    reason = _REASONS.get(answer.status, "Scripted")
    version = "HTTP/1.0" if script.head == "http10" else "HTTP/1.1"
    line = f"{version} {answer.status}" + ("" if script.head == "no_reason" else f" {reason}")
    lines = [line, *(f"{name}: {value}" for name, value in _header_lines(answer, body, seen)), "", ""]
    return ("\n" if script.head == "bare_lf" else "\r\n").join(lines).encode("latin-1")
