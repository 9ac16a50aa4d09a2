"""`tos-proxy ledger status|reindex`: how the ledger stands, and the store rebuilt from its segments."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.core.errors import TosProxyError

if TYPE_CHECKING:
    from proxy.settings.schema import Settings

_ALARM = 0.8
_DAMAGED = ("file is not a database", "disk image is malformed")
"""What SQLite says of a file that no waiting mends."""


class LedgerBusyError(TosProxyError):
    """The ledger is in use by a running process; the text says by which."""


@dataclass(frozen=True)
class Status:
    """`bytes` of the spool out of `max_bytes`; `days_left` at the pace so far, None in the first hour.
    `unfinished`: epochs that a crash left and the next start closes. `lag_entries`: None when nobody runs who could tell.
    `copies`: `local | local+db`. `survives`: what records on this volume survive, empty when nothing says that it will not last.
    """

    bytes: int
    max_bytes: int
    days_left: float | None
    epochs: int
    unfinished: int
    writing: int
    lag_entries: int | None
    faults: list[str]
    copies: str
    survives: str

    @property
    def alarm(self) -> bool:
        """Whether a person should look."""
        return self.bytes >= _ALARM * self.max_bytes or bool(self.faults)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="How the ledger stands, and the store rebuilt from it.", no_args_is_help=True)
    group.command()(status)
    group.command()(reindex)
    app.add_typer(group, name="ledger")


def status(config: ConfigOption = None, data_dir: DataDirOption = None, json_: JsonOption = False) -> None:
    """Show size, days left, lag and faults. Exit 1 past 80 % of ledger.max_bytes or when something is wrong.

    \b
    Examples:
      tos-proxy ledger status
      tos-proxy ledger status --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.settings.loading import load

    settle(config, data_dir)
    found = _look(load(os.environ).settings)
    if json_:
        print(json.dumps(asdict(found), indent=2))
    else:
        share = found.bytes / found.max_bytes
        left = "too early to say for how long" if found.days_left is None else f"{found.days_left:,.0f} days left at this pace"
        print(f"spool       {_human(found.bytes)} of {_human(found.max_bytes)} ({share:.0%}), {left}")
        print(f"epochs      {found.epochs}, {found.writing} being written, {found.unfinished} to be closed by the next start")
        lag = (
            "unknown while no proxy runs here" if found.lag_entries is None else f"{found.lag_entries} entries not in the store yet"
        )
        print(f"store       {lag}")
        if found.survives:
            print(f"volume      {found.survives}")
        for fault in found.faults:
            print(f"fault       {fault}")
    raise typer.Exit(1 if found.alarm else 0)


def _look(settings: Settings) -> Status:
    from proxy.control.retention import spool_usage
    from proxy.control.volume import statement
    from proxy.core.clock import SystemClock
    from proxy.ledger import reader

    epochs = reader.epochs(settings.data_dir / "spool")
    usage = spool_usage(settings.data_dir, settings.ledger.max_bytes, SystemClock.utc_us())
    live = sum(1 for epoch in epochs if reader.is_live(epoch.folder))
    closed = sum(1 for epoch in epochs if reader.closed(epoch.folder) is not None)
    lag, faults = _told(settings)
    durability = settings.ledger.durability
    return Status(
        bytes=usage.used,
        max_bytes=usage.max_bytes,
        days_left=None if usage.days_left is None else round(usage.days_left, 1),
        epochs=len(epochs),
        unfinished=max(0, len(epochs) - live - closed),
        writing=live,
        lag_entries=lag,
        faults=faults,
        copies=durability.copies,
        survives=statement(settings.data_dir, copied=durability.copied, lag=lag),
    )


def _told(settings: Settings) -> tuple[int | None, list[str]]:
    """What the running proxy says: entries not shipped yet, and why it is not ready."""
    import re
    import urllib.error
    import urllib.request

    from proxy.control.plan import GATEWAY
    from proxy.control.presence import who_serves
    from proxy.telemetry.names import SHIP_LAG_ENTRIES

    served = who_serves(settings.data_dir, GATEWAY)
    if served is None:
        return None, []
    faults: list[str] = []
    try:
        with urllib.request.urlopen(f"{served['health_url']}/metrics", timeout=3) as answer:  # noqa: S310 - our own listener
            lag = re.search(rf"^{SHIP_LAG_ENTRIES}\{{[^}}]*\}} (\d+)", answer.read().decode(), re.MULTILINE)
        with urllib.request.urlopen(f"{served['health_url']}/readyz", timeout=3):  # noqa: S310 - our own listener
            pass
    except urllib.error.HTTPError as error:
        with error:
            faults = error.read().decode().splitlines()
    except OSError as error:
        return None, [f"the health listener does not answer: {error}"]
    return int(lag[1]) if lag else None, faults


def _human(size: int) -> str:
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def reindex(config: ConfigOption = None, data_dir: DataDirOption = None, json_: JsonOption = False) -> None:
    """Rebuild the store from the segments that are there and the entries it has; nothing certain is deleted.

    The proxy must be stopped. What contradicts the store becomes an incident in it. Added principals and what people decided are in
    no segment: they come from a backup of the store.

    \b
    Examples:
      tos-proxy ledger reindex
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.control.plan import CONTROL
    from proxy.control.presence import who_serves
    from proxy.ledger.store_errors import StoreUnavailableError
    from proxy.settings.compiling import compile_configuration, running

    settle(config, data_dir)
    settings = compile_configuration(os.environ, make=True, unset_keys=True).settings
    if served := who_serves(settings.data_dir, CONTROL):
        raise LedgerBusyError(f"process {served['pid']} serves {settings.data_dir}; stop it first")
    try:
        count = asyncio.run(_reindex(settings, quiet=json_ or not sys.stderr.isatty()))
    except StoreUnavailableError as error:
        if not any(said in str(error) for said in _DAMAGED):
            raise
        file = running(settings).store_url.removeprefix("sqlite:///")
        aside = f"put {file} aside (its -wal and -shm too), or a backup in its place, and try again"
        raise StoreUnavailableError(f"{error}; {aside}") from None
    print(json.dumps({"entries": count}) if json_ else f"the store holds {count} entries, all of them projected anew")


async def _reindex(settings: Settings, *, quiet: bool) -> int:
    from proxy.app.open_ledger import opened
    from proxy.control.reindex import reindex as rebuild
    from proxy.ledger import secrets
    from proxy.settings.compiling import running

    def report(what: str, count: int) -> None:
        if not quiet:
            print(f"\r{what}: {count} entries ", end="", file=sys.stderr, flush=True)

    async with opened(running(settings)) as ledger:
        count = await rebuild(ledger.store, settings.data_dir, secrets.load(settings.data_dir).master, report)
    report("done", count)
    if not quiet:
        print(file=sys.stderr)
    return count
