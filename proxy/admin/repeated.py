"""`Idempotency-Key` on a POST of the API: what was asked before, by the same person with the same key, is answered as it was then
and not done again.

Answers are kept in memory alone (some hold a key that is shown once and kept nowhere), for a day, the last thousand; a control
process that starts anew knows none.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.admin.problems import API, problem

KEPT_SECONDS = 86_400.0
MOST_KEPT = 1000
MOST_BYTES = 64 * 1024
LONGEST_KEY = 255


@dataclass
class _Kept:
    """What was asked (its digest), when (monotonic seconds), and what was answered; nothing yet while it is done."""

    asked: bytes
    at: float
    answer: list[Message] = field(default_factory=list)


class Repeated:
    """ASGI. `now` gives seconds of a monotonic clock."""

    def __init__(self, app: ASGIApp, now: Callable[[], float]) -> None:
        self._app = app
        self._now = now
        self._kept: OrderedDict[tuple[str, str, str], _Kept] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        key = Headers(scope=scope).get("idempotency-key") if scope["type"] == "http" else None
        if key is None or scope["method"] != "POST" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        if not 0 < len(key) <= LONGEST_KEY:
            told = problem(400, "bad-key", f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.", scope["path"])
            await told(scope, receive, send)
            return
        session = scope["state"]["session"]
        await self._once((session.name if session else "", scope["path"], key), scope, receive, send)

    async def _once(self, name: tuple[str, str, str], scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole(receive)
        asked = hashlib.sha256(body).digest()
        self._forget()
        kept = self._kept.get(name)
        if kept is None:
            await self._do(name, asked, scope, body, send)
        elif kept.asked != asked:
            told = problem(422, "key-reused", "With this Idempotency-Key something else was asked before.", scope["path"])
            await told(scope, receive, send)
        elif not kept.answer:
            told = problem(
                409, "in-progress", "This is being done; ask again in a moment.", scope["path"], headers={"retry-after": "1"}
            )
            await told(scope, receive, send)
        else:
            for message in kept.answer:
                await send(message)

    async def _do(self, name: tuple[str, str, str], asked: bytes, scope: Scope, body: bytes, send: Send) -> None:
        while len(self._kept) >= MOST_KEPT:
            self._kept.popitem(last=False)
        kept = self._kept[name] = _Kept(asked, self._now())
        answer: list[Message] = []

        async def noted(message: Message) -> None:
            answer.append(message)
            await send(message)

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            await self._app(scope, again, noted)
        finally:
            size = sum(len(message.get("body", b"")) for message in answer)
            if answer and answer[0]["status"] < 500 and size <= MOST_BYTES:
                again_header = (b"idempotency-replayed", b"true")
                kept.answer = [{**answer[0], "headers": [*answer[0]["headers"], again_header]}, *answer[1:]]
            else:
                self._kept.pop(name, None)

    def _forget(self) -> None:
        """Drop what is past its time."""
        while self._kept and self._now() - next(iter(self._kept.values())).at > KEPT_SECONDS:
            self._kept.popitem(last=False)


async def _whole(receive: Receive) -> bytes:
    """A body, which the gate has bounded."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)
