"""Long lines of carriers, bodies and answers of JSON, and messages of sessions, are read by a process of its own (`reading.py`),
one after the other; no turn of the loop waits for one.

What is asked runs in a thread that does nothing else. A process that ends, fails or takes too long is replaced once; what no
process could read is recorded unread, flagged `reading_failed`; a session ends before such a message has left.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, Protocol

import msgspec

from proxy.core.exchange import Exchange
from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.core.oneshot import Oneshot
from proxy.dialects.carried import LineMeaning, Meaning, Told
from proxy.dialects.jsonio import StrictJSONError
from proxy.dialects.session import UNHEARD, Heard, Settled
from proxy.gateway import reading
from proxy.gateway.receive import Body, charset, understand
from proxy.gateway.refusal import Refused
from proxy.gateway.routes import Route

COMMAND = (sys.executable, "-P", "-m", "proxy.app", "read")
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TOS_PROXY_NATIVE")
"""What the process gets to know: no key is among it."""
BODY = 1024 * 1024
"""Bytes of a body that is read in a thread as long as no process runs: a fifth of a second, which one takes to start, would be
dearer to its caller. One of many values has a process started for the next."""

DEAR = 2000
"""Members, objects and arrays that take the interpreter's lock for milliseconds; what has fewer is read in a thread."""

_SECONDS = 30.0
_SECONDS_A_BYTE = 2e-6
"""For one line or body; the dearest that may come takes a sixth of it on a machine with nothing else to do."""

_encode = msgspec.json.Encoder().encode
_answer = msgspec.json.Decoder(reading.Answer).decode

Aside = Callable[[Callable[[], Any]], Oneshot[Any]]
"""Runs work in a thread; filled with its result."""


class Answered(Protocol):
    """An answer that has come to its end. `received`: its bytes as they came."""

    received: int

    @property
    def document(self) -> bytes:
        """Its bytes, where they are one JSON document; else nothing."""
        ...

    def facts(self) -> AnswerFacts:
        """What it says, as this process reads it."""
        ...


class Reader(Protocol):
    """Reads what is too long for a turn of the loop."""

    def understand(self, exchange: Exchange) -> Oneshot[RequestFacts]:
        """What the body of a request says. Fails with Refused 400, 415."""
        ...

    def answered(self, exchange: Exchange, answer: Answered) -> Oneshot[AnswerFacts]:
        """What an answer says."""
        ...

    def hear(self, exchange: Exchange, settled: Settled, parts: Sequence[bytes]) -> Oneshot[Heard]:
        """What a client's message says to a session that has come so far. Fails with StrictJSONError, its code UNHEARD when no
        process could read it.
        """
        ...

    def read(self, kind: LineMeaning, parts: Sequence[bytes]) -> Oneshot[Meaning]:
        """What a line says, whose bytes are these parts. Fails with StrictJSONError."""
        ...


class InThread:
    """Reads them in this process: where nobody else has a turn to wait for."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside

    def understand(self, exchange: Exchange) -> Oneshot[RequestFacts]:
        """See `Reader`."""
        return self._aside(partial(understand, exchange))

    def answered(self, exchange: Exchange, answer: Answered) -> Oneshot[AnswerFacts]:  # noqa: ARG002 - the protocol's
        """See `Reader`."""
        return self._aside(answer.facts)

    def hear(self, exchange: Exchange, settled: Settled, parts: Sequence[bytes]) -> Oneshot[Heard]:
        """See `Reader`."""
        route: Route = exchange.route
        return self._aside(lambda: reading.hear(route.endpoint, route.parameters, settled, b"".join(parts)))

    def read(self, kind: LineMeaning, parts: Sequence[bytes]) -> Oneshot[Meaning]:
        """See `Reader`."""
        return self._aside(lambda: kind.parse(b"".join(parts)))


class LongLines:
    """See `Reader`. `aside` runs work in one thread. `started`: processes so far. `ready_seconds`: what one has to get ready before
    it is asked about what a thread could read as well.
    """

    def __init__(self, aside: Aside, command: Sequence[str] = COMMAND, ready_seconds: float = 1.0) -> None:
        self.started = 0
        self._ready = 0.0
        self._ready_seconds = ready_seconds
        self._aside = aside
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._end: socket.socket | None = None
        self._over = False

    def understand(self, exchange: Exchange) -> Oneshot[RequestFacts]:
        """See `Reader`. What is no dearer than a thread may take, a form or encoded, is read in one."""
        route: Route = exchange.route
        body: Body = exchange.body
        values = exchange.request.head.values
        rows = route.dialect.endpoints
        plain = route.endpoint.json_body and body.form is None and b"content-encoding" not in values and route.endpoint in rows
        if not plain or not self._goes_elsewhere(body.whole, long=len(body.whole) > BODY):
            return self._aside(partial(understand, exchange))
        told = charset(values.get(b"content-type", b""))
        asked = reading.OfBody(route.dialect.name, rows.index(route.endpoint), route.parameters, told)
        return self._aside(partial(self._understand, asked, body.whole))

    def answered(self, exchange: Exchange, answer: Answered) -> Oneshot[AnswerFacts]:
        """See `Reader`."""
        route: Route = exchange.route
        rows = route.dialect.endpoints
        long = answer.received > BODY
        if route.endpoint not in rows or not self._goes_elsewhere(b"" if long else answer.document, long=long):
            return self._aside(answer.facts)
        asked = reading.OfAnswer(route.dialect.name, rows.index(route.endpoint))
        return self._aside(partial(self._answered, asked, answer))

    def hear(self, exchange: Exchange, settled: Settled, parts: Sequence[bytes]) -> Oneshot[Heard]:
        """See `Reader`."""
        route: Route = exchange.route
        rows = route.dialect.endpoints
        long = sum(map(len, parts)) > BODY
        if route.endpoint not in rows or not self._goes_elsewhere(b"" if long else b"".join(parts), long=long):
            return self._aside(lambda: reading.hear(route.endpoint, route.parameters, settled, b"".join(parts)))
        asked = reading.OfMessage(route.dialect.name, rows.index(route.endpoint), route.parameters, settled)
        return self._aside(partial(self._hear, asked, parts))

    def _goes_elsewhere(self, content: bytes, *, long: bool) -> bool:
        """Whether a process is to read it: what is `long`, or dear. It is started now where the next of its kind could go there."""
        if not long and content.count(b'":') + content.count(b"{") + content.count(b"[") <= DEAR:
            return False
        running = self._process is not None and self._process.poll() is None
        if not running and not self._over:
            self._aside(self._begin)
        return long or (running and monotonic() >= self._ready)

    def _begin(self) -> None:
        """Have a process ready, if it can be had."""
        with suppress(OSError):
            if self._process is None or self._process.poll() is not None:
                self._stop()
                self._start()

    def read(self, kind: LineMeaning, parts: Sequence[bytes]) -> Oneshot[Meaning]:
        """See `Reader`."""
        return self._aside(partial(self._read, kind, parts))

    def close(self) -> None:
        """End the process, and start no other."""
        self._over = True
        self._stop()

    def _stop(self) -> None:
        if self._end is not None:
            self._end.close()
            self._end = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _understand(self, asked: reading.OfBody, body: bytes) -> RequestFacts:
        try:
            told = self._told(asked, (body,))
        except StrictJSONError as error:
            raise Refused(error.status, error.code, str(error)) from error
        return told.facts if told is not None else _unread()

    def _answered(self, asked: reading.OfAnswer, answer: Answered) -> AnswerFacts:
        if not (document := answer.document):
            return answer.facts()
        told = self._told(asked, (document,))
        return told.answer if told is not None and told.answer is not None else AnswerFacts(unread=True)

    def _hear(self, asked: reading.OfMessage, parts: Sequence[bytes]) -> Heard:
        told = self._told(asked, parts)
        if told is None or told.heard is None:  # it may ask for an answer that nobody has judged
            raise StrictJSONError(503, UNHEARD, "the message could not be read")
        return told.heard

    def _read(self, kind: LineMeaning, parts: Sequence[bytes]) -> Meaning:
        told = self._told(reading.OfLine(*kind.told), parts)
        return kind.again(told) if told is not None else kind.unread("reading_failed")

    def _told(self, asked: reading.Asked, parts: Sequence[bytes]) -> Told | None:
        """None when no process could read it. Raises: StrictJSONError."""
        arguments, size = _encode(asked), sum(map(len, parts))
        question = [reading.QUESTION.pack(len(arguments), size) + arguments, *parts]
        for _ in range(2):
            try:
                answer: reading.Answer = _answer(self._ask(question, _SECONDS + size * _SECONDS_A_BYTE))
            except (OSError, msgspec.MsgspecError):
                self._stop()
                continue
            if answer[0] is None:
                raise StrictJSONError(*answer[1:])
            return answer[0]
        return None

    def _ask(self, question: Sequence[bytes], seconds: float) -> bytes:
        """Raises: OSError."""
        end = self._end or self._start()
        end.settimeout(seconds)
        for part in question:
            end.sendall(part)
        (size,) = reading.ANSWER.unpack(_all(end, reading.ANSWER.size))
        return _all(end, size)

    def _start(self) -> socket.socket:
        if self._over:
            raise ConnectionError("the gateway ends")
        ours, theirs = socket.socketpair()
        with theirs:
            environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                self._command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=environment
            )
        self._end = ours
        self._ready = monotonic() + self._ready_seconds
        self.started += 1
        return ours


def _unread() -> RequestFacts:
    return RequestFacts(inspection="none", flags=["reading_failed"])


def _all(end: socket.socket, size: int) -> bytes:
    whole = reading.received(end, size)
    if len(whole) < size:
        raise ConnectionError("the reading process ended")
    return whole
