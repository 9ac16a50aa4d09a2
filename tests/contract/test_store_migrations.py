"""How a database comes to the form this version expects, on both kinds of store, with records in it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from proxy.ledger import store_lines, store_schema
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreError, StoreInUseError, StoreNewerError, StoreUnavailableError
from proxy.ledger.store_schema import HEAD, scripts_folder
from proxy.ledger.store_ship import ship
from proxy.ledger.tables import metadata
from tests.ledgers import Writer

_NEXT = '''"""One more column."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    """Add it."""
    op.add_column("exchanges", sa.Column("later", sa.Text))
    FAULT
'''


def with_next(folder: Path, fault: str = "") -> Path:
    """The migrations and one more, as a later version would have them."""
    scripts = folder / "migrations"
    shutil.copytree(scripts_folder(), scripts)
    (scripts / "versions" / "9999_later.py").write_text(_NEXT.replace("{head}", HEAD).replace("FAULT", fault))
    return scripts


async def populated(url: str) -> Writer:
    store = await Store.open(url)
    writer = Writer()
    for _ in range(20):
        writer.exchange(b"ask" * 50, b"say" * 50)
    await ship(store, writer.batch())
    await store.close()
    return writer


async def evidence(store: Store) -> list[bytes]:
    async with store.read() as connection:
        return [bytes(row[0]) for row in await connection.execute(text("SELECT evidence FROM entries ORDER BY seq"))]


def test_the_expected_form_is_the_newest_migration() -> None:
    """The constant that spares Alembic's import is the head of the folder, and there is one head."""
    assert ScriptDirectory.from_config(store_schema._config(scripts_folder())).get_heads() == [HEAD]


async def test_the_migrations_make_what_the_code_expects(store_url: str) -> None:
    """A migrated database has exactly the tables, columns and indexes of `tables`."""

    def differences(connection: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection, opts={"include_object": _ours}), metadata)

    store = await Store.open(store_url)
    async with store.read() as connection:
        assert await connection.run_sync(differences) == []
    await store.close()


async def test_a_new_file_is_what_the_migrations_make(tmp_path: Path) -> None:
    """A new SQLite file, made without Alembic, has the very tables, columns, defaults and indexes that the migrations make."""
    made: list[list[tuple[object, ...]]] = []
    for name, scripts in (("new", None), ("migrated", scripts_folder())):
        await (await Store.open(f"sqlite:///{tmp_path / name}", scripts=scripts)).close()
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            tables = [table for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            shape: list[tuple[object, ...]] = [
                (table, *column)
                for table in tables
                for column in connection.execute(
                    f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{table}') ORDER BY name"
                )
            ]
            shape += connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name").fetchall()
            made.append(shape + connection.execute("SELECT version_num FROM alembic_version").fetchall())
    assert made[0] == made[1]


def _ours(_object: object, name: str, *_: object) -> bool:
    return not name.startswith("entries_")


async def test_a_populated_database_is_migrated_with_nothing_lost(store_url: str, tmp_path: Path) -> None:
    """Records of the earlier form are all there after migrating, and a SQLite file was copied before."""
    writer = await populated(store_url)
    store = await Store.open(store_url, scripts=with_next(tmp_path), head="9999")
    assert await evidence(store) == [frame.evidence for frame in writer.frames]
    async with store.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM exchanges WHERE later IS NULL"))).scalar() == 20
    copy = store.copy_made
    await store.close()
    if store.path is None:
        assert copy is None
        return
    assert copy is not None
    with closing(sqlite3.connect(copy)) as before:
        assert before.execute("SELECT count(*) FROM entries").fetchone() == (40,)
    assert copy.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("earlier", ["0001", "0002"])
async def test_a_database_of_every_earlier_form_is_brought_to_this_one(store_url: str, earlier: str) -> None:
    """With records in it, all of which are there afterwards; what the new form holds can be written and read."""
    writer = Writer()
    for _ in range(5):
        writer.exchange()
    old = await Store.open(store_url, scripts=scripts_folder(), head=earlier)
    await ship(old, writer.batch())
    await old.close()
    store = await Store.open(store_url)
    later = Writer(epoch=2)
    carrier = later.carrier([b"{}", b"{}"])
    await ship(store, later.batch())
    async with store.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM exchanges"))).scalar() == 6
        assert (await connection.execute(text("SELECT count(*) FROM entries"))).scalar() == 10 + 4
    assert await store_lines.count(store, carrier) == 2
    await store.close()


async def test_a_migration_that_fails_changes_nothing(store_url: str, tmp_path: Path) -> None:
    """A migration that breaks in the middle leaves the earlier form, ready for the earlier version."""
    writer = await populated(store_url)
    broken = with_next(tmp_path, 'op.execute("SELECT * FROM nowhere")')
    with pytest.raises(StoreUnavailableError):
        await Store.open(store_url, scripts=broken, head="9999")
    store = await Store.open(store_url)
    assert await evidence(store) == [frame.evidence for frame in writer.frames]
    async with store.read() as connection:
        found = await connection.execute(text("SELECT * FROM exchanges LIMIT 1"))
        assert "later" not in set(found.keys())
    await store.close()


async def test_a_newer_form_is_refused_in_one_line(store_url: str, tmp_path: Path) -> None:
    """A database written by a later version is left alone and named for what it is."""
    await populated(store_url)
    later = await Store.open(store_url, scripts=with_next(tmp_path), head="9999")
    await later.close()
    with pytest.raises(StoreNewerError, match="has format 9999") as refused:
        await Store.open(store_url)
    assert "\n" not in str(refused.value)


async def test_a_sqlite_store_has_one_owner(tmp_path: Path) -> None:
    """A second process is told who has the file; when the owner closes it, the next may have it."""
    url = f"sqlite:///{tmp_path}/store.sqlite"
    store = await Store.open(url)
    with pytest.raises(StoreInUseError, match="admin API"):
        await Store.open(url)
    await store.close()
    await (await Store.open(url)).close()


@pytest.mark.parametrize("url", ["mysql://root:secret@host/x", "nonsense", "sqlite://"])
async def test_a_bad_address_is_refused_without_its_password(url: str) -> None:
    """An address that cannot be used is an error of one line that holds no password."""
    with pytest.raises(StoreError) as refused:
        await Store.open(url)
    assert "secret" not in str(refused.value)


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """A server that does not answer is told from everything that trying again would not cure."""
    with pytest.raises(StoreUnavailableError):
        await Store.open("postgresql://nobody@127.0.0.1:9/none")
