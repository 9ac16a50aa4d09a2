"""One worker on real sockets: it serves, tells its figures, follows the snapshot, drains and ends."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.core import snapshot
from proxy.core.snapshot import GatewayOptions, UpstreamOptions
from proxy.demo.upstream import ScriptedUpstream
from proxy.gateway.server import Worker
from proxy.ledger.record import Outcome
from proxy.telemetry import names
from tests.ledger_oracle import open_intents, written
from tests.unit.gateway.stage import CHAT, KEYED, FakeSteps, get, post
from tests.unit.wire.loopback import on_uvloop
from tests.waiting import PATIENCE, until

STREAM = b'{"model":"m-1","stream":true,"messages":[{"role":"user","content":"[[script: %b]]"}]}'


@pytest.fixture(autouse=True)
def _garbage_collector() -> Iterator[None]:
    """A worker tunes the collector of its own process; this one is shared."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Line:
    """The supervisor's end."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.tell: Callable[[dict[str, Any]], None]
        self.end: Callable[[], None]
        self._came = asyncio.Event()

    async def open(self, tell: Callable[[dict[str, Any]], None], end: Callable[[], None]) -> Line:
        """Open it."""
        self.tell, self.end = tell, end
        return self

    def send(self, message: Any) -> None:
        """A message of the worker."""
        self.events.append(dict(message))
        self._came.set()

    async def event(self, name: str) -> dict[str, Any]:
        """The newest message of a kind."""
        async with asyncio.timeout(PATIENCE):
            while not (found := [event for event in self.events if event["event"] == name]):
                self._came.clear()
                await self._came.wait()
        return found[-1]

    async def figures(self) -> dict[str, float]:
        """The worker's figures by name and outcome."""
        self.events.clear()
        self.tell({"do": "stats"})
        told = await self.event("stats")
        return {"/".join([name, *labels.values()]): value for name, labels, value in told["metrics"]}


class Running:
    """A worker in this process."""

    def __init__(self, folder: Path, upstream: ScriptedUpstream, **options: Any) -> None:
        self.folder = folder
        self.upstream = upstream
        self.options = options
        self.line = Line()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.publish(1)

    def publish(self, number: int, *upstreams: str) -> None:
        """A new base of the snapshot, with these upstreams."""
        entries = [snapshot.put("gateway", "options", GatewayOptions(**self.options))]
        entries += [
            snapshot.put("upstream", name, UpstreamOptions(name, "openai", self.upstream.url)) for name in upstreams or ("openai",)
        ]
        beside = self.folder / "beside"
        beside.write_bytes(snapshot.base(number, 0, entries))
        beside.replace(self.folder / "current")

    async def arrived(self, count: int) -> None:
        """Wait until so many requests have begun upstream."""
        async with asyncio.timeout(PATIENCE):
            while len(self.upstream.seen) < count:  # noqa: ASYNC110 - the upstream tells nobody
                await asyncio.sleep(0.01)

    async def ask(self, request: bytes) -> bytes:
        """All that comes until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request.replace(b"Host: ", b"Connection: close\r\nHost: ", 1))
        try:
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        except ConnectionResetError:
            return b"reset"
        finally:
            writer.close()


@asynccontextmanager
async def running(folder: Path, **options: Any) -> AsyncIterator[Running]:
    """A worker in front of a scripted upstream; it must end with exit code 0."""
    async with ScriptedUpstream() as upstream:
        worker = Running(folder, upstream, **options)
        served = asyncio.ensure_future(
            Worker(folder / "current", folder / "data", 0, lambda _: FakeSteps()).serve([worker.listener], worker.line.open)
        )
        await asyncio.wait({served, asyncio.ensure_future(worker.line.event("ready"))}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield worker
        finally:
            worker.line.tell({"do": "drain"})
            assert await asyncio.wait_for(served, PATIENCE) == 0
        assert worker.line.events[-1]["event"] == "stopped"


@on_uvloop
async def test_serves(tmp_path: Path) -> None:
    """Requests are answered and recorded, and the figures agree with each other."""
    async with running(tmp_path) as worker:
        for _ in range(3):
            assert (await worker.ask(post())).startswith(b"HTTP/1.1 200 ")
        assert b" 404 " in await worker.ask(get(b"/nobody"))
        assert b" 400 " in await worker.ask(b"nonsense\r\n\r\nHost: ")
        figures = await worker.line.figures()
    assert [figures[name] for name in (names.ADMITTED, names.REFUSED, names.FORWARDED, names.OPEN)] == [4, 1, 3, 0]
    assert figures[f"{names.ENDED}/completed"] == 3
    assert figures[names.UNREADABLE] == 1
    assert figures[names.SPOOL_ENTRIES] >= 7


@on_uvloop
async def test_reloads(tmp_path: Path) -> None:
    """A new snapshot is in force as soon as the worker is told, connections stay, and a bad one changes nothing."""
    async with running(tmp_path) as worker:
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        writer.write(post(b"/second/v1/chat/completions"))
        assert b" 404 " in await reader.readline()
        worker.publish(2, "openai", "second")
        async with asyncio.timeout(PATIENCE):
            while (await worker.line.figures()).get(names.SNAPSHOT_NUMBER) != 2:
                worker.line.tell({"do": "reload"})
                await asyncio.sleep(0.02)
        await reader.readuntil(b"}}")
        writer.write(post(b"/second/v1/chat/completions"))
        assert b" 200 " in await reader.readline()
        (tmp_path / "current").write_bytes(snapshot.base(3, 0, [snapshot.put("upstream", "x", GatewayOptions(port=1))]))
        await asyncio.sleep(0.4)
        assert b" 200 " in await worker.ask(post())
        writer.close()


def test_slices_pause_for_answers_under_way(tmp_path: Path) -> None:
    """A body that carries many queries waits between its slices while anybody could notice, and otherwise only lets a turn pass."""
    waits: list[float] = []
    worker: Any = Worker(tmp_path / "current", tmp_path / "data", 0, lambda _: FakeSteps())
    worker._loop = SimpleNamespace(call_later=lambda seconds, *_: waits.append(seconds))
    for under_way in (0, 1):
        worker._corridor = SimpleNamespace(stats=SimpleNamespace(open=under_way))
        worker._pause()
    assert waits == [0.0, 0.004]


@on_uvloop
async def test_drains(tmp_path: Path) -> None:
    """An exchange in hand is answered to its end; idle connections are closed; nobody new is taken."""
    async with running(tmp_path) as worker:
        idle, idle_writer = await asyncio.open_connection("127.0.0.1", worker.port)
        await asyncio.sleep(0.05)
        slow = asyncio.ensure_future(worker.ask(post(body=STREAM % b"chunks=5 delay_ms=50")))
        await worker.arrived(1)
        worker.line.tell({"do": "drain", "seconds": 10})
        assert await idle.read() == b""
        assert b"[DONE]" in await slow
        with pytest.raises(OSError, match="onnect"):
            await asyncio.open_connection("127.0.0.1", worker.port)
        idle_writer.close()


@on_uvloop
async def test_cuts_what_does_not_end(tmp_path: Path) -> None:
    """Past its deadline draining cuts streams with the provider's error, and tells those that wait for a head."""
    async with running(tmp_path) as worker:
        endless = asyncio.ensure_future(worker.ask(post(body=STREAM % b"fault=infinite delay_ms=20")))
        waiting = asyncio.ensure_future(worker.ask(post(body=STREAM % b"head_delay_ms=30000")))
        await worker.arrived(2)
        await until(lambda: any(seen.answered > 1000 for seen in worker.upstream.seen))
        worker.line.tell({"do": "drain", "seconds": 0.1})
        cut, told = await endless, await waiting
        assert b'data: {"error":' in cut
        assert b"shutting down" in cut
        assert b" 503 " in told.splitlines()[0]
        assert b"shutting down" in told
    stopped = worker.line.events[-1]
    ends = {labels["outcome"]: value for name, labels, value in stopped["metrics"] if "outcome" in labels}
    assert (ends["cut"], sum(ends.values())) == (1, 2)


def ended(folder: Path) -> list[str]:
    """The outcomes in a worker's ledger, when every intent has one."""
    assert not open_intents(folder / "data" / "spool")
    return [entry.outcome for entry, _ in written(folder / "data" / "spool").of(Outcome) if isinstance(entry, Outcome)]


async def leave(worker: Running, request: bytes) -> None:
    """A client asks, and is gone once its request has begun."""
    _, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    writer.write(request)
    async with asyncio.timeout(PATIENCE):
        while (await worker.line.figures())[names.OPEN] == 0:  # noqa: ASYNC110 - a worker tells its figures when asked
            await asyncio.sleep(0.01)
    writer.transport.abort()
    async with asyncio.timeout(PATIENCE):
        while (await worker.line.figures())[names.CONNECTIONS]:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("script", "seconds", "outcome"), [(b"chunks=10 delay_ms=50", 10, "client_gone"), (b"fault=infinite", 0.2, "cut")]
)
@on_uvloop
async def test_exchanges_that_outlive_their_clients(tmp_path: Path, script: bytes, seconds: float, outcome: str) -> None:
    """What is read to its end for the record alone is waited for too, and cut past the deadline."""
    async with running(tmp_path, on_client_abort="drain") as worker:
        await leave(worker, post(body=STREAM % (script + b" delay_ms=50")))
        worker.line.tell({"do": "drain", "seconds": seconds})
        await worker.line.event("stopped")
    assert ended(tmp_path) == [outcome]


@on_uvloop
async def test_exchanges_that_wait_for_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client gone, and its upstream not reached yet: that exchange has its outcome too before the worker ends."""

    async def never(*_args: object, **_kwargs: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("proxy.gateway.server.connect", never)
    async with running(tmp_path) as worker:
        await leave(worker, post())
        worker.line.tell({"do": "drain", "seconds": 0.1})
        await worker.line.event("stopped")
    assert ended(tmp_path) == ["client_gone"]


@on_uvloop
async def test_supervisor_gone(tmp_path: Path) -> None:
    """A worker whose supervisor is gone drains and ends."""
    async with running(tmp_path) as worker:
        worker.line.end()
        assert (await worker.line.event("stopped"))["event"] == "stopped"


@on_uvloop
async def test_unix_socket(tmp_path: Path) -> None:
    """A worker serves a unix socket too."""
    path = tmp_path / "socket"
    async with ScriptedUpstream() as upstream:
        worker = Running(tmp_path, upstream)
        worker.listener.close()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        served = asyncio.ensure_future(
            Worker(tmp_path / "current", tmp_path / "data", 0, lambda _: FakeSteps()).serve([listener], worker.line.open)
        )
        await worker.line.event("ready")
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(post(b"/openai/v1/chat/completions", CHAT, *KEYED))
        assert b" 200 " in await reader.readline()
        writer.close()
        worker.line.tell({"do": "drain"})
        assert await asyncio.wait_for(served, PATIENCE) == 0
