"""Databases that can be taken away from a running proxy and given back: PostgreSQL that crashes, SQLite that someone locks."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.servers import Postgres, postgres_folder
from tests.waiting import PATIENCE


class Database(Protocol):
    """A database; `url` is what the proxy is told of it."""

    url: str

    def leave(self) -> None:
        """Be away from now on."""

    def come_back(self) -> None:
        """Be there again."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows, read behind the proxy's back."""


class Crashing:
    """A PostgreSQL cluster that is stopped like in a crash."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self.url = server.database()

    def leave(self) -> None:
        """Connections break, what is under way is lost, nobody listens."""
        self._server.stop("immediate")

    def come_back(self) -> None:
        """Start it again; it recovers by itself."""
        self._server.start()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """As the protocol says."""

        async def fetch() -> list[tuple[Any, ...]]:
            import asyncpg

            connection = await asyncpg.connect(self.url)
            try:
                return [tuple(row) for row in await connection.fetch(query)]
            finally:
                await connection.close()

        return asyncio.run(fetch())


class Locked:
    """A SQLite file whose write lock another connection takes and keeps."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._holder: sqlite3.Connection | None = None
        self.url = f"sqlite:///{file}"

    def leave(self) -> None:
        """Take the write lock, as a backup or a curious person with a shell may."""
        self._holder = sqlite3.connect(self._file, isolation_level=None, timeout=PATIENCE)
        self._holder.execute("BEGIN EXCLUSIVE")

    def come_back(self) -> None:
        """Give it back, with nothing written."""
        assert self._holder is not None
        self._holder.execute("ROLLBACK")
        self._holder.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """As the protocol says."""
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
            return list(connection.execute(query))


@contextmanager
def database(kind: str, folder: Path, cluster: Postgres | None = None) -> Iterator[Database]:
    """An empty `postgresql` (in `cluster`, or one of its own) or `sqlite` database. Raises: AssertionError when there is none."""
    if kind == "sqlite":
        yield Locked(folder / "store.sqlite")
        return
    if cluster is not None:
        yield Crashing(cluster)
        return
    binaries = postgres_folder()
    assert binaries is not None, "PostgreSQL is not installed (apt-get install -y postgresql)"
    server = Postgres.create(binaries)
    try:
        yield Crashing(server)
    finally:
        server.destroy()
