"""Typed shapes of the plainest answers: what fits them is read at a fraction of the cost, what does not is read in full.

In a file of their own, since msgspec makes them from annotations, which compiled modules do not keep.
"""

from __future__ import annotations

from typing import Any

import msgspec


class PlainText(msgspec.Struct, gc=False):
    content: str
    tool_calls: None = None
    function_call: None = None
    refusal: None = None
    reasoning_content: None = None
    reasoning: None = None
    reasoning_details: None = None


class PlainChoice(msgspec.Struct, gc=False):
    delta: PlainText
    index: int
    finish_reason: None = None
    logprobs: None = None
    message: None = None
    text: None = None


class PlainChunk(msgspec.Struct, gc=False):
    """A chunk that says text and nothing else, which is what nearly all are; any other does not fit and is read in full."""

    choices: list[PlainChoice]
    usage: None = None
    x_groq: None = None
    error: None = None


class PlainEnd(msgspec.Struct, gc=False):
    message: PlainText
    index: int
    finish_reason: str
    logprobs: None = None
    delta: None = None
    text: None = None


class PlainAnswer(msgspec.Struct, gc=False):
    """A whole answer that says text and nothing else; any other does not fit and is read in full."""

    id: str
    model: str
    choices: list[PlainEnd]
    usage: dict[str, Any]
    x_groq: None = None
    error: None = None
    base_resp: None = None


class Bulky(msgspec.Struct):
    """An answer whose vectors or pictures need not become objects."""

    model: str | None = None
    id: str | None = None
    data: list[msgspec.Raw] = []
    usage: dict[str, Any] | None = None
    error: Any = None
