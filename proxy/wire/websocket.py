"""WebSocket frames of one direction, read from bytes as they pass (RFC 6455 §5): a pure reader beside the relay, which sends the
bytes on untouched.

What a reader finds does not depend on how the bytes are cut into pieces. Strict wherever two readers could disagree: no reserved
bits (no extension is ever agreed on), no unknown opcodes, lengths in their shortest form, control frames whole and short. Its
memory is bounded by the longest message that it puts together.
"""

from __future__ import annotations

from codecs import IncrementalDecoder, getincrementaldecoder
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG])
_FINAL, _RESERVED, _MASKED = 0x80, 0x70, 0x80
_LONGEST_CONTROL = 125

NORMAL, GOING_AWAY, PROTOCOL_ERROR, NOT_CONSISTENT = 1000, 1001, 1002, 1007
POLICY_VIOLATION, TOO_BIG, INTERNAL_ERROR = 1008, 1009, 1011
NO_CODE = 1005
"""What a close frame without a code counts as (RFC 6455 §7.1.5)."""

_PROTOCOL_CODES = frozenset([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014])


PART = 128 * 1024
"""Bytes of a message that are given in one piece. A longer one stays in its parts: to join, unmask or check it is more than a turn
of the loop."""

_utf8 = getincrementaldecoder("utf-8")


class Message(NamedTuple):
    """One whole message. `start` and `end` are offsets in the bytes of this direction; `payload` is None when it was too long to be
    kept, or is in `parts`.
    """

    payload: bytes | None
    text: bool
    start: int
    end: int
    parts: tuple[bytes, ...] = ()


class FrameError(Exception):
    """These bytes are no frames. `code` is the close code that says why (1002, 1007, 1009).

    `messages`: those that became whole before, `at`: where the frame begins that is none.
    """

    def __init__(self, reason: str, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(reason)
        self.code = code
        self.messages: list[Message] = []
        self.at = 0


class FrameReader:
    """Reads one direction. `masked`: frames must be masked (a client's) or must not be (a server's).

    `message_cap`: bytes of a longer message are not kept; with `refuse_longer` it is an error (1009), else the message has no
    payload. `position` counts the bytes read. `close_at` is where a close frame begins, as soon as its first byte was seen, and
    `close_code` its code, once it is whole; what comes behind a close frame means nothing and is skipped.
    """

    __slots__ = (
        "_at",
        "_bad",
        "_begun",
        "_cap",
        "_decoder",
        "_done",
        "_fragments",
        "_header",
        "_key",
        "_left",
        "_masked",
        "_opcode",
        "_parts",
        "_payload",
        "_refuse_longer",
        "_size",
        "_skips",
        "_text",
        "close_at",
        "close_code",
        "close_reason",
        "position",
    )

    def __init__(self, *, masked: bool, message_cap: int, refuse_longer: bool) -> None:
        self._masked = masked
        self._cap = message_cap
        self._refuse_longer = refuse_longer
        self._header = b""
        self._payload = bytearray()
        self._left = -1
        self._opcode = 0
        self._key = b""
        self._skips = False
        self._fragments: bytearray | None = None
        self._parts: list[bytes] = []
        self._decoder: IncrementalDecoder | None = None
        self._bad = False
        self._done = 0
        self._text = False
        self._at = 0
        self._begun = 0
        self._size = 0
        self.position = 0
        self.close_at: int | None = None
        self.close_code: int | None = None
        self.close_reason = ""

    @property
    def between_frames(self) -> bool:
        """Whether all that was read are whole frames."""
        return self._left < 0 and not self._header

    @property
    def within_message(self) -> bool:
        """Whether a message has begun whose last fragment has not."""
        return self._fragments is not None

    @property
    def between_messages(self) -> bool:
        """Whether all that was read are whole messages."""
        return self.between_frames and self._fragments is None

    def feed(self, received: bytes) -> list[Message]:
        """Read the next bytes; the messages that became whole. Raises: FrameError; then nothing more can be read."""
        found: list[Message] = []
        try:
            self._feed(received, found)
        except FrameError as error:
            error.messages, error.at = found, self._at
            raise
        return found

    def _feed(self, received: bytes, found: list[Message]) -> None:
        at, end = 0, len(received)
        while at < end and self.close_code is None:
            if self._left < 0:
                at = self._read_header(received, at)
                if self._left < 0:
                    break
            taken = min(self._left, end - at)
            if taken:
                self._take(received[at : at + taken])
                self._left -= taken
                at += taken
                self.position += taken
            if not self._left:
                self._left = -1
                message = self._frame_end()
                if message is not None:
                    found.append(message)
        self.position += end - at

    def _take(self, piece: bytes) -> None:
        """Bytes of a frame's payload."""
        if self._skips:
            return
        if self._key:
            turn = self._done & 3
            piece = _unmasked(piece, self._key[turn:] + self._key[:turn])
            self._done += len(piece)
        if self._opcode & 0x8:
            self._payload += piece
            return
        assert self._fragments is not None
        self._fragments += piece
        if len(self._fragments) > PART:
            self._part()

    def _part(self) -> None:
        """What there is of a message, which is long, is a part."""
        part, self._fragments = bytes(self._fragments or b""), bytearray()
        self._parts.append(part)
        if self._text and not self._bad:
            self._decoder = self._decoder or _utf8()
            try:
                self._decoder.decode(part)
            except UnicodeDecodeError:
                self._bad = True  # told at its end, as of any other message

    def _read_header(self, received: bytes, at: int) -> int:
        """Read of a header as much as there is; returns where it ends. `_left` is negative while it is not whole."""
        known = len(self._header)
        header = self._header + received[at : at + 14 - known]
        first = header[0]
        if not known:
            self._at = self.position
            self._check_first(first)
        if len(header) < 2:
            return self._keep(header, known, at)
        length = header[1] & 0x7F
        if bool(header[1] & _MASKED) != self._masked:
            raise FrameError("a client's frame is not masked" if self._masked else "a server's frame is masked")
        if first & 0x8 and (length > _LONGEST_CONTROL or not first & _FINAL):
            raise FrameError("a control frame is too long or in fragments")
        wide = 8 if length == 127 else 2 if length == 126 else 0
        size = 2 + wide + (4 if self._masked else 0)
        if len(header) >= 2 + wide and wide:
            length = int.from_bytes(header[2 : 2 + wide], "big")
            if length >> 63 or length < (65536 if wide == 8 else 126):
                raise FrameError("a length is not in its shortest form")
        if len(header) < size:
            return self._keep(header, known, at)
        self._key = header[size - 4 : size] if self._masked else b""
        self._header = b""
        self._begin(first, length)
        self.position += size - known
        return at + size - known

    def _keep(self, header: bytes, known: int, at: int) -> int:
        """A header that is not whole waits."""
        self._header = header
        self.position += len(header) - known
        return at + len(header) - known

    def _check_first(self, first: int) -> None:
        opcode = first & 0xF
        if first & _RESERVED:
            raise FrameError("reserved bits are set")
        if opcode not in _OPCODES:
            raise FrameError("an unknown opcode")
        if opcode == CLOSE:
            self.close_at = self.position
        elif opcode == CONTINUATION:
            if self._fragments is None:
                raise FrameError("a continuation of nothing")
        elif opcode in (TEXT, BINARY):
            if self._fragments is not None:
                raise FrameError("a message begins within another")
            self._begun = self.position

    def _begin(self, first: int, length: int) -> None:
        self._opcode = first
        self._left = length
        self._done = 0
        if first & 0x8:
            self._skips = False
            return
        if first & 0xF != CONTINUATION:
            self._text = first & 0xF == TEXT
            self._fragments, self._parts = bytearray(), []
            self._decoder, self._bad = None, False
            self._size = 0
        self._size += length
        self._skips = self._size > self._cap
        if self._skips:
            if self._refuse_longer:
                raise FrameError(f"a message is longer than {self._cap} bytes", TOO_BIG)
            self._fragments, self._parts = bytearray(), []

    def _frame_end(self) -> Message | None:
        if self._opcode & 0x8:
            payload, self._payload = bytes(self._payload), bytearray()
            if self._opcode & 0xF == CLOSE:
                self._closed(payload)
            return None
        if not self._opcode & _FINAL:
            return None
        if self._parts and not self._skips:
            self._part()
            if self._text and (self._bad or not self._ended_well()):
                raise FrameError("a text is not UTF-8", NOT_CONSISTENT)
            return self._message(None, tuple(self._parts))
        if self._skips:
            return self._message(None)
        whole = bytes(self._fragments or b"")
        if self._text and not _is_utf8(whole):
            raise FrameError("a text is not UTF-8", NOT_CONSISTENT)
        return self._message(whole)

    def _message(self, payload: bytes | None, parts: tuple[bytes, ...] = ()) -> Message:
        self._fragments, self._parts, self._decoder = None, [], None
        return Message(payload, self._text, self._begun, self.position, parts)

    def _ended_well(self) -> bool:
        """Whether no character of a long text is cut off."""
        return self._decoder is None or not self._decoder.getstate()[0]

    def _closed(self, payload: bytes) -> None:
        if not payload:
            self.close_code = NO_CODE
            return
        code = int.from_bytes(payload[:2], "big")
        if len(payload) < 2 or not (code in _PROTOCOL_CODES or 3000 <= code <= 4999):
            raise FrameError("a close frame with a code that none may send")
        if not _is_utf8(payload[2:]):
            raise FrameError("a reason is not UTF-8", NOT_CONSISTENT)
        self.close_code = code
        self.close_reason = payload[2:].decode()


def _unmasked(payload: bytes, key: bytes) -> bytes:
    """RFC 6455 §5.3, all bytes at once as one large integer."""
    size = len(payload)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def frame(opcode: int, payload: bytes, key: bytes = b"") -> bytes:
    """A whole frame; with a key of four bytes it is masked, as a client's must be."""
    size, bit = len(payload), _MASKED if key else 0
    if size < 126:
        head = bytes((_FINAL | opcode, bit | size))
    elif size < 65536:
        head = bytes((_FINAL | opcode, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FINAL | opcode, bit | 127)) + size.to_bytes(8, "big")
    return head + key + (_unmasked(payload, key) if key else payload)


def close_frame(code: int, reason: str = "", key: bytes = b"") -> bytes:
    """A close frame; NO_CODE gives one without a code."""
    payload = b"" if code == NO_CODE else code.to_bytes(2, "big") + reason.encode()[: _LONGEST_CONTROL - 2]
    return frame(CLOSE, payload, key)
