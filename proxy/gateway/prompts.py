"""A prompt's keyed digest: what was asked, without how. The same question with another seed or temperature is the same prompt."""

from __future__ import annotations

import hashlib

import msgspec

from proxy.core.exchange import Exchange
from proxy.gateway.receive import Body

_NOTHING = msgspec.Raw(b"null")
_LONG = 256 * 1024
"""Bytes of a body that is not read a second time for it; then all of it counts as what was asked."""


class Asked(msgspec.Struct, gc=False):
    """The members that ask, in any dialect, as they are written."""

    messages: msgspec.Raw = _NOTHING
    system: msgspec.Raw = _NOTHING
    prompt: msgspec.Raw = _NOTHING
    input: msgspec.Raw = _NOTHING
    instructions: msgspec.Raw = _NOTHING
    contents: msgspec.Raw = _NOTHING
    systemInstruction: msgspec.Raw = _NOTHING  # noqa: N815 - Gemini's words, both of them
    system_instruction: msgspec.Raw = _NOTHING


_decode = msgspec.json.Decoder(Asked).decode


def digest(exchange: Exchange, key: bytes) -> int:
    """63 bits; 0 where there is no one prompt to tell: no body in memory, or several prompts in it."""
    body: Body | None = exchange.body
    facts = exchange.facts
    if body is None or not body.whole or facts.prompts != 1 or facts.lines:
        return 0
    asked = _asked(body.whole) if len(body.whole) <= _LONG else body.whole
    told = hashlib.blake2b(asked, digest_size=8, key=key).digest()
    return int.from_bytes(told, "big") >> 1 or 1


def _asked(raw: bytes) -> bytes | msgspec.Raw:
    try:
        asked = _decode(raw)
    except (ValueError, RecursionError):
        return raw
    if asked.messages is not _NOTHING and asked.system is _NOTHING:
        return asked.messages
    said = [getattr(asked, name) for name in Asked.__struct_fields__]
    return raw if all(part is _NOTHING for part in said) else b",".join(map(bytes, said))
