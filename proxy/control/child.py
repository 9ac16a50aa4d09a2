"""One child process: started by exec, asked over its channel, started again when it dies (docs/adr/0001-process-model.md)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from proxy.control.channel import VARIABLE, Channel, open_channel
from proxy.control.waiting import first_of
from proxy.telemetry.diagnostics import Diagnostics

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
HEALTHY_SECONDS = 60.0
UNUSABLE = 2
"""How a process ends that cannot use what it was given, so that starting it again would end as it did."""


def next_pause(pause: float, lived: float) -> float:
    """Seconds to wait before the next start but one: 0, 0.1, 0.2 … 5, and 0 again after a minute of health."""
    if lived >= HEALTHY_SECONDS:
        return 0.0
    return min(LONGEST_PAUSE, pause * 2 if pause else FIRST_PAUSE)


class Child:
    """Keeps one process running until it is told to end.

    `command` is what is executed; the file descriptors of `inherited`, and `described`, stay open in it. `environ` stands in its
    environment unless a variable of that name does already. `changed` is called when it gets ready, stops being ready, or starts;
    and when it is `hopeless`: it ended as `UNUSABLE` and never was ready, so it is not started again. A child runs in a process
    group of its own: Ctrl-C reaches the supervisor alone, which then says how everybody ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        diagnostics: Diagnostics,
        *,
        inherited: Sequence[socket.socket] = (),
        described: int | None = None,
        environ: Mapping[str, str] | None = None,
        changed: Callable[[], None] = lambda: None,
        published: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.ready = False
        self.hopeless = False
        self.starts = 0
        self.pid: int | None = None
        self.code: int | None = None
        self.stats: dict[str, Any] = {}
        self.silent = False
        self.answered_at = 0.0
        self._command = list(command)
        self._inherited = list(inherited)
        self._described = [] if described is None else [described]
        self._environ = environ or {}
        self._diagnostics = diagnostics
        self._changed = changed
        self._published = published
        self._channel: Channel | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._answer: asyncio.Future[None] | None = None
        self._farewell: dict[str, Any] | None = None
        self._was_ready = False
        self._ending = asyncio.Event()
        self._over = asyncio.Event()

    @property
    def running(self) -> bool:
        """Whether a process is there now."""
        return self.pid is not None

    async def keep(self) -> None:
        """Start the process, and again whenever it dies, until `end` was called and it is gone."""
        loop = asyncio.get_running_loop()
        pause = 0.0
        while not self._ending.is_set():
            began = loop.time()
            code = await self._run_once()
            if self._ending.is_set():
                break
            lived = loop.time() - began
            self._diagnostics.warning("child died", child=self.name, code=code, lived=round(lived, 3), pause=pause)
            if code == UNUSABLE and not self._was_ready:
                self.hopeless = True
                self._changed()
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
            pause = next_pause(pause, lived)
        self._over.set()

    async def _run_once(self) -> int:
        ours, theirs = socket.socketpair()
        try:
            fds = [theirs.fileno(), *(each.fileno() for each in self._inherited), *self._described]
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env={**self._environ, **os.environ, VARIABLE: str(theirs.fileno())},
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=fds,
                process_group=0,
            )
        except OSError as error:
            ours.close()
            self._diagnostics.error("child cannot be started", child=self.name, reason=str(error))
            return -1
        finally:
            theirs.close()
        self.pid = self._process.pid
        self.starts += 1
        self._channel = await open_channel(ours, self._receive, self._line_ended)
        if self._farewell is not None:
            self._channel.send(self._farewell)
        self._diagnostics.note("child started", child=self.name, pid=self.pid)
        self._changed()
        code = self.code = await self._process.wait()
        self._channel.close()
        self.pid, self.ready, self.stats = None, False, {}
        self._changed()
        return code

    def _receive(self, message: Mapping[str, Any]) -> None:
        match message.get("event"):
            case "ready":
                self.ready = self._was_ready = True
                self.answered_at = asyncio.get_running_loop().time()
                self._changed()
            case "stats":
                self.stats = dict(message)
                self.answered_at = asyncio.get_running_loop().time()
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result(None)
            case "published":
                self._published()
            case "stopped":
                self.ready = False
                self._changed()

    def _line_ended(self) -> None:
        self.ready = False

    def send(self, message: Mapping[str, Any]) -> None:
        """Tell the process something; nothing happens when it is not there."""
        if self._channel is not None:
            self._channel.send(message)

    async def fresh_stats(self, limit: float) -> None:
        """Ask for figures and wait at most `limit` seconds; `silent` tells that `stats` are older ones."""
        if not self.ready:
            self.silent = True
            return
        if self._answer is None or self._answer.done():
            self._answer = asyncio.get_running_loop().create_future()
            self.send({"do": "stats"})
        try:
            await asyncio.wait_for(asyncio.shield(self._answer), limit)
            self.silent = False
        except TimeoutError:
            self.silent = True

    async def end(self, seconds: float, hurry: asyncio.Event, *, grace: float = 5.0) -> None:
        """Let the process finish within `seconds`; past them, or once `hurry` is set, it has `grace` seconds and is then killed."""
        self._ending.set()
        self.code = None
        self._farewell = {"do": "drain", "seconds": seconds}
        self.send(self._farewell)
        await self._wait_over(seconds + grace, hurry)
        if not self._over.is_set() and hurry.is_set():
            self.send({"do": "drain", "seconds": 0})
            await self._wait_over(grace, None)
        if not self._over.is_set():
            self._diagnostics.warning("child did not end in time and is killed", child=self.name, pid=self.pid)
            self._signal(signal.SIGKILL)
            await self._over.wait()

    async def _wait_over(self, seconds: float, hurry: asyncio.Event | None) -> None:
        await first_of(self._over, *([] if hurry is None else [hurry]), seconds=seconds)

    def _signal(self, number: int) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
