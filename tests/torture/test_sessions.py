"""The short form of the kill -9 torture with sessions open, and that it can fail."""

from __future__ import annotations

import json
import signal
import socket

from proxy.ledger.record import Outcome, Turn
from proxy.wire.websocket import TEXT, FrameReader, close_frame, frame
from tests.ledger_oracle import written
from tests.proxy_server import ProxyServer
from tests.torture.kill9 import TRIES, torture
from tests.torture.sessions_load import SessionLoad, opening
from tests.waiting import PATIENCE

KEY = b"mask"


def test_nothing_that_was_said_is_lost() -> None:
    """Every frame that an upstream saw is in the ledger, every session has its outcome and every turn that began its end."""
    tally = torture(6, seed=3, load=SessionLoad)
    assert tally.wrong == []
    assert tally.whole > 5


def test_what_leaves_before_it_is_durable_is_found() -> None:
    """A client's frames that go upstream too early turn the run red."""
    tallies = (torture(3, seed=seed, sabotage="said_before_durable", load=SessionLoad) for seed in TRIES)
    assert any("said upstream" in each for tally in tallies for each in tally.wrong)


def opened(server: ProxyServer) -> tuple[socket.socket, FrameReader]:
    """A session, behind its greeting."""
    client = socket.create_connection(("127.0.0.1", int(server.gateway_url.rpartition(":")[2])), timeout=PATIENCE)
    client.sendall(opening())
    received = b""
    while b"session.created" not in received or not received.endswith(b"}"):
        received += client.recv(65536)
    assert received.startswith(b"HTTP/1.1 101 ")
    return client, FrameReader(masked=False, message_cap=1 << 20, refuse_longer=True)


def told_until_the_end(client: socket.socket, read: FrameReader) -> list[dict[str, object]]:
    """Events up to the close frame, which is answered."""
    events: list[dict[str, object]] = []
    while read.close_code is None and (piece := client.recv(65536)):
        events += [json.loads(message.payload or b"") for message in read.feed(piece)]
    client.sendall(close_frame(read.close_code or 1000, "", KEY))
    client.close()
    return events


def test_a_drain_ends_sessions_between_their_turns(proxy_server: ProxyServer) -> None:
    """An idle one at once, another after its turn, both by an error event and 1001; the proxy ends in order."""
    idle, busy = opened(proxy_server), opened(proxy_server)
    words = {"type": "response.create", "response": {"instructions": "[[script: chunks=10 delay_ms=200]]"}}
    busy[0].sendall(frame(TEXT, json.dumps(words).encode(), KEY))
    while not busy[1].feed(busy[0].recv(65536)):
        pass  # until it is being answered
    assert proxy_server.process is not None
    proxy_server.process.send_signal(signal.SIGTERM)
    ends = [told_until_the_end(*one) for one in (idle, busy)]
    assert [one[1].close_code for one in (idle, busy)] == [1001, 1001]
    assert [events[-1]["type"] for events in ends] == ["error", "error"]
    assert "response.done" in [event["type"] for event in ends[1]]
    assert proxy_server.process.wait(PATIENCE) == 0
    entries = [entry for entry, _ in written(proxy_server.data_dir / "spool").entries]
    assert [entry.outcome for entry in entries if isinstance(entry, Outcome)] == ["cut", "cut"]
    assert [entry.outcome for entry in entries if isinstance(entry, Turn)] == ["", "completed"]
