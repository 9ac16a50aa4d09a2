"""Paths that two readers could take for different endpoints (RFC 3986 §6; and what servers do beyond it)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from tests.hostile.building import JSON, Dice, Made, chat_body, request, spelled

_ENDPOINTS = spelled(
    r"""
    v1/chat/completions | v1/completions | v1/responses | v1/embeddings | v1/models | v1/models/gpt-5 | v1/messages
    v1/messages/count_tokens | v1beta/models/g:generateContent | v1beta/models/g:streamGenerateContent | v1/moderations
    v1/files | v1/batches | v1/images/generations | v1/audio/speech | v1/fine_tuning/jobs
    """
)
_UPSTREAMS = (b"openai", b"anthropic", b"gemini")
_BITS = spelled(
    r"""
    .. | . | %2e%2e | %2E%2e | .%2e | %2e | %2f | %2F | // | / | \\ | %5c | %5C | ;x | ; | ..;x | ..;/ | %00 | %0a | %0d%0a
    %20 | + | %c0%af | %c0%ae | %e0%80%af | %252f | %252e | %25 | % | %2 | %zz | %u002f | %ff | %7e | ~ | %7C | %3f | ? | %23
    # | %3a | : | %3b | %40 | @ | * | %e2%88%95 | %ef%bc%8f | %80 | %09 | %7f | ' | " | < | { | \x7c | ^ | ` | [ | %2b | %26
    = | , | $ | ! | ( | V1 | %56
    """
)
_PARTS = (b"KEY=1", b"k%65y=sk-encoded", b"", b"=", b"alt=sse", b"%00=%00", b"a=%0d%0aX:%20y", b"?", b"a=/../", b"key=", b"a=%2f")


def _escape_one(path: bytes, dice: Dice) -> bytes:
    place = dice.randrange(len(path))
    hexed = b"%%%02x" % path[place]
    return path[:place] + (hexed if dice.random() < 0.5 else hexed.upper()) + path[place + 1 :]


def confused(dice: Dice, tag: bytes) -> Made:
    """An endpoint's path with segments, separators and encodings put in, doubled or replaced."""
    path = dice.choice(_UPSTREAMS) + b"/" + dice.choice(_ENDPOINTS)
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(path) + 1)
        match dice.randrange(5):
            case 0:
                path = _escape_one(path, dice)
            case 1:
                slashes = [at for at, byte in enumerate(path) if byte == 0x2F] or [0]
                at = dice.choice(slashes) + dice.randint(0, 1)
                path = path[:at] + dice.choice([b"/", b""]) + dice.choice(_BITS) + dice.choice([b"/", b""]) + path[at:]
            case 2:
                path = path[:place] + dice.choice(_BITS) + path[place:]
            case 3:
                path = path.replace(b"/", dice.choice([b"%2f", b"//", b"\\", b"/./", b";/", b"%5c"]), 1)
            case _:
                path += dice.choice([b"/", b"/..", b"/.", b"//", b";x", b"%20", b".json", b"/x/..", b"?", b"%3f"])
    method = dice.choice([b"POST", b"POST", b"GET"])
    target = b"/" + path + (b"&" if b"?" in path else b"?") + b"case=" + tag
    body = chat_body(tag) if method == b"POST" else None
    return f"path {target!r}", request(tag, method=method, target=target, fields=[JSON] if body else [], body=body)


def queries(dice: Dice, tag: bytes) -> Made:
    """Query strings with every printable byte, odd encodings and keys in them: they travel untouched."""
    made = [b"key=sk-%d" % dice.randrange(3), dice.choice(_BITS) + b"=b", b"x=" + bytes(dice.choices(range(0x21, 0x7F), k=12))]
    parts = [b"case=" + tag, *dice.choices([*_PARTS, *made], k=dice.randint(1, 4))]
    dice.shuffle(parts)
    target = b"/openai/v1/models?" + b"&".join(parts)
    return f"query {target!r}", request(tag, method=b"GET", target=target)


PATHS = (confused, confused, queries)


def readings(path: bytes) -> Iterator[str]:
    """How servers and frameworks might see a path: decoded once or twice, segments resolved, parameters cut off, NUL as its end."""
    seen = {path}
    for _ in range(3):
        for known in list(seen):
            merged = re.sub(rb"/+", b"/", known)
            seen |= {
                unquote_to_bytes(known),
                merged,
                _resolved(known),
                _resolved(merged),
                re.sub(rb";[^/]*", b"", known),
                known.replace(b"\\", b"/"),
                known.split(b"\0")[0],
                *(known.split(mark)[0] for mark in (b"?", b"#") if known != path),
                known.replace(b"\xc0\xaf", b"/").replace(b"\xe0\x80\xaf", b"/").replace(b"\xc0\xae", b"."),
            }
    yield from {reading.decode("utf-8", "replace") for reading in seen}


def _resolved(path: bytes) -> bytes:
    """Dot segments taken out (RFC 3986 §5.2.4)."""
    segments: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del segments[1:][-1:]
            if len(segments) > 1:
                segments.pop()
        elif segment != b".":
            segments.append(segment)
    return b"/".join(segments)
