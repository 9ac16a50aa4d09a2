"""The control process: duties that run beside each other until they are told to end.

A duty that fails is reported and begun again, sooner at first, then every half minute; the others notice nothing. When the process
is told to stop, every duty is told at once and has `grace` seconds to finish what it holds (the shipper ships what is left); past
that it is cancelled. What a duty does is not known here: each is a name and a coroutine, injected.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from proxy.control.waiting import first_of
from proxy.core.oneshot import Oneshot, drive

GRACE_SECONDS = 20.0
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 30.0
_HEALTHY_SECONDS = 60.0
_INSIST_SECONDS = 0.5


class Note(Protocol):
    """Writes a line of diagnostics: an event and its fields."""

    def __call__(self, event: str, /, **fields: Any) -> None: ...


Duty = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set and then finishes; returning earlier means that there is nothing left to do."""


@dataclass
class Parts:
    """`duties` by name, in the order in which they are begun. `failed` gets a line for each crash. With `insist` a duty that fails
    while it should finish is begun again, as long as there is time.
    """

    duties: dict[str, Duty]
    failed: Note
    grace: float = GRACE_SECONDS
    insist: bool = False
    crashes: dict[str, int] = field(default_factory=dict)


async def run_control(parts: Parts, stop: asyncio.Event) -> None:
    """Run every duty until `stop` is set, then let them finish."""
    tasks = {name: asyncio.create_task(_kept(name, duty, parts, stop), name=name) for name, duty in parts.duties.items()}
    try:
        await stop.wait()
        _, late = await asyncio.wait(tasks.values(), timeout=parts.grace) if tasks else (set(), set())
        for task in late:
            parts.failed("duty did not finish in time", duty=task.get_name(), seconds=parts.grace)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _kept(name: str, duty: Duty, parts: Parts, stop: asyncio.Event) -> None:
    pause = _FIRST_PAUSE
    while True:
        begun = time.monotonic()
        try:
            await duty(stop)
        except Exception as error:  # noqa: BLE001 - whatever it was, the other duties go on
            parts.crashes[name] = parts.crashes.get(name, 0) + 1
            parts.failed("duty failed", duty=name, error=f"{type(error).__name__}: {error}", exc_info=error)
        else:
            return
        if stop.is_set():
            if not parts.insist:
                return
            await asyncio.sleep(_INSIST_SECONDS)
            continue
        if time.monotonic() - begun > _HEALTHY_SECONDS:
            pause = _FIRST_PAUSE
        await pause_unless(stop, pause)
        pause = min(pause * 2, _LAST_PAUSE)


async def pause_unless(stop: asyncio.Event, seconds: float) -> bool:
    """Wait `seconds`, or until `stop` is set; True if it is."""
    await first_of(stop, seconds=seconds)
    return stop.is_set()


async def durable(oneshot: Oneshot[Any]) -> None:
    """Wait in an ordinary task for what the ledger's writer promised. Raises: whatever it failed with."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def follow() -> None:
        await oneshot
        if not done.done():
            done.set_result(None)

    def failed(error: BaseException) -> None:
        if not done.done():
            done.set_exception(error)

    drive(follow(), failed)
    await done


async def called_unless(stop: asyncio.Event, listeners: Sequence[socket.socket]) -> bool:
    """Wait until a connection waits at one of `listeners`, which nobody else accepts from; True when told to stop before."""
    loop = asyncio.get_running_loop()
    called = asyncio.Event()
    # Whoever says to stop may close them under us, or have closed them before we came here.
    files = [each.fileno() for each in listeners if each.fileno() >= 0]
    for file in files:
        loop.add_reader(file, called.set)
    try:
        await first_of(called, stop)
    finally:
        for file in files:
            loop.remove_reader(file)
    return stop.is_set()
