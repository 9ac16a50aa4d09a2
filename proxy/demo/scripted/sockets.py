"""Sessions of the scripted upstream: which path opens which, and one session's frames in and out.

The script of an answer stands in what the client said, like any other; of its words a session knows `words seed chunks tool`,
`delay_ms`, `chunk_size` (frames cut into writes of so many bytes), `fault` (`reset`, `close` without a close frame, `stall`,
`error_event`: after half of the answer) and `close_code` (a close frame after the answer). A `status` in the model's name
refuses the handshake.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from proxy.demo.scripted.content import Asked
from proxy.demo.scripted.gemini_live import Live
from proxy.demo.scripted.openai_realtime import Realtime, ResponsesSocket
from proxy.demo.scripted.script import BadScriptError, Script, read_script
from proxy.demo.scripted.seen import Seen
from proxy.demo.scripted.store import Store
from proxy.demo.scripted.wording import Stamp
from proxy.wire import handshake
from proxy.wire.websocket import BINARY, TEXT, FrameError, FrameReader, close_frame, frame

_PATHS: tuple[tuple[str, Callable[[Asked], Talker]], ...] = (
    (r".*/realtime", Realtime),
    (r".*/responses", ResponsesSocket),
    (r".*/ws/google\.[^/]*BidiGenerateContent|.*/LlmBidiService/BidiGenerateContent", Live),
)
_MOST = 64 * 1024 * 1024


class Talker(Protocol):
    """The upstream's side of a session as events."""

    binary: bool

    def greet(self) -> list[dict[str, Any]]:
        """What is said first."""
        ...

    def hear(self, event: dict[str, Any]) -> tuple[list[dict[str, Any]], Script]:
        """Answers, and the script they are given by. Raises: BadScriptError."""
        ...

    def error(self, message: str) -> dict[str, Any]:
        """The provider's error event."""
        ...


def talker_of(seen: Seen) -> Talker | None:
    """Who talks on this request's connection; None when the request opens no session."""
    if (seen.header("upgrade") or b"").lower() != b"websocket" or seen.malformed:
        return None
    path, _, query = seen.target.decode("latin-1").partition("?")
    found = next((made for pattern, made in _PATHS if re.fullmatch(pattern, path)), None)
    if found is None:
        return None
    asked = Asked(path, query, "", {}, b"", Script(), Stamp(seen.target, repeatable=True), Store(), seen)
    try:
        refused = read_script(asked.parameter("model"), (seen.header("x-script") or b"").decode("latin-1"), b"").status >= 400
    except BadScriptError:
        return None
    return None if refused else found(asked)


class End(Protocol):
    """Ends the connection by `close`, `reset` or `stall`; a `cut` is what the script wanted, and raises."""

    def __call__(self, how: str, *, cut: bool = True) -> Awaitable[None]:
        """End it."""
        ...


class Socket:
    """One session. `write` sends bytes."""

    def __init__(self, seen: Seen, talker: Talker, write: Callable[[bytes], None], end: End) -> None:
        self._seen = seen
        self._talker = talker
        self._write = write
        self._end = end
        self._reader = FrameReader(masked=True, message_cap=_MOST, refuse_longer=True)
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()

    def feed(self, received: bytes) -> None:
        """Bytes of the client's, kept as they came."""
        self._seen.said += received
        if self._reader.close_code is not None:
            return
        try:
            messages = self._reader.feed(received)
        except FrameError as error:
            self._seen.malformed = str(error)
            self._messages.put_nowait(None)
            return
        for message in messages:
            self._messages.put_nowait(message.payload)
        if self._reader.close_code is not None:
            self._messages.put_nowait(None)

    async def talk(self) -> None:
        """Switch, and answer until either side closes."""
        seen = self._seen
        offered = [one.strip() for one in (seen.header("sec-websocket-protocol") or b"").split(b",") if one.strip()]
        lines = [b"HTTP/1.1 101 Switching Protocols", *handshake.UPGRADE_LINES, b"x-request-id: req_session"]
        lines.append(b"Sec-WebSocket-Accept: " + handshake.accept(seen.header("sec-websocket-key") or b""))
        if offered:
            lines.append(b"Sec-WebSocket-Protocol: " + offered[0])
        self._write(b"\r\n".join(lines) + b"\r\n\r\n")
        seen.status = 101
        for event in self._talker.greet():
            self._say(event, Script())
        while (payload := await self._messages.get()) is not None:
            if not await self._answer(payload):
                return
        code = self._reader.close_code
        self._write(close_frame(1002 if code is None else code))
        await self._end("close", cut=False)

    async def _answer(self, payload: bytes) -> bool:
        """Answer one message; False when that was the last."""
        try:
            events, script = self._talker.hear(msgspec.json.decode(payload))
        except (BadScriptError, msgspec.DecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
            self._say(self._talker.error(f"unreadable: {error!r}"), Script())
            return True
        half = len(events) // 2 if script.fault else len(events)
        for event in events[:half]:
            if self._reader.close_code is not None:  # the client wants no more
                return True
            self._say(event, script)
            await asyncio.sleep(script.delay_ms / 1000)
        if script.fault == "error_event":
            self._say(self._talker.error("scripted error"), script)
        elif script.fault in ("reset", "close", "stall"):
            await self._end(script.fault)
            return False
        if script.close_code and len(events) > 1:
            self._write(close_frame(script.close_code, "scripted"))
            while await self._messages.get() is not None:
                pass
            await self._end("close", cut=False)
            return False
        return True

    def _say(self, event: dict[str, Any], script: Script) -> None:
        sent = frame(BINARY if self._talker.binary else TEXT, msgspec.json.encode(event))
        self._seen.answered += len(sent)
        size = script.chunk_size or len(sent)
        for start in range(0, len(sent), size):
            self._write(sent[start : start + size])
