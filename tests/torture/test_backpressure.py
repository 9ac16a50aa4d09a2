"""Slow ends of a fast exchange: whoever is slow, the gateway's memory stays what it was."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from proxy.demo.upstream import UpstreamProcess, upstream_process
from proxy.ledger.record import Outcome
from tests.ledger_oracle import open_intents, written
from tests.torture.lone_worker import LoneWorker, lone_worker
from tests.waiting import PATIENCE, wait_until

MIB = 1024 * 1024
MOST_GROWTH = 10 * MIB
_FIELDS = "Host: a\r\nAuthorization: Bearer sk-1\r\n"


@pytest.fixture(scope="module")
def upstream() -> Iterator[UpstreamProcess]:
    """The scripted upstream."""
    with upstream_process() as process:
        yield process


@pytest.fixture
def worker(tmp_path: Path, upstream: UpstreamProcess) -> Iterator[LoneWorker]:
    """A gateway of the test's own, warmed up."""
    with lone_worker(tmp_path / "worker", upstream.url, content="digests") as process:
        for _ in range(20):
            with connected(process) as client:
                client.sendall(asked("words=50"))
                assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        process.peak_bytes()
        yield process


def connected(worker: LoneWorker) -> socket.socket:
    """A client that takes little at a time."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", worker.port))
    return client


def asked(script: str, body_bytes: int = 0, path: str = "/openai/v1/chat/completions") -> bytes:
    """The head of a request for a scripted answer."""
    return (f"POST {path} HTTP/1.1\r\n{_FIELDS}X-Script: {script}\r\nContent-Length: {body_bytes}\r\n\r\n").encode()


def grown(worker: LoneWorker, before: int) -> int:
    """How much more memory the gateway needed at most, in bytes."""
    return worker.peak_bytes() - before


def test_slow_reader(worker: LoneWorker) -> None:
    """A client that takes 80 MiB slowly from an upstream that could send them at once costs the gateway no memory."""
    before = worker.resident_bytes()
    taken = 0
    with connected(worker) as client:
        client.sendall(asked("bomb_mib=80 content_type=audio/mpeg framing=close"))
        time.sleep(0.5)
        assert grown(worker, before) < MOST_GROWTH
        while piece := client.recv(MIB):
            taken += len(piece)
            if taken % (4 * MIB) < len(piece):
                time.sleep(0.05)
    assert taken > 80 * MIB
    assert grown(worker, before) < MOST_GROWTH


def test_bulk_is_not_slowed_to_the_tick(tmp_path: Path, upstream: UpstreamProcess) -> None:
    """An answer of 20 MiB is made durable as it passes as fast as the disk takes it, not 64 KiB for each tick."""
    with lone_worker(tmp_path / "recording", upstream.url, tick_seconds=5.0) as worker, connected(worker) as client:
        client.sendall(asked("bomb_mib=20 content_type=audio/mpeg framing=close"))
        taken = 0
        while piece := client.recv(MIB):
            taken += len(piece)
    assert taken > 20 * MIB  # a tick each would take half an hour


def test_many_that_read_nothing(worker: LoneWorker) -> None:
    """Fifty clients that take nothing of fast streams cost a bounded share each, and are let go of when they leave."""
    before = worker.resident_bytes()
    with ExitStack() as stack:
        for _ in range(50):
            client = stack.enter_context(connected(worker))
            client.sendall(asked("bomb_mib=20 content_type=audio/mpeg framing=chunked"))
        time.sleep(1)
        assert grown(worker, before) < 50 * MIB
    assert ended(worker.data_dir / "spool").count("client_gone") >= 50


def test_slow_upstream(worker: LoneWorker) -> None:
    """A body of 60 MiB for an upstream that does not read waits on disk; when its client leaves the exchange ends."""
    before = worker.resident_bytes()
    with connected(worker) as client:
        client.sendall(asked("read=stall", 60 * MIB, "/openai/v1/scripted"))
        for _ in range(60):
            client.sendall(b"x" * MIB)
        time.sleep(0.5)
        assert grown(worker, before) < MOST_GROWTH
    outcomes = ended(worker.data_dir / "spool")
    assert outcomes[-1] == "client_gone"


def ended(spool: Path) -> list[str]:
    """The outcomes of all records once none is open."""
    wait_until(lambda: not open_intents(spool))
    return [entry.outcome for entry, _ in written(spool).of(Outcome) if isinstance(entry, Outcome)]


def test_the_measure_can_fail(worker: LoneWorker) -> None:
    """A JSON body is read whole, which the same measure notices: it is not blind."""
    before = worker.resident_bytes()
    body = b'{"model":"m","input":"' + b"x" * (20 * MIB) + b'"}'
    with connected(worker) as client:
        client.sendall(asked("words=5", len(body), "/openai/v1/responses") + body)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    assert grown(worker, before) > MOST_GROWTH
