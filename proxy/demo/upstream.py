"""The scripted upstream as a server: in an event loop, in a thread, or as a process of its own.

    async with ScriptedUpstream() as upstream:      # this event loop
        upstream.port, upstream.url, upstream.seen
    with upstream_thread() as upstream:             # a thread; same object
    with upstream_process() as upstream:            # a process; upstream.seen() and upstream.clear() go over the wire

    python -m proxy.demo.upstream --port 0          # prints the port, serves until it is ended

What an answer does is said by each request (grammar: `proxy.demo.scripted`). A process also answers `GET /__seen` with
`{"connections": …, "open": …, "seen": [Seen, …]}` and `DELETE /__seen`; those two are not remembered themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec

from proxy.demo.scripted.connection import Connection
from proxy.demo.scripted.content import Asked, Content
from proxy.demo.scripted.routes import Answer, compose, read, refuse, steady
from proxy.demo.scripted.script import BadScriptError, Script
from proxy.demo.scripted.seen import Seen
from proxy.demo.scripted.store import Store
from proxy.demo.scripted.wording import Stamp

CONTROL = b"/__seen"


class Report(msgspec.Struct):
    """What the control endpoint answers."""

    connections: int
    open: int
    seen: list[Seen]


class ScriptedUpstream:
    """A model API on one port. `repeatable`: ids and times follow from the request alone, so that two runs can be compared.

    `seen` is every request in the order of arrival, good or malformed, complete or not; `connections` counts those accepted,
    `open_connections` those open now.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: Path | None = None,
        private_key: Path | None = None,
        repeatable: bool = False,
    ) -> None:
        self.host, self.port = host, port
        self.seen: list[Seen] = []
        self.connections = 0
        self.repeatable = repeatable
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate, private_key)
        self._requests = 0
        self._attempts: dict[tuple[str, str], int] = {}
        self._store = Store()
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Scheme, address and port."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connect, self.host, self.port, ssl=self._tls, backlog=4096, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._open):
                connection.abort()
            await self._server.wait_closed()
            # Aborted connections tell of their end in the loop's next round.
            while self._open:  # noqa: ASYNC110 - one round, seldom two
                await asyncio.sleep(0)

    async def wait_seen(self, count: int, timeout: float = 5.0) -> list[Seen]:
        """Wait until `count` requests have arrived and been answered or cut.

        Errors: TimeoutError.
        """
        async with asyncio.timeout(timeout):
            while len(self.seen) < count or any(one.answer == "open" for one in self.seen[:count]):  # noqa: ASYNC110 - only tests wait
                await asyncio.sleep(0.005)
        return self.seen[:count]

    def clear(self) -> None:
        """Forget the requests seen, the attempts counted and what was kept; open requests go on unremembered."""
        self.seen.clear()
        self._attempts.clear()
        self._store.clear()

    def _connect(self) -> Connection:
        self.connections += 1
        connection = Connection(self.connections, self._begin, self._answer, self._preview, self._open.discard)
        self._open.add(connection)
        return connection

    def _begin(self, connection: int) -> Seen:
        self._requests += 1
        seen = Seen(number=self._requests, connection=connection)
        self.seen.append(seen)
        return seen

    def _preview(self, seen: Seen) -> Script:
        try:
            return read(seen, self._store)[0].script
        except BadScriptError:
            return Script()

    def _answer(self, seen: Seen) -> Answer:
        if seen.malformed:
            return refuse(seen, BadScriptError(seen.malformed))
        if seen.target == CONTROL:
            return self._control(seen)
        try:
            asked, dialect, maker = read(seen, self._store)
            self._settle(asked, seen)
            return compose(asked, dialect, maker)
        except BadScriptError as error:
            return refuse(seen, error)
        except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            # A body whose members have other types than the API's is the client's mistake.
            return refuse(seen, BadScriptError(f"unreadable request: {error!r}"))

    def _settle(self, asked: Asked, seen: Seen) -> None:
        """Count the attempt, and give the request the script and the stamp that this attempt has."""
        attempt = 0
        if asked.script.times:
            key = (asked.stamp.seed, repr(asked.script))
            attempt = self._attempts.get(key, 0) + 1
            if attempt > asked.script.times:
                asked.script = asked.script.calmed()
                attempt = 0
            self._attempts[key] = attempt
        seed = b"%b %b %b %d" % (seen.method, seen.target, steady(seen, asked.body), attempt)
        asked.stamp = Stamp(seed, repeatable=self.repeatable)

    def _control(self, seen: Seen) -> Answer:
        if seen in self.seen:
            self.seen.remove(seen)
            self._requests -= 1
        if seen.method == b"DELETE":
            self.clear()
        report = Report(self.connections, self.open_connections, self.seen)
        content = Content("application/json", closing=[msgspec.json.encode(report)])
        return Answer(200, [("content-type", content.media_type)], content, Script())


@contextmanager
def upstream_thread(**options: object) -> Iterator[ScriptedUpstream]:
    """A scripted upstream in a thread of its own; options as those of `ScriptedUpstream`."""
    upstream = ScriptedUpstream(**options)  # type: ignore[arg-type]  # the options are checked where they are used
    ready = threading.Event()
    stops: list[Callable[[], object]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        async with upstream:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="scripted-upstream", daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("the scripted upstream did not start within 10 s")
    try:
        yield upstream
    finally:
        stops[0]()
        thread.join(10)


class UpstreamProcess:
    """A scripted upstream in another process, known by its port; plain HTTP."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.url = f"http://{host}:{port}"

    def report(self) -> Report:
        """What it has seen so far, and its connections (this call's own among them)."""
        return self._call("GET")

    def seen(self) -> list[Seen]:
        """Every request it has seen."""
        return self.report().seen

    def clear(self) -> None:
        """Make it forget."""
        self._call("DELETE")

    def _call(self, method: str) -> Report:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request(method, CONTROL.decode())
            return msgspec.json.decode(connection.getresponse().read(), type=Report)
        finally:
            connection.close()


@contextmanager
def upstream_process(*arguments: str) -> Iterator[UpstreamProcess]:
    """A scripted upstream in a process of its own; arguments as on the command line."""
    command = [sys.executable, "-m", "proxy.demo.upstream", *arguments]
    # The child must find this very package, wherever the caller was started.
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603 - our own module
        try:
            printed = process.stdout.readline() if process.stdout else ""
            if not printed.strip().isdigit():
                raise RuntimeError("the scripted upstream's process did not print its port")
            yield UpstreamProcess(int(printed))
        finally:
            process.terminate()


async def _serve(upstream: ScriptedUpstream) -> None:
    async with upstream:
        sys.stdout.write(f"{upstream.port}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


def main() -> None:
    """`python -m proxy.demo.upstream`."""
    parser = argparse.ArgumentParser(
        prog="python -m proxy.demo.upstream", description="A model API that does what requests tell it."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind")
    parser.add_argument("--port", type=int, default=0, help="port to bind; 0 takes a free one, which is printed")
    parser.add_argument("--certificate", type=Path, help="PEM file: answer over TLS")
    parser.add_argument("--private-key", type=Path, help="PEM file of the certificate's key, if not in the same file")
    parser.add_argument("--repeatable", action="store_true", help="ids and times follow from the request alone")
    upstream = ScriptedUpstream(**vars(parser.parse_args()))
    try:
        asyncio.run(_serve(upstream))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
