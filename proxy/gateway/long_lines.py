"""Long lines of carriers, and long bodies of JSON, are read by a process of its own (`reading.py`), one after the other; no turn of
the loop waits for one.

What is asked runs in a thread that does nothing else. A process that ends, fails or takes too long is replaced once; what no
process could read is recorded unread, flagged `reading_failed`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from proxy.core.exchange import Exchange
from proxy.core.facts import RequestFacts
from proxy.core.oneshot import Oneshot
from proxy.dialects.carried import LineMeaning, Meaning, Told
from proxy.dialects.jsonio import StrictJSONError
from proxy.gateway import reading
from proxy.gateway.receive import Body, charset, understand
from proxy.gateway.refusal import Refused
from proxy.gateway.routes import Route

COMMAND = (sys.executable, "-P", "-m", "proxy.app", "read")
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TOS_PROXY_NATIVE")
"""What the process gets to know: no key is among it."""
BODY = 1024 * 1024
"""Bytes of a body that is read in a thread: a fifth of a second, which a process takes to start, would be dearer to its caller."""

_SECONDS = 30.0
_SECONDS_A_BYTE = 2e-6
"""For one line or body; the dearest that may come takes a sixth of it on a machine with nothing else to do."""

_encode = msgspec.json.Encoder().encode
_answer = msgspec.json.Decoder(reading.Answer).decode

Aside = Callable[[Callable[[], Any]], Oneshot[Any]]
"""Runs work in a thread; filled with its result."""


class Reader(Protocol):
    """Reads what is too long for a turn of the loop."""

    def understand(self, exchange: Exchange) -> Oneshot[RequestFacts]:
        """What the body of a request says. Fails with Refused 400, 415."""
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

    def read(self, kind: LineMeaning, parts: Sequence[bytes]) -> Oneshot[Meaning]:
        """See `Reader`."""
        return self._aside(lambda: kind.parse(b"".join(parts)))


class LongLines:
    """See `Reader`. `aside` runs work in one thread. `started`: processes so far."""

    def __init__(self, aside: Aside, command: Sequence[str] = COMMAND) -> None:
        self.started = 0
        self._aside = aside
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._end: socket.socket | None = None
        self._over = False

    def understand(self, exchange: Exchange) -> Oneshot[RequestFacts]:
        """See `Reader`. What is shorter than `BODY`, a form or encoded, is read in a thread."""
        route: Route = exchange.route
        body: Body = exchange.body
        values = exchange.request.head.values
        rows = route.dialect.endpoints
        plain = route.endpoint.json_body and body.form is None and len(body.whole) > BODY and b"content-encoding" not in values
        if not plain or route.endpoint not in rows:
            return self._aside(partial(understand, exchange))
        told = charset(values.get(b"content-type", b""))
        asked = reading.OfBody(route.dialect.name, rows.index(route.endpoint), route.parameters, told)
        return self._aside(partial(self._understand, asked, body.whole))

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
        return told.facts if told is not None else RequestFacts(inspection="none", flags=["reading_failed"])

    def _read(self, kind: LineMeaning, parts: Sequence[bytes]) -> Meaning:
        told = self._told(reading.OfLine(*kind.told), parts)
        return kind.again(told) if told is not None else kind.unread("reading_failed")

    def _told(self, asked: reading.OfLine | reading.OfBody, parts: Sequence[bytes]) -> Told | None:
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
        self.started += 1
        return ours


def _all(end: socket.socket, size: int) -> bytes:
    whole = reading.received(end, size)
    if len(whole) < size:
        raise ConnectionError("the reading process ended")
    return whole
