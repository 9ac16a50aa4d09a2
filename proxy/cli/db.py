"""`tos-proxy db upgrade`: brings the store to the form this version expects, for databases that several gateways share."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.core.errors import TosProxyError

if TYPE_CHECKING:
    from proxy.settings.schema import Settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The store's form.", no_args_is_help=True)
    group.callback()(_store)
    group.command()(upgrade)
    app.add_typer(group, name="db")


def _store() -> None:
    """The store's form."""


def upgrade(config: ConfigOption = None, data_dir: DataDirOption = None, json_: JsonOption = False) -> None:
    """Bring the database to the form this version expects; a SQLite file is copied before. A newer form is refused.

    \b
    Examples:
      tos-proxy db upgrade
      TOS_PROXY_DATABASE_URL=postgresql://tos@db/tos tos-proxy db upgrade
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.ledger.store_errors import StoreInUseError
    from proxy.settings.compiling import compile_configuration

    settle(config, data_dir)
    try:
        found = asyncio.run(_upgrade(compile_configuration(os.environ, make=True, unset_keys=True).settings))
    except StoreInUseError:
        raise TosProxyError("the proxy that runs on this store brought it to its own form as it started; stop it first") from None
    if json_:
        print(json.dumps(found, indent=2))
        return
    copied = f"; the file as it was is {found['copy']}" if found["copy"] else ""
    print(f"the store is at form {found['revision']}{copied}")


async def _upgrade(settings: Settings) -> dict[str, str | None]:
    from proxy.app.open_ledger import opened
    from proxy.ledger.store_schema import HEAD
    from proxy.settings.compiling import running

    async with opened(running(settings)) as ledger:
        copy = ledger.store.copy_made
    return {"revision": HEAD, "copy": str(copy) if copy else None}
