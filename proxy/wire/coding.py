"""Content codings (RFC 9110 §8.4): which ones a client may be answered with, and decoding them for inspection.

Bodies travel encoded as they came; what is decoded here is only looked at. So a body that cannot be decoded harms nobody:
decoding never raises, it ends in the state `unread` with a reason, and policies can name that.

A few hundred bytes can stand for gigabytes (brotli reaches 660,000:1). Therefore every decoder here yields at most STEP bytes at
a time, before it looks at more input, and stops at a total and at a ratio; windows are limited to what RFC 9659 grants
zstd, 8 MiB, so that one body cannot hold more memory than that per coding. Pure.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final, Literal, Protocol

import brotli  # type: ignore[import-untyped]  # the package ships no types
import zstandard

STEP: Final = 64 * 1024
"""Most bytes yielded at a time."""
MOST_BYTES: Final = 100 * 1024 * 1024
"""Most bytes one body may decode to (any of its stacked codings), unless said otherwise."""
MOST_RATIO: Final = 100
"""Most decoded bytes per encoded byte, once RATIO_FREE bytes have been decoded."""
RATIO_FREE: Final = 1024 * 1024
MOST_CODINGS: Final = 3
MOST_WINDOW: Final = 8 * 1024 * 1024

_CODINGS = (b"gzip", b"deflate", b"br", b"zstd")
_ACCEPTABLE = frozenset((*_CODINGS, b"x-gzip", b"identity"))
# RFC 9110 §12.5.3 with the weight of §12.4.2.
_ELEMENT = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)([ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")
# Encoded bytes a decoder gets at once: it copies what it could not consume at each step.
_SLICE = 8 * 1024


def accepted(value: bytes) -> bytes:
    """A client's Accept-Encoding (several fields joined by commas), reduced to the codings that can be inspected.

    Order and weights stay. `*` is spelled out as those of ours that are not named. `identity` when nothing else remains.
    """
    elements = [match for part in value.split(b",") if (match := _ELEMENT.fullmatch(part.strip(b" \t"))) is not None]
    named = {match[1].lower() for match in elements}
    kept: list[bytes] = []
    useful = False
    for match in elements:
        coding, weight = match[1].lower(), match[2] or b""
        wanted = match[3] is None or float(match[3]) > 0
        if coding in _ACCEPTABLE:
            kept.append(match[0])
            useful |= wanted
        elif coding == b"*" and wanted:
            others = [ours + weight for ours in _CODINGS if ours not in named]
            kept += others
            useful |= bool(others)
        elif coding == b"*" and b"identity" not in named:
            kept.append(b"identity;q=0")
    return b", ".join(kept) if useful else b"identity"


class Decoder:
    """Decodes one body as it arrives.

    `codings` is the value of Content-Encoding (several fields joined by commas), outermost coding last. `state` is `open`
    while more may come, `read` once `finish` found the body whole, `unread` when some of it could not be decoded; `reason`
    then says why, in words. What was yielded before stays valid.
    """

    __slots__ = ("_encoded", "_most_bytes", "_produced", "_stages", "reason", "state")

    def __init__(self, codings: bytes, *, most_bytes: int = MOST_BYTES) -> None:
        self.state: Literal["open", "read", "unread"] = "open"
        self.reason = ""
        self._most_bytes = most_bytes
        self._encoded = 0
        self._stages: tuple[_Stage, ...] = ()
        names = [name for part in codings.split(b",") if (name := part.strip(b" \t").lower()) not in (b"", b"identity")]
        unknown = next((name for name in names if name not in _STAGES), None)
        if unknown is not None:
            self._fail(f"the content coding {unknown[:20].decode('latin-1')!r} is not known")
        elif len(names) > MOST_CODINGS:
            self._fail(f"more than {MOST_CODINGS} content codings are stacked")
        else:
            self._stages = tuple(_STAGES[name]() for name in reversed(names))
        self._produced = [0] * len(self._stages)

    def feed(self, encoded: bytes) -> Iterator[bytes]:
        """Decode the next bytes of the body, in pieces of at most STEP bytes, each made when it is asked for.

        Exhaust it before the next call. Never raises.
        """
        if self.state != "open":
            return
        try:
            for start in range(0, len(encoded), _SLICE):
                piece = encoded[start : start + _SLICE]
                self._encoded += len(piece)
                yield from self._through(0, piece)
        except _UnreadableError as error:
            self._fail(str(error))
        except _CODEC_ERRORS:
            self._fail("the body is not what its content coding says")

    def finish(self) -> None:
        """Say that the body has ended: sets `state` to `read` or, when some of it is missing, to `unread`."""
        if self.state != "open":
            return
        if self._encoded and not all(stage.complete for stage in self._stages):
            self._fail("the encoded body ends too early")
        else:
            self.state = "read"
            self._stages = ()

    def _fail(self, reason: str) -> None:
        self.state, self.reason = "unread", reason
        self._stages = ()  # windows are megabytes: give them back now

    def _through(self, index: int, data: bytes) -> Iterator[bytes]:
        """Send bytes through the coding at `index` and all that lie inside it."""
        if index == len(self._stages):
            yield data
            return
        for start in range(0, len(data), _SLICE):
            for piece in self._stages[index].decode(data[start : start + _SLICE]):
                # Each coding counts: a stream of a million empty members is small again one coding further in.
                self._produced[index] += len(piece)
                self._check(self._produced[index])
                yield from self._through(index + 1, piece)

    def _check(self, produced: int) -> None:
        if produced > self._most_bytes:
            raise _UnreadableError(f"the body decodes to more than {self._most_bytes} bytes")
        if produced > RATIO_FREE and produced > MOST_RATIO * self._encoded:
            raise _UnreadableError(f"the body decodes to more than {MOST_RATIO} times its size")


class _UnreadableError(Exception):
    """Why decoding stopped, in words for the record."""


class _Stage(Protocol):
    """One coding being taken off. `complete` is True when the bytes so far are a whole encoded body."""

    @property
    def complete(self) -> bool: ...

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Pieces of at most STEP bytes; all that `data` allows once exhausted. Raises _UnreadableError or a codec's own error."""


class _Inflate:
    """zlib's family. gzip bodies may have several members (RFC 1952 §2.2), the others nothing after their end."""

    def __init__(self, window_bits: int, *, members: bool) -> None:
        self._window_bits = window_bits
        self._members = members
        self._stream = zlib.decompressobj(window_bits)

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:
                if not self._members:
                    raise _UnreadableError("bytes follow the end of the encoded body")
                self._stream = zlib.decompressobj(self._window_bits)
            stream = self._stream
            piece = stream.decompress(data, STEP)
            while piece:
                yield piece
                piece = b"" if len(piece) < STEP or stream.eof else stream.decompress(stream.unconsumed_tail, STEP)
            data = stream.unused_data


class _Deflate:
    """`deflate` is the zlib format (RFC 9110 §8.4.1.2), but some senders leave out its two-byte header."""

    def __init__(self) -> None:
        self._start = b""
        self._inner: _Inflate | None = None

    @property
    def complete(self) -> bool:
        return self._inner is not None and self._inner.complete

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._inner is None:
            data = self._start + data
            if len(data) < 2:
                self._start = data
                return
            # RFC 1950 §2.2: method 8, window up to 32 KiB, and the two bytes are a multiple of 31.
            zlib_format = data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and (data[0] << 8 | data[1]) % 31 == 0
            self._inner = _Inflate(zlib.MAX_WBITS if zlib_format else -zlib.MAX_WBITS, members=False)
        yield from self._inner.decode(data)


class _Brotli:
    # The library stops at the first whole block of its own beyond the limit: 32 KiB here, never more than STEP.
    _LIMIT = STEP // 4

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._begun = False

    @property
    def complete(self) -> bool:
        finished: bool = self._stream.is_finished()
        return finished

    def decode(self, data: bytes) -> Iterator[bytes]:
        # RFC 7932 §9.1: the first four bits all set mean a window of 2^24 - 16 bytes, the only size above MOST_WINDOW.
        if not self._begun and data[0] & 0x0F == 0x0F:
            raise _UnreadableError(f"the brotli window is larger than {MOST_WINDOW} bytes")
        self._begun = True
        if self._stream.is_finished():
            raise _UnreadableError("bytes follow the end of the encoded body")
        piece = self._stream.process(data, output_buffer_limit=self._LIMIT)
        while piece:
            yield piece
            piece = b"" if self._stream.is_finished() else self._stream.process(b"", output_buffer_limit=self._LIMIT)


class _Zstd:
    """zstd frames (RFC 8878), handed to the decoder block by block.

    The binding has no limit on what one call yields, but a block never decodes to more than 128 KiB (§3.1.1.2.3), so this
    class follows the frame format far enough to never let two blocks into one call.
    """

    _MAGIC = b"\x28\xb5\x2f\xfd"
    _BLOCK_HEAD = 3
    _CHECKSUM = 4

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW)
        self._stream = self._decompressor.decompressobj()
        self._held = b""
        self._in_frame = False
        self._checksum = False
        self._passing = 0
        self._skipping = 0

    @property
    def complete(self) -> bool:
        return not (self._in_frame or self._passing or self._skipping or self._held)

    def decode(self, data: bytes) -> Iterator[bytes]:
        data = self._held + data
        position = 0
        while position < len(data):
            if self._skipping:
                taken = min(self._skipping, len(data) - position)
                self._skipping -= taken
            elif self._passing:
                taken = min(self._passing, len(data) - position)
                self._passing -= taken
                block = self._stream.decompress(data[position : position + taken])
                for start in range(0, len(block), STEP):
                    yield block[start : start + STEP]
            else:
                head = data[position : position + 18]  # the longest frame header with its magic number
                taken = self._block_head(head) if self._in_frame else self._frame_head(head)
                if not taken:
                    break
            position += taken
        self._held = data[position:]

    def _frame_head(self, head: bytes) -> int:
        """Begin a frame; the bytes taken, 0 when there are too few to tell."""
        if len(head) < 8:
            return 0
        # RFC 8878 §3.1.2: skippable frames are 0x184D2A50 to 0x184D2A5F, then their length.
        if head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
            self._skipping = int.from_bytes(head[4:8], "little")
            return 8
        if head[:4] != self._MAGIC:
            raise _UnreadableError("bytes that are no zstd frame stand in the encoded body")
        size = zstandard.frame_header_size(head)
        if len(head) < size:
            return 0
        frame = zstandard.get_frame_parameters(head)
        if frame.window_size > MOST_WINDOW:
            raise _UnreadableError(f"the zstd window is larger than {MOST_WINDOW} bytes")
        if frame.dict_id:
            raise _UnreadableError("the body needs a zstd dictionary")
        self._checksum = frame.has_checksum
        self._in_frame = True
        self._stream = self._decompressor.decompressobj()
        self._stream.decompress(head[:size])
        return size

    def _block_head(self, head: bytes) -> int:
        """Begin a block (RFC 8878 §3.1.1.2); the bytes taken, 0 when there are too few to tell."""
        if len(head) < self._BLOCK_HEAD:
            return 0
        fields = int.from_bytes(head[: self._BLOCK_HEAD], "little")
        repeats_one_byte = fields >> 1 & 3 == 1
        self._passing = 1 if repeats_one_byte else fields >> 3
        self._stream.decompress(head[: self._BLOCK_HEAD])
        if fields & 1:
            self._in_frame = False
            self._passing += self._CHECKSUM if self._checksum else 0
        return self._BLOCK_HEAD


def _gzip() -> _Stage:
    return _Inflate(zlib.MAX_WBITS | 16, members=True)


_STAGES = {b"gzip": _gzip, b"x-gzip": _gzip, b"deflate": _Deflate, b"br": _Brotli, b"zstd": _Zstd}
_CODEC_ERRORS = (zlib.error, brotli.error, zstandard.ZstdError, MemoryError)
