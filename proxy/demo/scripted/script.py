"""What a request asks the scripted upstream to do, read from the request itself (grammar: the package's docstring)."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_IN_BODY = re.compile(rb"\[\[script:([^\]]*)\]\]")
_COUNTS = {"once": "1", "twice": "2", "thrice": "3"}
_CALM = {"status": 200, "fault": None, "retry_after": None, "retry_after_ms": None, "should_retry": None}

Fault = Literal["reset", "close", "half_close", "stall", "truncate", "error_event", "infinite", "garbage", "bad_chunk"]


class BadScriptError(ValueError):
    """A script that cannot be read; its text says why."""


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer's script. Byte counts are of the body as sent, after content coding and before chunk framing."""

    status: int = 200
    """Below 400: the ordinary answer under that status (204 and 304 without a body). From 400: the provider's error body."""
    times: int = 0
    """How many attempts of the same request (method, target, body, script) get `status` and `fault`; 0 means all."""
    retry_after: str | None = None
    retry_after_ms: str | None = None
    should_retry: Literal["true", "false"] | None = None

    words: int = 24
    seed: str = ""
    """Same seed and `words`, same text. Without it the text follows from the request's body."""
    chunks: int = 6
    """Text events of a stream; pieces of any other body (1 unless said)."""
    tool: bool = False
    """Answer with a call of the request's first tool."""
    reasoning: bool = False
    quirk: str = ""
    """The host whose ways a chat answer takes (`scripted.quirks`)."""
    finish: str = ""
    """Replaces the finish reason; written in the dialect's own words."""

    polls: int = 0
    """How often what takes its time (a batch, a run, a job) is asked about before it is done."""

    head_delay_ms: float = 0
    body_delay_ms: float = 0
    delay_ms: float = 0
    """Between two pieces of the body."""

    framing: Literal["length", "chunked", "close"] | None = None
    """Default: streams chunked, everything else by length, and by close for HTTP/1.0."""
    chunk_size: int = 0
    """Cut the body into pieces of this many bytes (1 puts each byte into a chunk of its own); 0 leaves events whole."""
    length_off: int = 0
    """Added to the true content-length. A length that is too long ends with a close unless `then` says otherwise."""
    encoding: Literal["gzip", "br", "zstd", "deflate", "identity"] | None = None
    """Content coding, applied whether or not the request accepts it."""
    content_type: str = ""
    interim: tuple[int, ...] = ()
    """Statuses of 1xx answers sent first: `interim=103,102`."""
    head: Literal["plain", "two_lengths", "length_and_chunked", "obs_fold", "bare_lf", "nul", "http10", "no_reason"] = "plain"
    then: Literal["keep", "close", "announce", "reset"] | None = None
    """The connection afterwards: `close` comes without a word (stale keep-alive), `announce` with `Connection: close`."""

    headers: int = 0
    """How many further headers."""
    header_bytes: int = 0
    """Length of one huge header's value."""
    duplicates: int = 0
    """How many `x-scripted-duplicate` headers."""
    bomb_mib: int = 0
    """Replace the body by this many MiB of zeros, which `encoding` shrinks to almost nothing."""

    fault: Fault | None = None
    """reset (RST), close (FIN), half_close (FIN, then reads on), stall (silence), truncate (a clean end without the terminal
    event), error_event (the provider's own, then a clean end), infinite (events without end), garbage (no HTTP), bad_chunk."""
    at: Literal["start", "head", "body"] = "body"
    """Where a reset, close, half_close or stall comes: instead of the head, in the middle of the head, in the body."""
    after_bytes: int = 0
    """How many bytes of the body come before it."""

    close_code: int = 0
    """Of a session: a close frame with this code after the answer."""
    early: bool = False
    """Answer before the body is read."""
    read: Literal["all", "stall"] = "all"
    """`stall`: never read the body, so that the sender's window fills; no answer comes either (unless `early`)."""

    def calmed(self) -> Script:
        """The script of the attempt that succeeds."""
        return msgspec.structs.replace(self, **_CALM)


def model_words(model: str) -> dict[str, str]:
    """The script in a model's name: `scripted-429-twice` gives status and times; an ordinary name gives nothing."""
    head, *words = model.split("-")
    if head != "scripted":
        return {}
    found: dict[str, str] = {}
    for word in words:
        if word.isdigit():
            found["status"] = word
        elif word in _COUNTS:
            found["times"] = _COUNTS[word]
        else:
            found["fault"] = word
    return found


def text_words(text: str) -> dict[str, str]:
    """The script in a text: `status=429 times=2 early`."""
    return {key: value or "true" for key, _, value in (word.partition("=") for word in text.split())}


def body_words(body: bytes | bytearray) -> dict[str, str]:
    """The script in a body's last `[[script: …]]`."""
    found = _IN_BODY.findall(body)
    return text_words(found[-1].decode("latin-1")) if found else {}


def read_script(model: str, header: str, body: bytes | bytearray) -> Script:
    """The script of a request.

    Errors: BadScriptError names the word that is wrong.
    """
    words: dict[str, object] = {**model_words(model), **text_words(header), **body_words(body)}
    if "interim" in words:
        words["interim"] = str(words["interim"]).split(",")
    try:
        return msgspec.convert(words, Script, strict=False)
    except msgspec.ValidationError as error:
        raise BadScriptError(str(error)) from error
