"""Brings a database to the form this version expects: forward only, with a copy of a SQLite file made before.

The migrations travel in the wheel as `proxy/_migrations` and are read from `migrations/` in a checkout; the current folder
never matters. Alembic is imported only when something has to be migrated: an up-to-date database costs one query, and a new
SQLite file is made from the tables themselves, which a test holds against the migrations. So a sidecar whose volume begins empty
with each pod never carries Alembic (10 MB).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

import proxy
from proxy.ledger import (  # noqa: F401 - their tables are made with the others
    access_tables,
    adoption_tables,
    delivery_tables,
    review_tables,
    standing_tables,
    summary_tables,
)
from proxy.ledger.store_errors import StoreNewerError
from proxy.ledger.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0012"
"""The newest migration; a test compares it with the folder."""

_POSTGRES_LOCK = 0x7470_6D69
"""Advisory lock: several control processes may start on one PostgreSQL at once."""


_ALEMBICS_OWN = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def scripts_folder() -> Path:
    """Where the migrations are: inside the installed package, or the checkout around it.

    Raises: FileNotFoundError when neither exists (a broken installation).
    """
    package = Path(proxy.__file__).resolve().parent
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError("the migrations are missing from this installation; install tos-proxy again")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


async def revision(connection: AsyncConnection) -> str | None:
    """The database's migration, None when it has none yet."""
    return await connection.run_sync(_revision)


def _config(scripts: Path) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(found: str, scripts: Path) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_config(scripts)).walk_revisions()}
    if found not in known:
        raise StoreNewerError(
            f"the database has format {found}, this version knows up to {max(known)}: "
            "upgrade tos-proxy, or restore the copy made before migrating"
        )


def _upgrade(connection: Connection, scripts: Path, target: str) -> None:
    from alembic import command

    config = _config(scripts)
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def _make(connection: Connection) -> bool:
    """Make everything in a file that has nothing yet, as the migrations would. Returns whether it was so."""
    if inspect(connection).get_table_names():
        return False
    metadata.create_all(connection)
    connection.execute(text(_ALEMBICS_OWN))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    return True


def copy_before(path: Path, found: str) -> Path:
    """A copy of the SQLite file beside it, `<name>.at-<revision found>`; complete even with a write-ahead log present."""
    copy = path.with_name(f"{path.name}.at-{found}")
    copy.unlink(missing_ok=True)
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    try:
        source.backup(target)
        copy.chmod(0o600)
    finally:
        source.close()
        target.close()
    return copy


async def migrate(
    connection: AsyncConnection, *, path: Path | None = None, scripts: Path | None = None, head: str = HEAD
) -> tuple[str | None, Path | None]:
    """Bring the database to `head`, in the transaction that `connection` is in.

    `connection` is in a transaction that may write. `path` is the SQLite file, copied before an older form is changed (None for
    PostgreSQL). `scripts` is another folder of migrations, for tests. Gives the revision found and the copy made, either may be
    None. Raises: StoreNewerError; whatever the database raises, with nothing changed.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _POSTGRES_LOCK})
    found = await revision(connection)
    if found == head:
        return found, None
    if found is None and scripts is None and connection.dialect.name == "sqlite" and await connection.run_sync(_make):
        return None, None
    scripts = scripts or scripts_folder()
    copy = None
    if found is not None:
        _refuse_newer(found, scripts)
        copy = copy_before(path, found) if path is not None else None
    await connection.run_sync(_upgrade, scripts, head)
    return found, copy
