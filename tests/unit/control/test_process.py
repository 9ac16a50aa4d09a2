"""Duties beside each other: one that fails harms no other, and all finish when told."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.control import process
from proxy.control.process import Parts, called_unless, durable, run_control
from proxy.core.errors import LedgerUnavailableError
from proxy.core.oneshot import Oneshot
from tests.waiting import PATIENCE


async def waits(stop: asyncio.Event) -> None:
    await stop.wait()


async def test_a_duty_that_fails_is_reported_and_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash is noted with the duty's name and the duty runs again, while the others go on undisturbed."""
    monkeypatch.setattr(process, "_FIRST_PAUSE", 0.001)
    notes: list[tuple[str, Any]] = []
    begun: list[int] = []
    stop, third = asyncio.Event(), asyncio.Event()

    async def fails_twice(stop: asyncio.Event) -> None:
        begun.append(1)
        if len(begun) < 3:
            raise RuntimeError("broken")
        third.set()
        await stop.wait()

    parts = Parts({"ship": fails_twice, "other": waits}, lambda event, **fields: notes.append((event, fields["duty"])))
    running = asyncio.create_task(run_control(parts, stop))
    await third.wait()
    stop.set()
    await running
    assert notes == [("duty failed", "ship")] * 2
    assert parts.crashes == {"ship": 2}


async def test_every_duty_may_finish_what_it_holds() -> None:
    """On stop each duty is waited for; one that does not end in time is cancelled and named."""
    finished: list[str] = []
    late: list[Any] = []
    stop = asyncio.Event()

    async def tidy(stop: asyncio.Event) -> None:
        await stop.wait()
        await asyncio.sleep(0)
        finished.append("tidy")

    async def stuck(_: asyncio.Event) -> None:
        await asyncio.sleep(60)

    parts = Parts({"tidy": tidy, "stuck": stuck}, lambda event, **fields: late.append((event, fields["duty"])), grace=0.5)
    stop.set()
    await run_control(parts, stop)
    assert finished == ["tidy"]
    assert late == [("duty did not finish in time", "stuck")]


def test_without_admin_no_framework_is_loaded() -> None:
    """Shipping, retention and the duties' frame import neither FastAPI nor uvicorn nor pydantic."""
    script = (
        "import sys; from proxy.control import process, shipper, retention, reindex; from proxy.ledger import store; "
        "print([name for name in ('fastapi', 'uvicorn', 'pydantic', 'starlette') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(process.__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


async def test_waiting_for_the_first_caller() -> None:
    """A connection at any of the sockets ends the wait and is left there; so does the end, which may close the sockets first."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    stop = asyncio.Event()
    waiting = asyncio.create_task(called_unless(stop, sockets))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    with socket.create_connection(sockets[1].getsockname()) as caller:
        assert await asyncio.wait_for(waiting, PATIENCE) is False
        accepted, address = sockets[1].accept()
        assert address == caller.getsockname()
        accepted.close()
    waiting = asyncio.create_task(called_unless(stop, sockets))
    await asyncio.sleep(0)
    for each in sockets:
        each.close()
    stop.set()
    assert await asyncio.wait_for(waiting, PATIENCE) is True
    assert await called_unless(stop, sockets) is True, "closed before anybody waited"


async def test_a_task_can_wait_for_the_ledger() -> None:
    """What the writer promised resolves or fails an ordinary task."""
    kept: Oneshot[int] = Oneshot()
    asyncio.get_running_loop().call_later(0.001, kept.set, 1)
    await durable(kept)
    lost: Oneshot[int] = Oneshot()
    asyncio.get_running_loop().call_later(0.001, lost.fail, LedgerUnavailableError("disk full"))
    with pytest.raises(LedgerUnavailableError, match="disk full"):
        await durable(lost)


async def test_what_fails_at_the_end_is_tried_again() -> None:
    """A duty that fails while it should finish is given up, or with `insist` begun again while there is time."""
    for insist, expected in ((False, 1), (True, 2)):
        tries: list[bool] = []

        async def fails_once(stop: asyncio.Event, tries: list[bool] = tries) -> None:
            await stop.wait()
            tries.append(True)
            if len(tries) == 1:
                raise OSError("away")

        stop = asyncio.Event()
        stop.set()
        await run_control(Parts({"ship": fails_once}, lambda *_, **__: None, insist=insist), stop)
        assert len(tries) == expected
