"""A session: two streams of bytes on one connection, passed on as they came and read on a tee, with both waits of the corridor.

What the client sends goes upstream once the pieces that hold it are durable. What the upstream sends leaves at once, is recorded
by the shared tick, and is paused while too much of it is not durable; its close frame is held until the outcome is durable.
Nothing is added to either stream while it goes on; what we say at an end of ours are whole frames between whole frames.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

from proxy.core.errors import LedgerUnavailableError
from proxy.core.facts import AnswerFacts
from proxy.core.oneshot import Oneshot, drive
from proxy.dialects.jsonio import StrictJSONError
from proxy.dialects.session import MESSAGE_CAP, UNHEARD, Heard
from proxy.gateway.recording import SessionTee
from proxy.gateway.refusal import Refused
from proxy.gateway.relay import CLIENT_GONE, COMPLETED, Ending
from proxy.gateway.session_end import Parting
from proxy.gateway.session_turns import Turns
from proxy.wire import handshake
from proxy.wire.head import ResponseHead
from proxy.wire.request import Request
from proxy.wire.upgraded import Upgraded
from proxy.wire.upstream import UpstreamConnection
from proxy.wire.websocket import (
    GOING_AWAY,
    INTERNAL_ERROR,
    NO_CODE,
    NORMAL,
    NOT_CONSISTENT,
    POLICY_VIOLATION,
    FrameError,
    FrameReader,
    Message,
    close_frame,
)

_AHEAD = 128 * 1024
_PARTING_SECONDS = 1.0
_MILD = frozenset([NORMAL, GOING_AWAY, NO_CODE])
_SHUTTING_DOWN = "the proxy is shutting down"


class Session:
    """One session. `ended` is filled with an Ending; then, once that is recorded, `finish` lets the client have the end."""

    __slots__ = (
        "_answered",
        "_asked",
        "_behind",
        "_client",
        "_code",
        "_connection",
        "_draining",
        "_fault",
        "_held",
        "_limit",
        "_loop",
        "_on_fault",
        "_parting",
        "_paused",
        "_pump",
        "_serves",
        "_stream",
        "_waiting",
        "answered_ns",
        "delivered",
        "ended",
        "received",
        "request",
        "turns",
        "unkept",
        "unsent",
    )

    def __init__(  # noqa: PLR0913 - the places a session passes, each once
        self,
        request: Request,
        connection: UpstreamConnection,
        stream: SessionTee,
        turns: Turns,
        loop: asyncio.AbstractEventLoop,
        on_fault: Callable[[BaseException], None],
        disclosed: Callable[[Refused], Refused],
        *,
        answered_ns: int,
        unsynced_limit: int,
        serves: bool,
    ) -> None:
        self.request = request
        self.turns = turns
        self.answered_ns = answered_ns
        self.received = 0
        self.delivered = 0
        self.unkept = False
        self.unsent: deque[tuple[Oneshot[None], bytes]] = deque()
        self.ended: Oneshot[Ending] = Oneshot()
        self._client: Upgraded
        self._connection = connection
        self._stream = stream
        self._loop = loop
        self._on_fault = on_fault
        self._limit = unsynced_limit
        self._serves = serves
        self._asked = FrameReader(masked=True, message_cap=MESSAGE_CAP, refuse_longer=True)
        self._answered = FrameReader(masked=False, message_cap=MESSAGE_CAP, refuse_longer=False)
        self._parting = Parting(request, self._asked, self._answered, turns, disclosed)
        self._code = INTERNAL_ERROR
        self._draining = False
        self._fault = ""
        self._held = b""
        self._paused = False
        self._behind: deque[bytes] | None = None
        self._pump: Oneshot[None] | None = None
        self._waiting = 0

    def start(self, answer: ResponseHead, record_id: str) -> None:
        """Tell the client that its upstream has switched, and carry both streams from now on."""
        request = self.request
        lines = [answer.line, *answer.forwarded(), *handshake.UPGRADE_LINES, b"x-tos-record: " + record_id.encode(), b"", b""]
        request.on_gone = self._client_gone
        request.on_writable = self._go_on
        self._stream.on_synced = self._go_on
        drive(self._send_on(), self._defect)
        self._client = self._parting.client = request.upgrade(b"\r\n".join(lines), self._loop, self)
        if request.gone:
            self._client_gone()
        if self._client.early:
            self.client_bytes(self._client.early)
        if not self.ended.done:
            self._connection.attach(self)

    # --- from the client

    def client_bytes(self, received: bytes) -> None:
        """Bytes of the client's: read, recorded, and sent on once they are durable."""
        if self._behind is not None:
            self._behind.append(received)
            self._client.pause()
        elif self.ended.done:
            self._parting.look(received)
        else:
            self._take(received)

    def _take(self, received: bytes) -> None:
        asked = self._asked
        start = asked.position
        fault: FrameError | None = None
        try:
            messages = asked.feed(received)
        except FrameError as error:
            messages, fault = error.messages, error
        if any(map(self.turns.is_long, messages)):
            self._behind = deque()
            drive(self._read_long(messages, received, start, fault), self._defect)
        elif all(self._read(message, received, start) for message in messages):
            self._took(received, start, fault)

    async def _read_long(self, messages: list[Message], received: bytes, start: int, fault: FrameError | None) -> None:
        """The same where a message is read elsewhere: what comes behind it waits, so that nothing leaves out of order."""
        for message in messages:
            heard: Heard | StrictJSONError | None = None
            if self.turns.is_long(message):
                ahead = max(message.start - start, 0)
                self._forward(received[:ahead])
                received, start = received[ahead:], start + ahead
                try:
                    heard = await self.turns.hear(message)
                except StrictJSONError as error:
                    heard = error
            if self.ended.done or not self._read(message, received, start, heard):
                break
        else:
            self._took(received, start, fault)
        behind, self._behind = self._behind or deque(), None
        while behind and self._behind is None:
            self.client_bytes(behind.popleft())
        if self._behind is not None:
            self._behind.extend(behind)
        elif self._waiting <= _AHEAD or self.ended.done:
            self._client.resume()

    def _read(self, message: Message, received: bytes, start: int, heard: Heard | StrictJSONError | None = None) -> bool:
        """Read a message; one with two readings, or that begins a turn which may not be made, ends the session before it has left.
        Returns whether the session goes on.
        """
        try:
            if isinstance(heard, StrictJSONError):
                raise heard
            if heard is None:
                self.turns.asked(message)
            else:
                self.turns.heard(heard, message)
        except StrictJSONError as error:
            self._forward(received[: max(message.start - start, 0)])
            self._break(Ending("cut", error.code), INTERNAL_ERROR if error.code == UNHEARD else NOT_CONSISTENT)
            return False
        if self.turns.refused is not None:
            self._stream.client_piece(received)  # what was denied is recorded like all else
            self._deny(self.turns.refused)
            return False
        return True

    def _took(self, received: bytes, start: int, fault: FrameError | None) -> None:
        """All that was received has been read."""
        if fault is None:
            self._forward(received)
        else:
            self._forward(received[: max(fault.at - start, 0)])
            self._break(Ending("cut", f"the client's frames are malformed: {fault}"), fault.code)

    def _deny(self, refused: Refused) -> None:
        """A turn may not be made."""
        self._break(Ending("cut", refused.code), POLICY_VIOLATION)

    def _forward(self, piece: bytes) -> None:
        if not piece:
            return
        self.unsent.append((self._stream.client_piece(piece), piece))
        self._waiting += len(piece)
        if self._waiting > _AHEAD:
            self._client.pause()
        self._wake()

    def _wake(self) -> None:
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.set(None)

    async def _send_on(self) -> None:
        """Send what is durable, in order, as fast as the upstream takes it."""
        while not self.ended.done:
            if not self.unsent:
                self._pump = Oneshot()
                await self._pump
                continue
            durable, piece = self.unsent[0]
            try:
                await durable
            except LedgerUnavailableError as error:
                if not self._serves:
                    self.cut(str(error), INTERNAL_ERROR)
                    return
                self.unkept = True
            if self.ended.done:
                return
            self.unsent.popleft()
            self._waiting -= len(piece)
            self._connection.send(piece, last=False)
            await self._connection.drained()
            if self._waiting <= _AHEAD // 2 and self._behind is None:
                self._client.resume()

    # --- from upstream

    def answer_piece(self, piece: bytes) -> None:
        """Bytes of the upstream's: to the record, to the reader, and on, but for the close frame."""
        if self.ended.done:
            return
        answered = self._answered
        start = answered.position
        self.received += len(piece)
        unsynced = self._stream.answer(piece)
        try:
            messages = answered.feed(piece)
        except FrameError as error:
            for message in error.messages:
                self.turns.answered(message)
            self._pass_on(piece[: max(error.at - start, 0)])
            self._break(Ending("upstream_error", f"the upstream's frames are malformed: {error}"), error.code)
            return
        for message in messages:
            self.turns.answered(message)
        if answered.close_at is None:
            self._pass_on(piece)
            if self.turns.refused is not None:
                self._deny(self.turns.refused)
            elif self._draining and not self.turns.open:
                self.cut(_SHUTTING_DOWN, GOING_AWAY)
        else:
            self._hold(piece, start, answered.close_at)
        if not self.ended.done and (unsynced > self._limit or not (self.request.writable or self.request.gone)):
            self._paused = True
            self._connection.pause()

    def _pass_on(self, piece: bytes) -> None:
        if piece and not self.request.gone:
            self.delivered += len(piece)
            self.request.write(piece)

    def _hold(self, piece: bytes, start: int, close_at: int) -> None:
        """Keep the close frame; once it is whole, agree to it in the client's place, for the client sees it only later."""
        begin = max(close_at - start, 0)
        self._pass_on(piece[:begin])
        self._held += piece[begin:]
        code = self._answered.close_code
        if code is None:
            return
        self._held = self._held[: 2 + (self._held[1] & 0x7F)]
        if self._asked.close_code is None and self._asked.between_frames and not self._on_the_way:
            self._connection.send(close_frame(code, key=os.urandom(4)), last=True)
            self._connection.leave()
        else:
            self._connection.abort()
        self._end(COMPLETED)

    def answer_end(self) -> None:
        """The upstream has closed without a close frame."""
        if self._asked.close_code is not None and not self._on_the_way:
            self._end(COMPLETED)
        else:
            self._end(Ending("upstream_error", "the upstream closed the connection without a close frame"))

    @property
    def _on_the_way(self) -> bool:
        """Whether something that the client has sent has not left yet."""
        return bool(self.unsent) or self._behind is not None

    def answer_broken(self, reason: str) -> None:
        """The upstream broke off."""
        self._end(Ending("upstream_error", reason))

    def _go_on(self) -> None:
        if self._paused and (self.request.writable or self.request.gone):
            self._paused = False
            self._connection.resume()

    # --- ends

    def _client_gone(self) -> None:
        """A client that has said that it closes need not wait for the answer; its close frame still goes upstream."""
        if (self._asked.close_code is not None or self._behind is not None) and not self.ended.done:
            self._loop.call_later(_PARTING_SECONDS, self._part)
        else:
            self._part()

    def _part(self) -> None:
        if not self.ended.done:
            self._connection.abort()
            self._end(CLIENT_GONE)

    def drain(self) -> None:
        """End between two turns, now or after those that are under way."""
        self._draining = True
        if not self.turns.open:
            self.cut(_SHUTTING_DOWN, GOING_AWAY)

    def cut(self, reason: str, code: int = GOING_AWAY) -> None:
        """End the session from our side, unless it has ended."""
        self._break(Ending("cut", reason), code)

    def _defect(self, error: BaseException) -> None:
        self._on_fault(error)
        self.cut("defect", INTERNAL_ERROR)

    def _break(self, ending: Ending, code: int) -> None:
        if not self.ended.done:
            self._code = code
            self._connection.abort()
            self._end(ending)

    def _end(self, ending: Ending) -> None:
        if self.ended.done:
            return
        request = self.request
        request.on_writable = self._stream.on_synced = request.on_gone = None
        outcome = ending.outcome
        if outcome == "completed":  # the session did, in the middle of these turns
            outcome = "client_gone" if self._asked.close_code is not None else "upstream_error"
        code, own = self._answered.close_code, self._asked.close_code
        if code not in (None, own) and (own is None or code not in _MILD):  # else it answers the client's, which is no error
            self._fault = f"close code {code}"
        self.turns.close(outcome, ending.error or self._fault)
        self.ended.set(ending)
        self._wake()

    def facts(self) -> AnswerFacts:
        """Of the session as a whole; `finish` is the code of the upstream's close frame, or else of the client's."""
        facts = self.turns.facts()
        code = self._answered.close_code or self._asked.close_code
        facts.finish = str(code) if code is not None else None
        if self._fault and code not in _MILD and facts.error is None:
            facts.error = self._fault
        return facts

    @property
    def releasing(self) -> int:
        """Bytes that a completed session's `finish` hands over."""
        return len(self._held)

    def finish(self, ending: Ending) -> None:
        """The outcome is durable, or could not be made so: let the client have what its session came to."""
        self.delivered += self._parting.finish(ending, self._held, self._code)
