"""Real servers for tests, started from the system's binaries as a user without rights, each in a folder of its own.

PostgreSQL: one cluster per test session on a free loopback port, one database per test. As root the server runs as the user
`postgres` (it refuses to run as root); any other user runs it as itself. Redis: one per test, in memory alone.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

_SETTINGS = {
    # durability of the cluster itself is not under test: crashes of the database are `pg_ctl stop -m immediate`
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "unix_socket_directories": "''",
    "listen_addresses": "127.0.0.1",
}


def free_port() -> int:
    """A TCP port on loopback on which nobody listens, and which nobody takes before its server does: none that the kernel gives to
    whoever asks for any, none of another worker's, and none a second time soon.
    """
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _ports() -> Iterator[int]:
    first, count = 10_000 + 2_750 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8), 2_750
    return cycle([*range(first + os.getpid() % count, first + count), *range(first, first + os.getpid() % count)])


_PORTS = _ports()


def postgres_folder() -> Path | None:
    """The newest installed PostgreSQL's binaries, None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@dataclass
class Postgres:
    """A running cluster; `stop` and `start` take it away and bring it back on the same port with the same content."""

    binaries: Path
    folder: Path
    port: int
    _databases: int = 0

    def _run(self, *command: str) -> None:
        account = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, **identity
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")

    @classmethod
    def create(cls, binaries: Path) -> Postgres:
        """A new cluster, started."""
        folder = Path(tempfile.mkdtemp(prefix="tos-proxy-postgres-"))
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        server = cls(binaries, folder, free_port())
        server._run(
            f"{binaries}/initdb", "-D", f"{folder}/cluster", "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"
        )
        server.start()
        return server

    def start(self) -> None:
        """Start the cluster and wait until it answers."""
        options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        log = f"{self.folder}/server.log"
        command = (f"{self.binaries}/pg_ctl", "-D", f"{self.folder}/cluster", "-l", log, "-w", "-t", f"{PATIENCE:.0f}")
        self._run(*command, "-o", f"-p {self.port} {options}", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` ends connections, `immediate` is a crash."""
        self._run(f"{self.binaries}/pg_ctl", "-D", f"{self.folder}/cluster", "-w", "-m", mode, "stop")

    def destroy(self) -> None:
        """Stop it and remove its folder."""
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        self._run(f"{self.binaries}/createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tester", name)
        return f"postgresql://tester@127.0.0.1:{self.port}/{name}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's PostgreSQL cluster; skips when the system has none."""
    binaries = postgres_folder()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install -y postgresql)")
    server = Postgres.create(binaries)
    yield server
    server.destroy()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


class Redis:
    """A running server; `kill` is kill -9, and `start` brings back an empty one on the same port."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.port = free_port()
        self._binary = binary
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, for `redis_url`."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket(self) -> Path:
        """Its other address."""
        return self._folder / "redis.sock"

    def start(self, *more: str) -> None:
        """Start it and wait until it takes connections."""
        own = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--unixsocket",
            str(self.socket),
        ]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([self._binary, *own, *more], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log)
        until = time.monotonic() + PATIENCE
        while self.say("PING") != b"+PONG\r\n":
            assert time.monotonic() < until, "Redis did not start"
            time.sleep(0.01)

    def say(self, *words: str) -> bytes:
        """A command; the beginning of its reply, empty when nobody is there."""
        framed = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word.encode()) for word in words)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
                connection.sendall(framed)
                return connection.recv(65536)
        except OSError:
            return b""

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)


@contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    """A running server; skips when the system has none."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("Redis is not installed (apt-get install -y redis-server)")
    folder.mkdir(parents=True)
    server = Redis(binary, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of the test's own."""
    with redis_server(tmp_path / "redis") as server:
        yield server
