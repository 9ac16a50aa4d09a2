"""The end in order: the short form of the drain torture, that it can fail, and what outlasts the deadline."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from proxy.ledger.record import Outcome
from tests.ledger_oracle import open_intents, written
from tests.proxy_server import StartProxy, seen_by
from tests.torture.drain import drain
from tests.torture.drain_load import DIALECTS, request
from tests.waiting import PATIENCE, until


def test_nothing_is_refused_cut_or_lost(tmp_path: Path) -> None:
    """After SIGTERM forty streams end whole, all that still comes is served, and everything is recorded and in the store."""
    found = drain(40, 5.0, tmp_path)
    assert not found.wrong, "\n".join(found.wrong[:10])
    assert found.streams == 40
    assert found.after > 30


@pytest.mark.long
@pytest.mark.timeout(200)
def test_two_hundred_streams(tmp_path: Path) -> None:
    """The same with two hundred streams that last for half a minute."""
    found = drain(200, 30.0, tmp_path)
    assert not found.wrong, "\n".join(found.wrong[:10])
    assert found.streams == 200


@pytest.mark.parametrize(
    "fault",
    [
        "refuse_at_once",
        pytest.param("cut_at_once", marks=pytest.mark.long),
        pytest.param("silent_last_answers", marks=pytest.mark.long),
        "leave_unshipped",
    ],
)
def test_planted_faults_are_found(fault: str, tmp_path: Path) -> None:
    """A fault planted in any part of the end turns the same run red."""
    assert drain(10, 5.0, tmp_path, sabotage=fault).wrong


async def whole_answer(port: int, asked: bytes, begun: set[bytes]) -> bytes:
    """All that comes until the connection ends; `reset` in its place when it is broken. `begun`: what has an answer that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked)
    received = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            while piece := await reader.read(65536):
                received += piece
                begun.add(asked)
    except ConnectionResetError:
        return b"reset"
    finally:
        writer.transport.abort()
    return bytes(received)


def last_event(answer: bytes) -> object:
    """The data of an event stream's last event."""
    lines = [line for line in answer.split(b"\n") if line.startswith(b"data: ")]
    return json.loads(lines[-1][6:])


def test_what_outlasts_the_deadline(start_proxy: StartProxy) -> None:
    """Past the deadline a stream of any dialect gets its provider's error event, another answer is broken off, who waits for one
    gets 503; and each has its record.
    """
    server = start_proxy(configuration={"gateway": {"deadlines": {"drain": "1s"}}})
    port = int(server.gateway_url.rpartition(":")[2])
    endless = [request(f"endless {name}", "fault=infinite delay_ms=50", dialect=name, stream=True) for name in DIALECTS]
    halves = request("half", "words=400 framing=chunked chunk_size=100 delay_ms=2000")
    waiting = request("waiting", "head_delay_ms=60000")

    async def run() -> list[bytes]:
        begun: set[bytes] = set()
        asking = [asyncio.create_task(whole_answer(port, asked, begun)) for asked in (*endless, halves, waiting)]
        await until(lambda: len(begun) == 5 and len(seen_by(server.upstream)) == 6)
        os.kill(server.pid, signal.SIGTERM)
        return await asyncio.gather(*asking)

    *streams, half, waited = asyncio.run(run())
    assert server.process is not None
    assert server.process.wait(PATIENCE) == 0
    told = dict(zip(DIALECTS, map(last_event, streams), strict=True))
    assert told["openai"]["error"]["code"] == "answer_cut"
    assert told["responses"]["type"] == "error"
    assert told["anthropic"]["type"] == "error"
    assert told["gemini"]["error"]["status"] == "UNAVAILABLE"
    assert all("shutting down" in json.dumps(each) for each in told.values())
    assert all(answer.endswith(b"\r\n0\r\n\r\n") for answer in streams)
    assert half == b"reset"
    assert waited.startswith(b"HTTP/1.1 503 ")
    spool = server.data_dir / "spool"
    outcomes = sorted(entry.outcome for entry, _ in written(spool).of(Outcome) if isinstance(entry, Outcome))
    assert outcomes == ["cut"] * 5 + ["upstream_error"]
    assert not open_intents(spool)
