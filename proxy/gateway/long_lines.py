"""Long lines of carriers are read by a process of its own (`reading.py`), one after the other; no turn of the loop waits for one.

What is asked runs in a thread that does nothing else. A process that ends, fails or takes too long is replaced once;
a line that no process could read is recorded unread, flagged `reading_failed`.
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

from proxy.core.oneshot import Oneshot
from proxy.dialects.carried import LineMeaning, Meaning
from proxy.dialects.jsonio import StrictJSONError
from proxy.gateway import reading

COMMAND = (sys.executable, "-P", "-m", "proxy.app", "read")
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TOS_PROXY_NATIVE")
"""What the process gets to know: no key is among it."""
_SECONDS = 30.0
"""For one line; the dearest that may come takes a sixth of it on a machine with nothing else to do."""

_encode = msgspec.json.Encoder().encode
_answer = msgspec.json.Decoder(reading.Answer).decode

Aside = Callable[[Callable[[], Any]], Oneshot[Any]]
"""Runs work in a thread; filled with its result."""


class Reader(Protocol):
    """Reads lines that are too long for a turn of the loop."""

    def read(self, kind: LineMeaning, parts: Sequence[bytes]) -> Oneshot[Meaning]:
        """What a line says, whose bytes are these parts. Fails with StrictJSONError."""
        ...


class InThread:
    """Reads them in this process: where nobody else has a turn to wait for."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside

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

    def _read(self, kind: LineMeaning, parts: Sequence[bytes]) -> Meaning:
        arguments = _encode(kind.told)
        question = [reading.QUESTION.pack(len(arguments), sum(map(len, parts))) + arguments, *parts]
        for _ in range(2):
            try:
                told, status, code, message = _answer(self._ask(question))
            except (OSError, msgspec.MsgspecError):
                self._stop()
                continue
            if told is None:
                raise StrictJSONError(status, code, message)
            return kind.again(told)
        return kind.unread("reading_failed")

    def _ask(self, question: Sequence[bytes]) -> bytes:
        """Raises: OSError."""
        end = self._end or self._start()
        for part in question:
            end.sendall(part)
        (size,) = reading.ANSWER.unpack(_all(end, reading.ANSWER.size))
        return _all(end, size)

    def _start(self) -> socket.socket:
        if self._over:
            raise ConnectionError("the gateway ends")
        ours, theirs = socket.socketpair()
        ours.settimeout(_SECONDS)
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
