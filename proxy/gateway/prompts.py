"""A prompt's keyed digest: what was asked, without how. The same question with another seed or temperature is the same prompt."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from proxy.core.exchange import Exchange
from proxy.gateway.receive import Body

_ASKED = ("system", "instructions", "systemInstruction", "system_instruction", "messages", "prompt", "input", "contents")
_LONG = 256 * 1024
"""Bytes of a body that is not parsed a second time for it; then all of it counts as what was asked."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def digest(exchange: Exchange, key: bytes) -> int:
    """63 bits; 0 where there is no one prompt to tell: no body in memory, or several prompts in it."""
    body: Body | None = exchange.body
    facts = exchange.facts
    if body is None or not body.whole or facts.prompts != 1 or facts.lines:
        return 0
    asked = _asked(body.whole) if len(body.whole) <= _LONG else body.whole
    told = hashlib.blake2b(asked, digest_size=8, key=key).digest()
    return int.from_bytes(told, "big") >> 1 or 1


def _asked(raw: bytes) -> bytes:
    try:
        tree: Any = _decode(raw)
    except (ValueError, RecursionError):
        return raw
    if not isinstance(tree, dict):
        return raw
    said = [tree.get(name) for name in _ASKED]
    return _encode(said) if any(part is not None for part in said) else raw
