"""What the families of hostile requests are built from: honest requests, and ways of spoiling them.

Every request of case `n` carries the tag `case=n.i`, in its target or its body, so that it can be found again upstream and in the
ledger. `smuggled=n` marks a request that is only there if somebody reads a body as a request.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CHAT = b"/openai/v1/chat/completions"
MODELS = b"/openai/v1/models"
HOST = b"Host: gateway.test"
JSON = b"Content-Type: application/json"

Dice = random.Random
Made = tuple[str, bytes]
"""What a family makes: a few words that name the trick, and the bytes."""
Family = Callable[[Dice, bytes], Made]


@dataclass(frozen=True)
class Case:
    """What is sent on one connection. `stream` ends with an honest last request; `cuts` is where it is cut into writes."""

    number: int
    family: str
    trick: str
    stream: bytes
    cuts: tuple[int, ...] = ()

    def pieces(self) -> list[bytes]:
        """The bytes of each write."""
        ends = [*self.cuts, len(self.stream)]
        return [self.stream[start:end] for start, end in zip([0, *self.cuts], ends, strict=True) if end > start]


def spelled(text: str) -> tuple[bytes, ...]:
    """A list of byte strings as people can read it: separated by ` | ` and line ends, with Python's escapes."""
    words = (word.strip() for line in text.splitlines() for word in line.split(" | "))
    return tuple(word.encode("latin-1").decode("unicode_escape").encode("latin-1") for word in words if word)


def chat_body(tag: bytes, text: bytes = b"hello") -> bytes:
    """An honest question."""
    return b'{"model":"case=%b","messages":[{"role":"user","content":"%b"}]}' % (tag, text)


def request(
    tag: bytes,
    *,
    method: bytes = b"POST",
    target: bytes | None = None,
    version: bytes = b"HTTP/1.1",
    fields: Sequence[bytes] = (),
    body: bytes | None = None,
    length: bool = True,
    host: bytes = HOST,
) -> bytes:
    """One request. `fields` are whole lines; `length` adds a right Content-Length when there is a body."""
    path = (CHAT if method == b"POST" else MODELS) if target is None else target
    tagged = path if target is not None else path + b"?case=" + tag
    lines = [b" ".join([method, tagged, version]), *([host] if host else []), *fields]
    if body is not None and length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", b""]) + (body or b"")


def honest(tag: bytes, *fields: bytes) -> bytes:
    """A question that must be answered."""
    return request(tag, fields=[JSON, *fields], body=chat_body(tag))


def last(tag: bytes) -> bytes:
    """The honest request that ends each case: answered exactly when everything before it was read as it was meant."""
    return honest(tag + b".end", b"Connection: close")


def smuggled(tag: bytes) -> bytes:
    """A request that stands where a body is."""
    return request(tag, method=b"GET", target=MODELS + b"?smuggled=" + tag)


def chunked(body: bytes, dice: Dice) -> bytes:
    """A body in chunks of random sizes, properly ended."""
    pieces = []
    while body:
        size = dice.randint(1, len(body))
        pieces.append(b"%x\r\n%b\r\n" % (size, body[:size]))
        body = body[size:]
    return b"".join(pieces) + b"0\r\n\r\n"


def spoil(stream: bytes, dice: Dice, times: int) -> bytes:
    """Change, drop, double or insert a few bytes anywhere; mostly such bytes as matter to a parser."""
    spoiled = bytearray(stream)
    for _ in range(times):
        if not spoiled:
            break
        place = dice.randrange(len(spoiled))
        byte = dice.choice(b'\r\n\t :;,%/?#="\\\x00\x0b\x0c\x7f\x80\xff0159afAF.x') if dice.random() < 0.8 else dice.randrange(256)
        match dice.randrange(4):
            case 0:
                spoiled[place] = byte
            case 1:
                del spoiled[place]
            case 2:
                spoiled.insert(place, byte)
            case _:
                piece = spoiled[place : place + dice.randint(1, 40)]
                spoiled[place:place] = piece
    return bytes(spoiled)


def cut(stream: bytes, dice: Dice) -> tuple[int, ...]:
    """Where to cut a stream into writes: mostly nowhere, else at a few places, with a liking for line ends."""
    if dice.random() < 0.6:
        return ()
    places = {dice.randrange(1, len(stream)) for _ in range(dice.randint(1, 3))}
    if dice.random() < 0.5 and (line_end := stream.find(b"\r", dice.randrange(len(stream)))) > 0:
        places.add(line_end + 1)
    return tuple(sorted(place for place in places if place < len(stream)))
