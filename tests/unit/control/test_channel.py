"""The line between supervisor and child."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

from proxy.control import channel
from tests.waiting import PATIENCE, until


async def test_messages_both_ways_and_the_end() -> None:
    """Messages arrive whole however they were cut, foreign lines are dropped, and the end of the other side is told once."""
    ours, theirs = socket.socketpair()
    got: list[dict[str, Any]] = []
    ended = asyncio.Event()
    line = await channel.open_channel(ours, got.append, ended.set)
    theirs.sendall(b'{"event": "rea')
    await asyncio.sleep(0.01)
    theirs.sendall(b'dy"}\nnot json\n[1]\n{"event": "stats", "n": 1}\n')
    line.send({"do": "drain", "seconds": 3})
    await until(lambda: len(got) == 2)
    assert got == [{"event": "ready"}, {"event": "stats", "n": 1}]
    assert theirs.recv(100) == b'{"do": "drain", "seconds": 3}\n'
    theirs.close()
    await asyncio.wait_for(ended.wait(), PATIENCE)
    line.send({"do": "stats"})


def test_inherited_once() -> None:
    """A child finds its end in the environment, and its own children do not."""
    ours, theirs = socket.socketpair()
    os.environ[channel.VARIABLE] = str(theirs.detach())
    end = channel.inherited()
    assert end is not None
    assert channel.inherited() is None
    end.sendall(b"x")
    assert ours.recv(1) == b"x"
    ours.close()
    end.close()
