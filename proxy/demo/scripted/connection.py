"""One connection to the scripted upstream: requests are read as they come and answered one after the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from proxy.demo.scripted.incoming import Incoming
from proxy.demo.scripted.routes import Answer
from proxy.demo.scripted.script import Script
from proxy.demo.scripted.seen import Ending, Seen
from proxy.demo.scripted.shaping import BAD_CHUNK, CUTTING, GARBAGE, Body, bodiless, body_of, framed, head_of
from proxy.demo.scripted.sockets import Socket, Talker, talker_of

# What was written before a reset must reach the other side before the reset does.
RESET_PAUSE = 0.02


class CutError(Exception):
    """The script ends this answer, and with it the connection."""


class Connection(asyncio.Protocol):
    """Server side of one TCP connection.

    `begin(connection number)` makes the `Seen` of a request whose first byte came; `answer(seen)` says what to send;
    `gone(self)` is called once when the connection is lost.
    """

    def __init__(
        self,
        number: int,
        begin: Callable[[int], Seen],
        answer: Callable[[Seen], Answer],
        preview: Callable[[Seen], Script],
        gone: Callable[[Connection], None],
    ) -> None:
        self.number = number
        self._begin, self._answer, self._preview, self._gone = begin, answer, preview, gone
        self._incoming = Incoming()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._read = asyncio.Event()
        self._previewed = False
        self._socket: Socket | None = None
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's call: the connection is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._writable.set()
        with suppress(OSError, AttributeError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Asyncio's call: the connection is gone; what was open ends here."""
        self._lost = True
        self._writable.set()
        self._incoming.settle()
        seen = self._incoming.seen
        if seen is not None and seen.answer == "open":
            seen.answer = "client_gone"
        if self._task is not None:
            self._task.cancel()
        self._gone(self)

    def pause_writing(self) -> None:
        """Asyncio's call: the other side does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Asyncio's call: the other side reads again."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Asyncio's call: bytes came."""
        if self._socket is not None:
            self._socket.feed(data)
            return
        if self._incoming.seen is None:
            self._next_request()
        self._incoming.feed(data)
        self._advance()

    def abort(self) -> None:
        """Drop the connection (the server stops)."""
        if self._transport is not None:
            self._transport.abort()

    def _next_request(self) -> None:
        self._previewed = False
        self._incoming.start(self._begin(self.number))

    def _advance(self) -> None:
        incoming, seen = self._incoming, self._incoming.seen
        if seen is None or not incoming.head_ready:
            return
        if incoming.complete:
            self._read.set()
        if self._task is not None:
            return
        early = False
        if not incoming.complete and not self._previewed:
            self._previewed = True
            early = self._meet_head(seen)
        if incoming.complete or early:
            self._read.clear()
            self._task = asyncio.get_running_loop().create_task(self._exchange(seen))

    def _meet_head(self, seen: Seen) -> bool:
        """Do what the script wants before the body is read; True to answer already now."""
        script = self._preview(seen)
        if script.read == "stall" and self._transport is not None:
            self._transport.pause_reading()
        elif not script.early and (seen.header("expect") or b"").lower() == b"100-continue":
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return script.early

    def _write(self, piece: bytes) -> None:
        if self._transport is not None and not self._lost:
            self._transport.write(piece)

    async def _exchange(self, seen: Seen) -> None:
        ending: Ending = "cut"
        talker = talker_of(seen)
        answer = self._answer(seen) if talker is None else None
        try:
            if answer is None:
                await self._talk(seen, cast("Talker", talker))
                ending = "completed"
                return
            await self._deliver(answer, seen)
            ending = "completed"
            await self._afterwards(answer.script, seen)
        except CutError:
            pass
        except asyncio.CancelledError:
            ending = seen.answer
            raise
        finally:
            seen.answer = ending
        if not self._incoming.complete:
            await self._read.wait()
        self._task = None
        if self._lost or self._transport is None or self._transport.is_closing():
            return
        self._incoming.seen = None
        if self._incoming.pending:
            self._next_request()
            self._advance()

    async def _talk(self, seen: Seen, talker: Talker) -> None:
        """A session, which takes the connection to its end."""
        socket = self._socket = Socket(seen, talker, self._write, self._end)
        if self._incoming.pending:
            socket.feed(self._incoming.rest())
        await socket.talk()

    async def _deliver(self, answer: Answer, seen: Seen) -> None:
        script = answer.script
        await asyncio.sleep(script.head_delay_ms / 1000)
        for status in script.interim:
            self._write(f"HTTP/1.1 {status} Interim\r\nlink: </style.css>; rel=preload\r\n\r\n".encode())
        if script.fault == "garbage":
            self._write(GARBAGE)
            await self._end("close")
        if script.fault in CUTTING and script.at == "start":
            await self._end(script.fault)
        body = body_of(answer, seen)
        head = head_of(answer, body, seen)
        seen.status = answer.status
        if script.fault in CUTTING and script.at == "head":
            self._write(head[: len(head) // 2])
            await self._end(cast("str", script.fault))
        if script.body_delay_ms or bodiless(seen, answer.status):
            self._write(head)
            head = b""
            await asyncio.sleep(script.body_delay_ms / 1000)
        if not bodiless(seen, answer.status):
            await self._send_body(body, script, seen, head)

    async def _send_body(self, body: Body, script: Script, seen: Seen, head: bytes) -> None:
        left = script.after_bytes if script.fault in (*CUTTING, "bad_chunk") else None
        for number, piece in enumerate(body.pieces):
            if left is not None and len(piece) > left - seen.answered:
                cut = piece[: left - seen.answered]
                self._write(head + (framed(cut, body.framing) if cut else b""))
                seen.answered += len(cut)
                head = b""
                break
            if number and script.delay_ms:
                await asyncio.sleep(script.delay_ms / 1000)
            self._write(head + framed(piece, body.framing))
            head = b""
            seen.answered += len(piece)
            # Also a body without end must let the others run.
            await (self._writable.wait() if not self._writable.is_set() else asyncio.sleep(0))
        self._write(head)
        if script.fault == "bad_chunk":
            self._write(BAD_CHUNK)
            await self._end("close")
        if left is not None:
            await self._end(cast("str", script.fault))
        if body.framing == "chunked":
            self._write(b"0\r\n\r\n")
        if body.framing == "close" and script.then is None:
            await self._end("close", cut=False)

    async def _afterwards(self, script: Script, seen: Seen) -> None:
        then = script.then or ("close" if script.length_off > 0 else None)
        asked_to_close = (seen.header("connection") or b"").lower() == b"close" or seen.version == b"HTTP/1.0" or seen.malformed
        if then in ("close", "announce") or (then is None and asked_to_close):
            await self._end("close", cut=False)
        elif then == "reset":
            await self._end("reset", cut=False)

    async def _end(self, how: str, *, cut: bool = True) -> None:
        """End the connection in the script's way.

        Errors: CutError when that is a cut, so that nothing more is sent.
        """
        transport = self._transport
        if transport is not None and not self._lost:
            if cut and self._incoming.seen is not None:
                self._incoming.seen.answer = "cut"
            if how == "reset":
                await asyncio.sleep(RESET_PAUSE)
                sock = transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                transport.abort()
            elif how == "close":
                transport.close()
            elif how == "half_close" and transport.can_write_eof():
                transport.write_eof()
        if cut:
            if how in ("stall", "half_close"):
                await asyncio.get_running_loop().create_future()
            raise CutError
