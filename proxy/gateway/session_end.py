"""What the client sees of its session's end, once the outcome is recorded: the upstream's close frame, ours and why, or a break."""

from __future__ import annotations

from collections.abc import Callable

from proxy.gateway.refusal import Refused
from proxy.gateway.relay import Ending
from proxy.gateway.session_turns import Turns
from proxy.wire.request import Request
from proxy.wire.upgraded import Upgraded
from proxy.wire.websocket import TEXT, FrameError, FrameReader, close_frame, frame


class Parting:
    """The end of one session; `asked` and `answered` read its two directions. `client` is set when it is open."""

    __slots__ = ("_answered", "_asked", "_closed", "_disclosed", "_request", "_turns", "_waiting", "client")

    def __init__(
        self,
        request: Request,
        asked: FrameReader,
        answered: FrameReader,
        turns: Turns,
        disclosed: Callable[[Refused], Refused],
    ) -> None:
        self.client: Upgraded
        self._request = request
        self._asked = asked
        self._answered = answered
        self._turns = turns
        self._disclosed = disclosed
        self._closed = False
        self._waiting = False

    def finish(self, ending: Ending, held: bytes, code: int) -> int:
        """End it: by `held`, the upstream's close frame, by ours with this code, or as the upstream did. Returns: bytes of the
        upstream's that were passed on.
        """
        request = self._request
        if request.gone:
            return 0
        if ending.outcome == "completed":
            request.write(held)
            self._part()
            return len(held)
        if ending.outcome == "cut" and self._between_frames:
            self._say_why(ending, code)
            self._part()
        elif ending.outcome == "cut":
            request.abort()
        else:  # no close frame, as it came: the client sees what it would have seen without us
            request.break_off(reset=False)
        return 0

    @property
    def _between_frames(self) -> bool:
        return self._answered.between_frames or self._answered.close_at is not None

    def _say_why(self, ending: Ending, code: int) -> None:
        """The provider's own error, where a message may begin, and a close frame."""
        refused = self._turns.refused
        told = Refused(503, "session_cut", f"The session was cut: {ending.error}.") if refused is None else self._disclosed(refused)
        if self._answered.between_messages or (self._answered.close_at is not None and not self._answered.within_message):
            payload = self._turns.error_message(told.status, told.code, told.message)
            if payload:
                self._request.write(frame(TEXT, payload))
        self._request.write(close_frame(code, ending.error))

    def _part(self) -> None:
        """Close once the client has closed as well, or has had the time to."""
        self._closed = self._closed or self._asked.close_code is not None
        self._waiting = True
        if self._closed:
            self._close()
        else:
            self.client.farewell(self._close)

    def look(self, received: bytes) -> None:
        """After the end only the client's own close frame matters, and the connection must not close before ours was sent."""
        try:
            self._asked.feed(received)
        except FrameError:
            self._closed = True
        self._closed = self._closed or self._asked.close_code is not None
        if self._closed and self._waiting:
            self._close()

    def _close(self) -> None:
        self._request.finish(close=True)
