"""The process that reads long lines for a gateway: `python -m proxy.app read`, with a socket as its standard input.

To parse a line of megabytes takes the interpreter's lock for as long as it lasts, in a thread as well, and a line that is made for
it takes seconds. In a process of its own it takes nobody's turn, and what the tree needs in memory goes with it. It is started by
the first long line and ends when it was not asked for a while, or when its gateway is gone.

A question is the lengths of what follows (two u32, little-endian), the arguments of a `LineMeaning` as a JSON array, and the line.
The answer is a length and JSON: `[told]`, or of what is refused `[null, status, code, message]`.
"""

from __future__ import annotations

import resource
import socket
import struct

import msgspec

from proxy.dialects import by_name
from proxy.dialects.carried import LineMeaning, Told, told
from proxy.dialects.jsonio import StrictJSONError

QUESTION = struct.Struct("<II")
ANSWER = struct.Struct("<I")
MOST_KIB = 256 * 1024
"""Of memory that it has once had: it ends after the answer, so that the machine has it back."""

_IDLE_SECONDS = 30.0

Arguments = tuple[str, str, str, str | None]
Answer = tuple[Told | None, int, str, str]
"""What was told, or status, code and message of why it is refused."""

_arguments = msgspec.json.Decoder(Arguments).decode
_encode = msgspec.json.Encoder().encode


def serve(end: socket.socket, most_kib: int = MOST_KIB) -> int:
    """Answer until nobody asks any more. Returns the exit code."""
    end.settimeout(_IDLE_SECONDS)
    kind: LineMeaning | None = None
    try:
        while question := received(end, QUESTION.size):
            told_bytes, line_bytes = QUESTION.unpack(question)
            arguments = _arguments(received(end, told_bytes))
            if kind is None or kind.told != arguments:
                kind = LineMeaning(by_name(arguments[0]), *arguments[1:])
            answer = _encode(answered(kind, received(end, line_bytes)))
            end.sendall(ANSWER.pack(len(answer)) + answer)
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > most_kib:
                break
    except OSError:
        pass  # idle for long, or the gateway is gone
    return 0


def answered(kind: LineMeaning, line: bytes) -> Answer:
    """What one line says."""
    try:
        return told(kind.parse(line)), 0, "", ""
    except StrictJSONError as error:
        return None, error.status, error.code, error.message


def received(end: socket.socket, size: int) -> bytes:
    """So many bytes; none at the end. Raises: OSError, also when they are cut off."""
    whole = bytearray(size)
    view = memoryview(whole)
    at = 0
    while at < size:
        got = end.recv_into(view[at:])
        if not got:
            if at:
                raise ConnectionError("cut off")
            return b""
        at += got
    return bytes(whole)
