"""Real servers for tests, started from the system's binaries as a user without rights, each in a folder of its own.

PostgreSQL: one cluster per test session on a free loopback port, one database per test. As root the server runs as the user
`postgres` (it refuses to run as root); any other user runs it as itself.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

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
    """A TCP port on loopback that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
        command = (f"{self.binaries}/pg_ctl", "-D", f"{self.folder}/cluster", "-l", log, "-w", "-t", "30")
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
