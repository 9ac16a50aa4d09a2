"""What a dialect answers with, before the script bends it, and what it knows about the question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from proxy.demo.scripted.script import Script, read_script
from proxy.demo.scripted.seen import Seen
from proxy.demo.scripted.store import Store, Upload, read_form
from proxy.demo.scripted.wording import Stamp, arguments_for, sliced, tokens, words_of


class Asked(msgspec.Struct):
    """A request as the dialects see it: `json` is {} when the body is no JSON object; `model` comes from the body or the path."""

    path: str
    query: str
    model: str
    json: dict[str, Any]
    body: bytes
    script: Script
    stamp: Stamp
    store: Store
    seen: Seen
    named: dict[str, str] = {}
    """What stands in the places of the path."""

    @property
    def form(self) -> dict[str, str | Upload]:
        """The fields of a form."""
        return read_form(self.body, self.header("content-type"))

    def header(self, name: str) -> str:
        """A request header, empty when it is missing."""
        return (self.seen.header(name) or b"").decode("latin-1")

    def parameter(self, name: str) -> str:
        """A query parameter, empty when it is missing."""
        return dict(parse_qsl(self.query)).get(name, "")

    def about(self, body: dict[str, Any], model: str, use: str) -> Asked:
        """A request inside of this one, such as a line of a batch, with ids of its own. Errors: BadScriptError."""
        raw = encode(body)
        seed = self.stamp.seed.encode() + use.encode()
        stamp = Stamp(seed, repeatable=True)
        return Asked(self.path, "", model, body, raw, read_script(model, "", raw), stamp, self.store, self.seen)

    @property
    def text(self) -> str:
        """The answer's whole text."""
        return "".join(self.parts())

    def parts(self, choice: int = 0) -> list[str]:
        """The answer's text in as many parts as a stream has text events; each choice has its own text."""
        seed = self.script.seed or self.stamp.seed
        words = words_of(f"{seed}{choice or ''}", max(1, self.script.words))
        return sliced(words, self.script.chunks)

    @property
    def thought(self) -> str:
        """The reasoning text."""
        return " ".join(words_of("thought" + self.stamp.seed, 8))

    @property
    def tokens_in(self) -> int:
        """Tokens of the request."""
        return tokens(self.body)

    @property
    def tokens_out(self) -> int:
        """Tokens of one answer text."""
        return max(1, self.script.words)

    def finish(self, ordinary: str) -> str:
        """The finish reason: the script's, or the ordinary one."""
        return self.script.finish or ordinary


class Content(msgspec.Struct):
    """A body as pieces: what opens it, its text events, what ends it, and the provider's error event. A body that is no stream
    stands whole in `closing`.
    """

    media_type: str
    opening: list[bytes] = []
    deltas: list[bytes] = []
    closing: list[bytes] = []
    error: bytes = b""
    streamed: bool = False
    headers: list[tuple[str, str]] = []
    """Headers of this answer alone."""


Maker = Callable[[Asked], Content]
encode = msgspec.json.encode


def whole(value: Any) -> Content:
    """A JSON answer."""
    return Content(media_type="application/json", closing=[encode(value)])


def event(value: Any, name: str = "") -> bytes:
    """One server-sent event with JSON in it."""
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + encode(value) + b"\n\n"


def stream(opening: list[bytes], deltas: list[bytes], closing: list[bytes], error: bytes) -> Content:
    """A stream of server-sent events."""
    return Content("text/event-stream; charset=utf-8", opening, deltas, closing, error, streamed=True)


def tool_call(name: Any, schema: Any) -> tuple[str, dict[str, Any]]:
    """The name and the arguments of a call that a request's tool would accept."""
    return str(name or "look_up"), arguments_for(schema)
