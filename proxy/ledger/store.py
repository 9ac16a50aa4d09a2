"""The store: one database, SQLite (embedded) or PostgreSQL, opened, migrated and handed out as transactions.

SQLite has one owner per host, kept by a lock beside the file: one writer at a time, through `write` or, for the shipper,
`write_directly`, and reading connections that cannot write or checkpoint. Older SQLite builds can lose a reset of the
write-ahead log when two connections write at the same instant, and nobody should have to know their build.
`synchronous=FULL`: a segment may go once its rows are committed, so a commit must survive a power cut.
What is stored and how is in the `store_*` files beside this one.
"""

from __future__ import annotations

import asyncio
import fcntl
import operator
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from proxy.ledger.store_errors import StoreError, StoreInUseError, StoreNewerError, StoreUnavailableError
from proxy.ledger.store_schema import HEAD, migrate, revision

T = TypeVar("T")

_WRITER_PRAGMAS = (
    # before the first table; a record takes some pages less to write than with 4 KiB
    "PRAGMA page_size=8192",
    "PRAGMA busy_timeout=5000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    # 16 MiB of log between checkpoints: pages written again and again (index ends) reach the file once
    "PRAGMA wal_autocheckpoint=2000",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-16384",
    # a destroyed key leaves no bytes behind in the page it was in
    "PRAGMA secure_delete=FAST",
)
_READER_PRAGMAS = ("PRAGMA busy_timeout=5000", "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0", "PRAGMA cache_size=-8192")
# The driver looks for an adapter of every value that is no int, float, str or bytearray, and makes up an error where there is none:
# a third of a microsecond each, eight times an exchange. These give the value as it is.
sqlite3.register_adapter(bytes, bytes.__bytes__)
sqlite3.register_adapter(bool, operator.pos)

_POSTGRES_CONNECT_SECONDS = 10.0
_POSTGRES_COMMAND_SECONDS = 60.0


def parse_url(url: str) -> URL:
    """`sqlite:///file`, `postgresql://…` or `postgres://…` as the URL of the driver we use.

    Raises: StoreError for anything else; the text never contains the password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("database_url is not a URL like sqlite:///path or postgresql://user@host/database") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite")
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+asyncpg")
    raise StoreError(f"database_url: {backend} is not supported, sqlite and postgresql are")


def _on_sqlite(engine: AsyncEngine, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # transactions are begun below, in the open: the driver's own rules differ between statements
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _own(path: Path) -> int:
    """The owner's lock beside the SQLite file; held until the descriptor is closed."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreInUseError(f"{path} is in use by a running control process; ask its admin API instead") from None
    return descriptor


class Store:
    """An open store. Made by `Store.open`; `read` and `write` give transactions, everything else is built on them.

    `copy_made`: the copy of the SQLite file that a migration made. `days`: those whose partition was looked after (PostgreSQL).
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.dialect = url.get_backend_name()
        self.path = Path(url.database) if self.dialect == "sqlite" and url.database not in {None, "", ":memory:"} else None
        self.copy_made: Path | None = None
        self.days: set[int] = set()
        self._lock: int | None = None
        self._writing = asyncio.Lock()
        self._direct: sqlite3.Connection | None = None
        self._reading = asyncio.Lock()
        self._read_lock = threading.Lock()
        self._direct_reader: sqlite3.Connection | None = None
        self._file = f"file:{quote(str(self.path.absolute()))}" if self.path is not None else ""
        self._writer: AsyncEngine
        self._reader: AsyncEngine

    @classmethod
    async def open(cls, url: str, *, scripts: Path | None = None, head: str = HEAD) -> Store:
        """Open the database, make it if it is not there, migrate it if it is older.

        Raises: StoreInUseError, StoreNewerError, StoreUnavailableError, StoreError (bad URL).
        """
        store = cls(parse_url(url))
        try:
            store._connect()
            with _as_unavailable():
                async with store.write() as connection:
                    _, store.copy_made = await migrate(connection, path=store.path, scripts=scripts, head=head)
        except BaseException:
            await store.close()
            raise
        return store

    @classmethod
    async def look(cls, url: str) -> Store:
        """Open a database for reading alone, beside whoever owns and writes it: no lock is taken, nothing is made or migrated.

        Raises: StoreUnavailableError (there is none yet, or it is away), StoreNewerError, StoreError (bad URL, or an older form).
        """
        store = cls(parse_url(url))
        try:
            store._connect_reading()
            with _as_unavailable():
                async with store.read() as connection:
                    found = await revision(connection)
            _known(found)
        except BaseException:
            await store.close()
            raise
        return store

    def _connect_reading(self) -> None:
        if self.dialect == "postgresql":
            self._connect()
            return
        if self.path is None or not self.path.exists():
            raise StoreUnavailableError(f"there is no store at {self.path} yet: it is made when the proxy first runs")
        file = self.url.set(database=self._file, query={"mode": "ro", "uri": "true"})
        self._reader = create_async_engine(file, pool_size=3, max_overflow=2)
        _on_sqlite(self._reader, _READER_PRAGMAS)

    def _connect(self) -> None:
        if self.dialect == "postgresql":
            options = {"timeout": _POSTGRES_CONNECT_SECONDS, "command_timeout": _POSTGRES_COMMAND_SECONDS}
            self._writer = self._reader = create_async_engine(
                self.url, connect_args=options, pool_size=4, max_overflow=4, pool_pre_ping=True
            )
            return
        if self.path is None:
            raise StoreError("database_url: the store needs a SQLite file, memory is not kept")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _own(self.path)
        if not self.path.exists():
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._writer = create_async_engine(self.url, pool_size=1, max_overflow=0)
        _on_sqlite(self._writer, _WRITER_PRAGMAS)
        self._reader = create_async_engine(self.url, pool_size=3, max_overflow=2)
        _on_sqlite(self._reader, _READER_PRAGMAS)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A reading transaction: one consistent view. Raises: StoreUnavailableError."""
        with _as_unavailable():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A writing transaction, committed at the end of the block, durable when it returns. Raises: StoreUnavailableError."""
        with _as_unavailable():
            if self.dialect == "postgresql":
                async with self._writer.begin() as connection:
                    yield connection
                return
            async with self._writing, self._writer.connect() as connection:
                await connection.execution_options(begin="BEGIN IMMEDIATE")
                async with connection.begin():
                    yield connection

    async def write_directly(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a writing transaction on SQLite's own connection, in a thread: one hand-over for a whole batch.

        Raises: StoreUnavailableError, with nothing written; whatever `work` raises.
        """
        with _as_unavailable():
            async with self._writing:
                return await asyncio.to_thread(self._directly, work)

    def _directly(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._direct is None:
            assert self.path is not None
            # one thread of the pool at a time, under the lock above
            self._direct = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=24)
            for pragma in _WRITER_PRAGMAS:
                self._direct.execute(pragma)
        connection = self._direct
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    async def read_directly(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on a reading connection of SQLite's own, in a thread: one hand-over for many rows.

        Raises: StoreUnavailableError; whatever `work` raises.
        """
        with _as_unavailable():
            async with self._reading:
                return await asyncio.to_thread(self._read_directly, work)

    def _read_directly(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._read_lock:  # whoever waited for an earlier thread may have gone
            if self._direct_reader is None:
                self._direct_reader = sqlite3.connect(
                    f"{self._file}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
                )
                for pragma in _READER_PRAGMAS:
                    self._direct_reader.execute(pragma)
            return work(self._direct_reader)

    async def ping(self) -> None:
        """One round trip. Raises: StoreUnavailableError."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection and give up ownership; the store cannot be used again."""
        if self._direct is not None:
            async with self._writing:
                self._direct.close()
                self._direct = None
        with self._read_lock:
            if self._direct_reader is not None:
                self._direct_reader.close()
                self._direct_reader = None
        for name in ("_reader", "_writer"):
            if (engine := getattr(self, name, None)) is not None:
                await engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _known(found: str | None) -> None:
    if found is not None and found > HEAD:
        raise StoreNewerError(f"the database has format {found}, this version knows up to {HEAD}: upgrade tos-proxy")
    if found != HEAD:
        raise StoreError(f"the database has format {found or 'none'}, not {HEAD}: run tos-proxy db upgrade")


class _as_unavailable:  # noqa: N801 - reads as a phrase where it is used
    """Turns what drivers raise for a database that is away, locked or full into StoreUnavailableError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, StoreError) or error is None:
            return
        if isinstance(error, (DBAPIError, sqlite3.Error, OSError, TimeoutError)) or type(error).__module__.startswith("asyncpg"):
            cause = getattr(error, "orig", None) or error
            line = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
            raise StoreUnavailableError(f"the database cannot be used: {line}") from error
