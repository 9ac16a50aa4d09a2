"""`tos-proxy reconcile`: a provider's usage export against the ledger."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Collection
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.cli.tables import counted, print_table

if TYPE_CHECKING:
    from proxy.ledger.store_usage import Recorded
    from proxy.review.reconciling import Compared, Counts
    from proxy.review.usage_exports import Export, Used

_UPSTREAMS = {"openai": ["openai"], "anthropic": ["anthropic"], "google": ["gemini"]}


class Provider(StrEnum):
    """Whose form an export has."""

    openai = "openai"
    anthropic = "anthropic"
    google = "google"
    csv = "csv"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reconcile)


def reconcile(  # noqa: PLR0913, PLR0917 - one argument per option
    files: Annotated[list[Path], typer.Argument(help="Usage exports, JSON or CSV; several are taken together.")],
    provider: Annotated[Provider | None, typer.Option(help="Whose form it is; told by its columns otherwise.")] = None,
    upstream: Annotated[list[str] | None, typer.Option(help="Upstreams it is about (default: the provider's own).")] = None,
    key: Annotated[list[str] | None, typer.Option(help="Who a key of the provider is here: key_abc=research.")] = None,
    key_column: Annotated[str | None, typer.Option(help="The column that names the key.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="A column of a CSV: day=Date; also key, model, requests, input, output.")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="How much more is no surplus, in percent.", min=0, max=100)] = 2.0,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Hold what a provider counted against the ledger, by UTC day, key and model: more there means calls went past the proxy.

    Keys that `--key` names, or that are called like a principal or a fingerprint of the ledger, are compared one by one, all
    others together. Exit 0: no surplus; 1: there is one; 2: an export that cannot be read.

    \b
    Examples:
      tos-proxy reconcile usage.json
      tos-proxy reconcile --key key_abc=research --tolerance 5 october.csv november.csv
      tos-proxy reconcile --provider csv --upstream vllm --column day=Date --column input=In --key-column Token bill.csv
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.review.reconciling import Last, compare, keep

    settle(config, data_dir)
    columns = {name: [value] for name, value in (_pair(each, "column") for each in column or [])}
    if key_column:
        columns["key"] = [key_column]
    exports = _exports(files, provider.value if provider else None, columns)
    whose = exports[0].provider
    used = [one for export in exports for one in export.used]
    if not used:
        raise typer.BadParameter("there is no usage in " + ", ".join(map(str, files)))
    first, last = min(one.day for one in used), max(one.day for one in used)
    folder, recorded, began = _recorded(first, last, upstream or _UPSTREAMS.get(whose, []))
    rows = compare(used, recorded, _named(key or [], used), tolerance / 100, began)
    surplus = sum(bool(row.surplus) for row in rows)
    done = Last(whose, time.time_ns() // 1000, rows[0].day, rows[-1].day, len(rows), surplus)
    if json_:
        print(json.dumps({**asdict(done), "items": [asdict(row) for row in rows]}, indent=2))
    else:
        _show(rows, surplus)
    try:
        keep(folder, done)
    except OSError as error:
        print(f"tos-proxy: warning: {folder}: that this was done is not kept: {error.strerror}", file=sys.stderr)
    raise typer.Exit(int(surplus > 0))


def _named(keys: list[str], used: list[Used]) -> dict[str, str]:
    """Who keys are here; one that no row is of is told, since it may be mistyped."""
    named = dict(_pair(each, "key") for each in keys)
    for absent in sorted(named.keys() - {one.key for one in used}):
        print(f"tos-proxy: warning: --key {absent}=…: no row is of a key of this name", file=sys.stderr)
    return named


def _pair(written: str, option: str) -> tuple[str, str]:
    from proxy.review.usage_exports import FIELDS

    name, parted, value = written.partition("=")
    if not parted or not name or not value:
        raise typer.BadParameter(f"--{option} {written!r} should be NAME=VALUE")
    if option == "column" and name not in FIELDS:
        raise typer.BadParameter(f"--column {name!r}: should be one of {', '.join(FIELDS)}")
    return name, value


def _exports(files: list[Path], provider: str | None, columns: dict[str, list[str]]) -> list[Export]:
    from proxy.review.usage_exports import ExportError, read

    try:
        found = [read(str(file), file.read_bytes(), provider, columns) for file in files]
    except ExportError as error:
        raise typer.BadParameter(str(error)) from None
    except OSError as error:
        raise typer.BadParameter(f"{error.filename}: {error.strerror}") from None
    whose = {export.provider for export in found}
    if len(whose) > 1:
        raise typer.BadParameter(f"exports of {' and '.join(sorted(whose))}: one provider at a time")
    if found[-1].more:
        print(f"tos-proxy: warning: {files[-1]} says that there is more: its later pages are missing", file=sys.stderr)
    return found


def _recorded(first: int, last: int, upstreams: Collection[str]) -> tuple[Path, list[Recorded], int | None]:
    """The data folder, what the ledger has, and its first day."""
    from proxy.ledger import store_usage
    from proxy.ledger.store import Store
    from proxy.settings.compiling import running
    from proxy.settings.loading import load

    settings = load(os.environ).settings
    at = running(settings)
    for absent in sorted(set(upstreams) - settings.upstreams.keys()):
        print(f"tos-proxy: warning: no upstream is named {absent!r} here", file=sys.stderr)

    async def ask() -> tuple[list[Recorded], int | None]:
        store = await Store.look(at.store_url)
        try:
            return await store_usage.by_day(store, first, last, upstreams), await store_usage.first_day(store)
        finally:
            await store.close()

    recorded, began = asyncio.run(ask())
    return at.data_dir, recorded, began


def _show(rows: list[Compared], surplus: int) -> None:
    from proxy.review.reconciling import COUNTED

    heads = ("day", "key", "model", *(f"{name} there" if told else name for name in COUNTED for told in (True, False)), "")
    print_table(heads, [_row(row) for row in rows])
    early = sum(row.early for row in rows)
    if early:
        print(f"\n{counted(early, 'row')} of days before the first record: nothing is said of them.")
    print(f"\n{counted(surplus, 'row')} with a surplus at the provider." if surplus else "\nNo surplus at the provider.")


def _row(row: Compared) -> tuple[object, ...]:
    def pair(there: Counts, here: Counts) -> list[object]:
        cells: list[object] = []
        for name in ("requests", "input", "output"):
            cells += ["-" if there.get(name) is None else there[name], here.get(name) or 0]
        return cells

    verdict = "before the first record" if row.early else f"surplus: {', '.join(row.surplus)}" if row.surplus else ""
    return (row.day, row.key or "all others", row.model or "all", *pair(row.provider, row.ledger), verdict)
