"""The process that reads long lines and bodies for a gateway: `python -m proxy.app read`, with a socket as its standard input.

To parse megabytes of JSON takes the interpreter's lock for as long as it lasts, in a thread as well, and a text that is made for
it takes seconds. In a process of its own it takes nobody's turn, and what the tree needs in memory goes with it. It is started by
the first long one and ends when it was not asked for a while, or when its gateway is gone.

A question is the lengths of what follows (two u32, little-endian): an `OfLine`, `OfBody`, `OfAnswer` or `OfMessage` as JSON, and
the bytes themselves. The answer is a length and JSON: an `Answer`.
"""

from __future__ import annotations

import resource
import socket
import struct
from functools import lru_cache

import msgspec

from proxy.core.facts import RequestFacts
from proxy.dialects import by_name
from proxy.dialects.carried import LineMeaning, Told, told
from proxy.dialects.contract import Endpoint, PathParameters
from proxy.dialects.jsonio import StrictJSONError
from proxy.dialects.session import Heard, Settled
from proxy.gateway.receive import facts_of

QUESTION = struct.Struct("<II")
ANSWER = struct.Struct("<I")
MOST_KIB = 256 * 1024
"""Of memory that it has once had: it ends after the answer, so that the machine has it back."""

_IDLE_SECONDS = 300.0


class OfLine(msgspec.Struct, frozen=True, array_like=True, tag="line"):
    """A line: the arguments of its `LineMeaning`, the dialect by its name."""

    dialect: str
    kind: str
    carried: str
    model: str | None


class OfBody(msgspec.Struct, frozen=True, array_like=True, tag="body"):
    """A body of JSON: the place of its row in the dialect's table, what the path says, and the content type's charset."""

    dialect: str
    row: int
    path: PathParameters
    charset: str | None


class OfAnswer(msgspec.Struct, frozen=True, array_like=True, tag="answer"):
    """An answer that is one JSON document: the place of the row that was asked in the dialect's table."""

    dialect: str
    row: int


class OfMessage(msgspec.Struct, frozen=True, array_like=True, tag="message"):
    """A client's message in a session: the place of the session's row, what its path says, and what it has come to."""

    dialect: str
    row: int
    path: PathParameters
    settled: Settled


Asked = OfLine | OfBody | OfAnswer | OfMessage

Answer = tuple[Told | None, int, str, str]
"""What was told (of a body or an answer its facts alone), or status, code and message of why it is refused."""

_asked = msgspec.json.Decoder(Asked).decode
_encode = msgspec.json.Encoder().encode


def serve(end: socket.socket, most_kib: int = MOST_KIB) -> int:
    """Answer until nobody asks any more. Returns the exit code."""
    end.settimeout(_IDLE_SECONDS)
    try:
        while question := received(end, QUESTION.size):
            told_bytes, content_bytes = QUESTION.unpack(question)
            asked = _asked(received(end, told_bytes))
            answer = _encode(answered(asked, received(end, content_bytes)))
            end.sendall(ANSWER.pack(len(answer)) + answer)
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > most_kib:
                break
    except OSError:
        pass  # idle for long, or the gateway is gone
    return 0


def answered(asked: Asked, content: bytes) -> Answer:
    """What a line, a body, an answer or a message says."""
    try:
        if isinstance(asked, OfLine):
            return told(_meaning(asked).parse(content)), 0, "", ""
        endpoint = by_name(asked.dialect).endpoints[asked.row]
        if isinstance(asked, OfMessage):
            return Told("", RequestFacts(), heard=hear(endpoint, asked.path, asked.settled, content)), 0, "", ""
        if isinstance(asked, OfAnswer):
            reader = endpoint.answer("json", False)
            reader.feed(content)
            return Told("", RequestFacts(), answer=reader.facts()), 0, "", ""
        return Told("", facts_of(endpoint, content, asked.charset, asked.path, [])), 0, "", ""
    except StrictJSONError as error:
        return None, error.status, error.code, error.message


def hear(endpoint: Endpoint, path: PathParameters, settled: Settled, content: bytes) -> Heard:
    """What a message says to a session that has come so far. Raises: StrictJSONError."""
    assert endpoint.session is not None, "only sessions have messages"
    return endpoint.session(path, {}, False).hear(content, settled)


@lru_cache(maxsize=8)
def _meaning(asked: OfLine) -> LineMeaning:
    return LineMeaning(by_name(asked.dialect), asked.kind, asked.carried, asked.model)


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
