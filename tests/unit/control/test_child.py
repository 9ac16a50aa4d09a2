"""One child process: started again, asked, ended."""

from __future__ import annotations

import asyncio
import sys

import pytest

from proxy.control.child import Child, next_pause
from proxy.telemetry.diagnostics import Diagnostics
from tests.waiting import PATIENCE, until

QUIET = Diagnostics("test", "error")
OBEDIENT = """
import json, os, socket, time
line = socket.socket(fileno=int(os.environ["TOS_PROXY_CHANNEL"]))
line.sendall(b'{"event": "ready"}\\n')
for text in line.makefile():
    told = json.loads(text)
    if told["do"] == "stats":
        line.sendall(b'{"event": "stats", "metrics": [["tos_proxy_x", {}, 1]]}\\n')
    if told["do"] == "drain":
        break
"""


def child(program: str) -> Child:
    return Child("c", [sys.executable, "-c", program], QUIET)


def test_pauses_grow_and_are_forgiven() -> None:
    """A child is started again after 0, 0.1, 0.2 … at most 5 seconds; a minute of health puts the pause back to 0."""
    pauses = [0.0]
    for _ in range(9):
        pauses.append(next_pause(pauses[-1], lived=0.5))
    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert next_pause(5.0, lived=61) == 0.0


async def test_ready_asked_and_ended() -> None:
    """A child tells that it is ready, answers with fresh figures, and ends when told to drain."""
    one = child(OBEDIENT)
    keeping = asyncio.create_task(one.keep())
    await until(lambda: one.ready)
    await one.fresh_stats(PATIENCE)
    assert one.stats["metrics"] == [["tos_proxy_x", {}, 1]]
    assert not one.silent
    await one.end(PATIENCE, asyncio.Event())
    await asyncio.wait_for(keeping, PATIENCE)
    assert not one.running


async def test_environment_of_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child's environment shall have stands there, but for what whoever started us had set."""
    monkeypatch.setenv("TOLD_BEFORE", "yes")
    program = "import os, sys; sys.exit(3 if (os.environ['TOLD_BEFORE'], os.environ['TOLD_HERE']) == ('yes', 'too') else 4)"
    one = Child("c", [sys.executable, "-c", program], QUIET, environ={"TOLD_BEFORE": "no", "TOLD_HERE": "too"})
    keeping = asyncio.create_task(one.keep())
    await until(lambda: one.starts > 1)
    assert one.code == 3
    await one.end(PATIENCE, asyncio.Event())
    await asyncio.wait_for(keeping, PATIENCE)


async def test_dying_child_is_started_again() -> None:
    """A child that dies at once is started again and again, more slowly each time, until it is told to end."""
    one = child("raise SystemExit(3)")
    keeping = asyncio.create_task(one.keep())
    await until(lambda: one.starts >= 3)
    await one.end(1.0, asyncio.Event())
    await asyncio.wait_for(keeping, PATIENCE)


@pytest.mark.parametrize(("program", "hopeless"), [("", True), (OBEDIENT, False)])
async def test_a_child_that_cannot_use_what_it_was_given(program: str, hopeless: bool) -> None:
    """One that says so by its exit code is not started again, unless it was ready once: what it was given can then be mended."""
    one = child(program + "\nraise SystemExit(2)")
    keeping = asyncio.create_task(one.keep())
    if hopeless:
        await asyncio.wait_for(keeping, PATIENCE)
    else:
        await until(lambda: one.ready)
        one.send({"do": "drain"})
        await until(lambda: one.starts > 1)
    assert (one.hopeless, one.starts) == (hopeless, 1 if hopeless else 2)
    await one.end(PATIENCE, asyncio.Event())
    await asyncio.wait_for(keeping, PATIENCE)


@pytest.mark.parametrize("hurried", [False, True])
async def test_stubborn_child_is_killed(hurried: bool) -> None:
    """A child that does not end in time, or not when it is hurried, is killed."""
    one = child(OBEDIENT.replace("break", "time.sleep(60)"))
    keeping = asyncio.create_task(one.keep())
    await until(lambda: one.ready)
    hurry = asyncio.Event()
    if hurried:
        hurry.set()
    await one.end(60.0 if hurried else 0.1, hurry, grace=0.1)
    await asyncio.wait_for(keeping, PATIENCE)


async def test_silent_child_keeps_its_last_figures() -> None:
    """A child that does not answer in time is marked silent."""
    one = child(OBEDIENT.replace('told["do"] == "stats"', "False"))
    keeping = asyncio.create_task(one.keep())
    await until(lambda: one.ready)
    await one.fresh_stats(0.05)
    assert one.silent
    await one.end(PATIENCE, asyncio.Event())
    await keeping


async def test_program_that_is_not_there() -> None:
    """A program that cannot be executed is tried again like one that dies."""
    one = Child("c", ["/nonexistent"], QUIET)
    keeping = asyncio.create_task(one.keep())
    await asyncio.sleep(0.05)
    assert not one.running
    await one.end(1.0, asyncio.Event())
    await asyncio.wait_for(keeping, PATIENCE)
