"""One gateway worker: the process around the corridor. Starts, follows the snapshot, tells its figures, drains, ends."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import uvloop

from proxy.core.clock import SystemClock
from proxy.core.errors import TosProxyError
from proxy.core.exchange import Exchange
from proxy.core.oneshot import Oneshot
from proxy.core.references import subkey
from proxy.core.snapshot import UpstreamOptions
from proxy.gateway.corridor import Corridor
from proxy.gateway.house import House, Judging, build
from proxy.gateway.long_lines import LongLines
from proxy.gateway.references import References
from proxy.gateway.refusal import not_a_request
from proxy.gateway.snapshots import Entries, SnapshotFollower
from proxy.ledger.adoption import adopt
from proxy.ledger.recorder import Recorder
from proxy.ledger.reference_index import IndexReader
from proxy.ledger.secrets import load as load_secrets
from proxy.ledger.shelf import Shelf
from proxy.telemetry import names
from proxy.telemetry.diagnostics import Diagnostics
from proxy.wire.connect import connect
from proxy.wire.deadlines import Deadlines
from proxy.wire.environment import proxy_for
from proxy.wire.listener import Listener
from proxy.wire.names import Names
from proxy.wire.origin import parse_origin
from proxy.wire.pool import Pool, PoolStats
from proxy.wire.server import ServerConnection
from proxy.wire.tls import client_context, server_context

_CUT_GRACE_SECONDS = 5.0
_WALKS_GRACE_SECONDS = 2.0
_LOOK_SECONDS = 0.02
_BACKLOG = 4096
_HEARTBEAT_SECONDS = 60.0
_FIRST_BYTE_SECONDS = 900.0
_SHUTTING_DOWN = "the proxy is shutting down"
_SWITCH_SECONDS = 0.001
_PAUSE_SECONDS = 0.004


class Messenger(Protocol):
    """The line to the supervisor."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message."""
        ...


class Leasing(Protocol):
    """What keeps limits supplied that other workers share."""

    async def run(self) -> None:
        """Until cancelled."""
        ...

    def figures(self) -> list[list[Any]]:
        """Its metrics: name, labels, value."""
        ...


OpenLine = Callable[[Callable[[dict[str, Any]], None], Callable[[], None]], Awaitable[Messenger]]
"""Opens the line: (called with each message, called when the supervisor is gone)."""


def run(
    snapshot: Path,
    data_dir: Path,
    worker: int,
    listeners: list[socket.socket],
    judging: Judging,
    open_line: OpenLine | None,
    leasing: Leasing | None = None,
) -> int:
    """Serve until told to drain. Returns the exit code.

    Raises: TosProxyError, OSError when it cannot start.
    """
    # The spool's thread hands its results over more promptly, and a snapshot read in a thread holds the loop for less.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(Worker(snapshot, data_dir, worker, judging, leasing).serve(listeners, open_line))


class Worker:
    """The parts of one worker and their life."""

    def __init__(self, snapshot: Path, data_dir: Path, number: int, judging: Judging, leasing: Leasing | None = None) -> None:
        self._diagnostics = Diagnostics(f"gateway-{number}")
        self._clock = SystemClock()
        self._snapshot = snapshot
        self._data_dir = data_dir
        self._number = number
        self._judging = judging
        self._leasing = leasing
        self._secrets = load_secrets(data_dir)
        self._pools: dict[tuple[str, str | None, str | None], Pool] = {}
        self._contexts: dict[tuple[str | None, str | None], ssl.SSLContext] = {}
        self._pool_stats = PoolStats()
        self._accepted: set[str] = set()
        self._ending = asyncio.Event()
        self._drain_seconds: float | None = None
        self._hurried = asyncio.Event()
        self._reloads: set[asyncio.Task[None]] = set()
        self._line: Messenger | None = None
        self._house: House

    async def serve(self, listeners: list[socket.socket], open_line: OpenLine | None) -> int:
        """Run until drained."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._names = Names(self._loop)
        self._deadlines = Deadlines(loop)
        self._follower = SnapshotFollower(self._snapshot, self._clock, self._build, self._swap, self._complain)
        self._corridor: Corridor | None = None
        self._follower.load()
        house = self._house
        recorder = Recorder.open(self._data_dir, self._number, house.ledger, self._clock, loop)
        self._recorder = recorder
        shelf = Shelf(self._data_dir / "uploads", self._secrets.identity, self._clock)
        index = IndexReader(self._data_dir / "references")
        self._references = References(subkey(self._secrets.identity), index, shelf)
        long_lines = LongLines(partial(self._aside, executor=ThreadPoolExecutor(1, "long-lines")))
        self._corridor = Corridor(house, recorder, self._clock, self._aside, self._fault, self._references, self._pause, long_lines)
        self._listener = Listener(
            loop, house.gateway, self._deadlines, self._clock.monotonic_ns, self._corridor.enter, not_a_request
        )
        servers = [await self._listen(listener, house) for listener in listeners]
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._begin_drain)
        line = self._line = await open_line(self._told, self._begin_drain) if open_line else None
        tasks = [loop.create_task(work) for work in (self._follower.follow(), self._attest(), self._adopt())]
        if self._leasing is not None:
            tasks.append(loop.create_task(self._leasing.run()))
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        if line is not None:
            line.send({"event": "ready"})
        await self._ending.wait()
        for server in servers:
            server.close()
        await self._drain()
        for task in tasks:
            task.cancel()
        await recorder.close()
        long_lines.close()
        self._deadlines.close()
        for pool in self._pools.values():
            pool.close()
        if line is not None:
            line.send({"event": "stopped", **self._stats()})
            await asyncio.sleep(0)
        return 0

    async def _listen(self, listener: socket.socket, house: House) -> asyncio.AbstractServer:
        options = house.gateway
        context = None
        if options.tls_certificate and listener.family != socket.AF_UNIX:
            context = server_context(Path(options.tls_certificate), Path(options.tls_key) if options.tls_key else None)
        factory = cast("Callable[[], asyncio.Protocol]", partial(ServerConnection, self._listener))
        if listener.family == socket.AF_UNIX:
            return await self._loop.create_unix_server(factory, sock=listener, backlog=_BACKLOG)
        return await self._loop.create_server(factory, sock=listener, ssl=context, backlog=_BACKLOG)

    async def _attest(self) -> None:
        """Say in the ledger what its entries do not: that exchanges went unrecorded, and that silence is no loss."""
        entries = unrecorded = 0
        while self._corridor is not None:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            if self._recorder.refuses(0):  # it is said once it can be written
                continue
            missed, unrecorded = self._corridor.stats.unrecorded - unrecorded, self._corridor.stats.unrecorded
            if missed:
                self._recorder.mark("gap", {"exchanges": missed})
            elif self._recorder.entries == entries:
                self._recorder.mark("heartbeat", {})
            entries = self._recorder.entries

    async def _adopt(self) -> None:
        """Close what workers left open that do not come back, such as when there are fewer than before."""
        if self._number != 0:
            return
        try:
            await adopt(self._data_dir, self._house.ledger, self._clock, self._loop)
        except (TosProxyError, OSError) as error:
            self._diagnostics.error("what absent workers left could not be closed", reason=str(error))

    def _pause(self) -> Oneshot[None]:
        """Filled when the others had their turn, and while answers are under way far more time than a slice of work took."""
        oneshot: Oneshot[None] = Oneshot()
        answering = self._corridor is not None and self._corridor.stats.open > 0
        self._loop.call_later(_PAUSE_SECONDS if answering else 0.0, oneshot.set, None)
        return oneshot

    def _aside(self, work: Callable[[], Any], executor: Executor | None = None) -> Oneshot[Any]:
        """Run work in a thread: bodies that would hold the loop for milliseconds."""
        oneshot: Oneshot[Any] = Oneshot()
        future = self._loop.run_in_executor(executor, work)

        def done(future: asyncio.Future[Any]) -> None:
            if (error := future.exception()) is not None:
                oneshot.fail(error)
            else:
                oneshot.set(future.result())

        future.add_done_callback(done)
        return oneshot

    # --- the snapshot

    def _build(self, number: int, entries: Entries) -> House:
        return build(entries, number, self._pool, os.environ, self._secrets.identity, self._accepted, self._judging)

    def _swap(self, house: object) -> None:
        assert isinstance(house, House)
        self._house = house
        if self._corridor is not None:
            self._corridor.house = house
            self._listener.follow(house.gateway)

    def _complain(self, complaint: str) -> None:
        self._diagnostics.error(complaint)

    def _pool(self, options: UpstreamOptions) -> Pool:
        """Connections outlive a snapshot: upstreams of the same place and certificate share them."""
        key = (options.base_url, options.client_certificate, options.client_key)
        pool = self._pools.get(key)
        if pool is None:
            origin = parse_origin(options.base_url)
            context = self._tls(options.client_certificate, options.client_key) if origin.tls else None
            through = proxy_for(origin, os.environ)

            def connecting(factory: Callable[[], asyncio.Protocol]) -> Awaitable[tuple[asyncio.Transport, asyncio.Protocol]]:
                seconds = self._house.gateway.connect_seconds
                return connect(
                    self._loop, origin, factory, ssl_context=context, proxy=through, timeout=seconds, resolver=self._names.look_up
                )

            pool = self._pools[key] = Pool(self._loop, connecting, self._deadlines, self._pool_stats, _FIRST_BYTE_SECONDS)
        return pool

    def _tls(self, certificate: str | None, key: str | None) -> ssl.SSLContext:
        """One context for all upstreams that see the same certificate of ours: reading the trust store takes 35 ms and 1 MB."""
        known = self._contexts.get((certificate, key))
        if known is None:
            known = client_context(
                os.environ, certificate=Path(certificate) if certificate else None, key=Path(key) if key else None
            )
            self._contexts[certificate, key] = known
        return known

    # --- the supervisor

    def _told(self, message: dict[str, Any]) -> None:
        what = message.get("do")
        if what == "stats" and self._line is not None:
            self._line.send({"event": "stats", **self._stats()})
        elif what == "part":
            self._listener.part()
        elif what == "drain":
            if self._ending.is_set():
                self._hurried.set()
            self._drain_seconds = float(message.get("seconds", self._house.gateway.drain_seconds))
            self._begin_drain()
        elif what == "reload":
            task = self._loop.create_task(self._follower.refresh(self._loop))
            self._reloads.add(task)  # the loop keeps only a weak reference
            task.add_done_callback(self._reloads.discard)

    def _begin_drain(self) -> None:
        self._ending.set()

    async def _drain(self) -> None:
        """Let open exchanges end; past the deadline, or when told a second time, cut them with the provider's error event.

        An exchange can outlive its client. So not the connections alone are waited for: what has an intent gets its outcome.
        """
        self._listener.drain()
        if self._corridor is not None:
            self._corridor.drain()
        await self._empty(self._house.gateway.drain_seconds if self._drain_seconds is None else self._drain_seconds, self._hurried)
        for relay in list(self._corridor.relays if self._corridor else ()):
            relay.cut(_SHUTTING_DOWN)
        for pool in self._pools.values():
            pool.give_up(_SHUTTING_DOWN)
        await self._empty(_CUT_GRACE_SECONDS)
        for connection in list(self._listener.connections):
            connection.reset()
        await self._empty(_WALKS_GRACE_SECONDS)

    async def _empty(self, seconds: float, hurried: asyncio.Event | None = None) -> None:
        """Wait until there is neither a connection nor a walk, for so long at most, and only while nobody is in a hurry."""
        until = self._loop.time() + seconds
        while self._listener.connections or (self._corridor is not None and self._corridor.stats.walking):
            if self._loop.time() >= until or (hurried is not None and hurried.is_set()):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _fault(self, error: BaseException, exchange: Exchange) -> None:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
        self._diagnostics.error("a defect ended an exchange", record=exchange.id, kind=type(error).__name__, where=where)

    # --- figures

    def _stats(self) -> dict[str, Any]:
        stats = self._corridor.stats if self._corridor else None
        wire = self._listener.stats
        usage = resource.getrusage(resource.RUSAGE_SELF)
        metrics: list[list[Any]] = [
            [names.UNREADABLE, {}, wire.bad_heads],
            [names.CONNECTIONS, {}, wire.open_connections],
            [names.SNAPSHOT_NUMBER, {}, self._house.number],
            [names.CPU_SECONDS, {}, usage.ru_utime + usage.ru_stime],
            [names.RESIDENT_BYTES, {}, _resident_bytes()],
        ]
        if stats is not None:
            metrics += [
                [names.ADMITTED, {}, stats.admitted],
                [names.FORWARDED, {}, stats.forwarded],
                [names.REFUSED, {}, stats.refused],
                [names.OPEN, {}, stats.open],
                [names.LIMITS_REFUSED, {}, stats.limited],
                [names.LEDGER_GAPS, {}, stats.unrecorded],
                *([names.ENDED, {"outcome": outcome}, count] for outcome, count in stats.ends.items()),
                *(self._corridor.figures.rows() if self._corridor else ()),
                [names.REFERENCES, {"known": "yes"}, self._references.found],
                [names.REFERENCES, {"known": "no"}, self._references.missed],
            ]
        ledger = self._recorder.stats
        metrics += [
            [names.SPOOL_ENTRIES, {}, ledger["entries"]],
            [names.SPOOL_BYTES, {}, ledger["spool_bytes"]],
            [names.SPOOL_SYNCS, {}, ledger["commits"]],
            [names.SPOOL_SYNC_SECONDS, {}, ledger["sync_ns"] / 1e9],
        ]
        if self._leasing is not None:
            metrics += self._leasing.figures()
        return {"metrics": metrics, "faults": [fault] if (fault := self._recorder.refuses(0)) else []}


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize()
