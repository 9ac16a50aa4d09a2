"""JSON that parsers read differently, other charsets, and bodies that hide behind a content coding."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import brotli  # type: ignore[import-untyped]  # the package ships no types
import zstandard

from proxy.wire.coding import Decoder
from tests.hostile.building import JSON, Dice, Made, chat_body, request, spelled
from tests.hostile.meaning import Asked

DEEPEST = 64
_VALUES = (
    *spelled(r"""
    1e999 | -1e999 | 9223372036854775807 | 9223372036854775808 | -9223372036854775809 | 18446744073709551616 | -0 | 1E5
    0.1e-400 | NaN | Infinity | -Infinity | nan | 01 | 1. | .5 | +1 | 0x10 | tru | nul | 'a' | "\\ud800"
    "\\udc00\\ud800" | "\\u0000" | "\xed\xa0\x80" | "\xff" | "\xc0\xaf" | "\xf4\x90\x80\x80"
    "a\nb" | "a\tb" | "\\x" | "\x7f" | "\xe2\x80\xa8" | "\\/" | [1,] | [,1] | {,} | [1 2]
    " | [ | { | {"a"} | {"a":} | {a:1} | /**/1 | 1//x
    "\xf0\x9f\x98\x80"
    [][] | \x00 | \xef\xbb\xbf1 | null | [null] | {} | "\\u00zz" | "\\
    """),
    b"",
    b"1" * 400,
)


_KEYS = spelled(r"model | mod\\u0065l | \\u006dodel | messages | Model | model\x20 | stream | n | \\u0000 | a")
_MEMBERS = spelled(r'[] | 1 | null | true | {"a":1,"a":2} | {"a":{"b":1}} | [{"x":1,"x":1}] | [{"x":1},{"x":1}]')
_COLONS = (b":", b": ", b" : ", b"\n:\t")
_AROUND = (b" ", b"\xef\xbb\xbf", b"\n\t", b"\x00", b"\xff\xfe", b")]}'\n")
_CHARSETS = ("utf-8", "UTF-8", "utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7", "ascii", "cp037")
_CODINGS = (b"gzip", b"br", b"zstd", b"deflate", b"identity", b"x-gzip")


def members(dice: Dice, tag: bytes) -> Made:
    """Keys twice, plainly or spelled differently, on any level."""
    values = (*_MEMBERS, b'"case=%b"' % tag)
    pairs = [b'"%b"%b%b' % (dice.choice(_KEYS), dice.choice(_COLONS), dice.choice(values)) for _ in range(dice.randint(2, 5))]
    body = b"{" + dice.choice([b",", b", ", b" ,\r\n"]).join(pairs) + b"}"
    return f"members {body!r}", request(tag, fields=[JSON], body=body)


def values(dice: Dice, tag: bytes) -> Made:
    """One odd value in an honest question."""
    value = dice.choice(_VALUES)
    body = chat_body(tag)
    shape = dice.randrange(4)
    if shape == 0:
        body = body[:-1] + b',"x":' + value + b"}"
    elif shape == 1:
        body = body.replace(b'"hello"', value)
    elif shape == 2:
        body = value
    else:
        body = dice.choice(_AROUND) + body + dice.choice([b"", b" ", b"\x00", value])
    return f"value {shape} {value[:40]!r}", request(tag, fields=[JSON], body=body)


def depth(dice: Dice, tag: bytes) -> Made:
    """Nesting around the limit and far beyond it."""
    levels = dice.choice([10, 60, 61, 62, 63, 64, 65, 66, 200, 1000, 20_000])
    opening, closing = dice.choice([(b"[", b"]"), (b'{"a":', b"}")])
    middle = dice.choice([b"1", b'"]]]"', b'"[[["'])
    nested = opening * levels + middle + closing * dice.choice([levels, levels, levels, levels - 1, levels + 1])
    body = chat_body(tag)[:-1] + b',"x":' + nested + b"}"
    return f"depth {levels} {opening!r}", request(tag, fields=[JSON], body=body)


def charsets(dice: Dice, tag: bytes) -> Made:
    """Other encodings of text, declared or not."""
    name = dice.choice(_CHARSETS)
    known = name.encode()
    declared = dice.choice([b"", b"; charset=" + known, b'; charset="%b"' % known, b"; CHARSET = utf-8", b"; charset=x"])
    body = chat_body(tag, "grüße".encode()).decode().encode(name, "replace")
    return f"charset {name} {declared!r}", request(tag, fields=[JSON + declared], body=body)


def encoded(dice: Dice, tag: bytes) -> Made:
    """Bodies in content codings: honest, stacked, wrongly named, cut off, duplicates hidden inside, bombs."""
    raw = dice.choice([chat_body(tag), b'{"model":"a","model":"case=%b"}' % tag, chat_body(tag, b"0" * 3_000_000)])
    names = [dice.choice(_CODINGS) for _ in range(dice.choice([1, 1, 1, 2, 4]))]
    for name in names:
        raw = _encode(name, raw)
    match dice.randrange(6):
        case 0:
            raw = raw[: len(raw) // 2]
        case 1:
            names[-1] = dice.choice([b"gzip", b"br", b"snappy", b"zstd", b"", b"chunked"])
        case 2:
            raw += b"trailing"
    fields = [JSON, b"Content-Encoding: " + b", ".join(names)]
    return f"encoded {names!r} {len(raw)}", request(tag, fields=fields, body=raw)


def _encode(name: bytes, raw: bytes) -> bytes:
    match name:
        case b"gzip" | b"x-gzip":
            return gzip.compress(raw, 1)
        case b"deflate":
            return zlib.compress(raw, 1)
        case b"br":
            return bytes(brotli.compress(raw, quality=1))
        case b"zstd":
            return zstandard.ZstdCompressor(level=1).compress(raw)
    return raw


BODIES = (members, members, values, values, depth, charsets, encoded)


def must_be_refused(asked: Asked) -> bool | None:
    """Whether a body has two readings, by the standard library's parser; None where that parser gives up before it can tell."""
    body = _plain(asked)
    if not body:
        return False
    charset = b"".join(asked.values(b"content-type")).lower().partition(b"charset")[2].strip(b' ="')
    if charset and charset not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
        return True
    if b"\0" in body[:4]:  # perhaps UTF-16 or UTF-32 (RFC 4627 §3), and no JSON in any case
        return None
    try:
        tree = json.loads(
            body.decode().removeprefix("\ufeff"), strict=False, object_pairs_hook=_members, parse_constant=_constant, parse_int=str
        )
    except (_TwoReadingsError, UnicodeDecodeError):
        return True
    except (ValueError, RecursionError):
        return None
    return _depth(tree) > DEEPEST


def _plain(asked: Asked) -> bytes:
    """The body without its content codings; empty when they cannot be taken off, which is no reason to refuse."""
    codings = b",".join(asked.values(b"content-encoding"))
    if not codings:
        return asked.body
    decoder = Decoder(codings)
    plain = b"".join(decoder.feed(asked.body))
    decoder.finish()
    return plain if decoder.state == "read" else b""


class _TwoReadingsError(Exception):
    pass


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _TwoReadingsError
    return dict(pairs)


def _constant(_word: str) -> None:
    raise _TwoReadingsError


def _depth(tree: Any) -> int:
    level, depth = [tree], 0
    while level := [node for node in level if isinstance(node, list | dict)]:
        depth += 1
        level = [below for node in level for below in (node.values() if isinstance(node, dict) else node)]
    return depth
