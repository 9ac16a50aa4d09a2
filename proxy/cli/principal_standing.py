"""`tos-proxy principal import|standing`: what the host knows of principals, and how they stand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from proxy.cli.api import call
from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.cli.tables import print_table

_ROWS = 2000
_NAME = "principal"


def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a column `principal`; every other column is a trait.", show_default=False)],
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Tell what you know of accounts that they cannot choose themselves: it ties linked accounts to each other.

    \b
    Examples:
      tos-proxy principal import accounts.csv
      where accounts.csv is
        principal,payment,sign_up,network_owner
        lab-7,card-41f0,2026-11-02,AS64500
        key:3f9a1c07d2be,card-41f0,2026-11-02,

    Values are opaque and kept keyed: only whether two accounts have the same one counts, and only where few others have it. An
    empty value takes a trait back. Nationality, country and language are never evidence and are refused.
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    rows = read(file)
    told = {"principals": 0, "traits": 0}
    for begin in range(0, len(rows), _ROWS):
        answer = call("POST", "/traits", {"rows": rows[begin : begin + _ROWS]})
        told = {name: told[name] + answer[name] for name in told}
    print(json.dumps(told) if json_ else f"{told['traits']} traits of {told['principals']} principals")


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of a CSV file.

    Raises:
        typer.BadParameter: no file, no column `principal`, or a row without one; with its line.

    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            table = csv.DictReader(text, strict=True)
            columns = [column.strip().lower() for column in table.fieldnames or ()]
            if _NAME not in (table.fieldnames or ()) or len(columns) < 2:
                raise typer.BadParameter(f"{file}:1: needs a column {_NAME} and at least one trait", param_hint="FILE")
            for twice in [column for column in columns if columns.count(column) > 1]:
                raise typer.BadParameter(f"{file}:1: the column {twice} occurs twice", param_hint="FILE")
            return [_row(row, f"{file}:{table.line_num}") for row in table]
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="FILE") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file}: not UTF-8 (save it in this encoding)", param_hint="FILE") from None
    except csv.Error as error:
        raise typer.BadParameter(f"{file}:{table.reader.line_num}: {error}", param_hint="FILE") from None


def _row(row: dict[str | Any, str | Any], place: str) -> dict[str, Any]:
    name = (row.pop(_NAME) or "").strip()
    if not name:
        raise typer.BadParameter(f"{place}: names no principal", param_hint="FILE")
    if None in row or None in row.values():  # a row cut short is no trait taken back
        raise typer.BadParameter(f"{place}: {'more' if None in row else 'fewer'} fields than columns", param_hint="FILE")
    return {"principal": name, "traits": {trait.strip().lower(): value.strip() for trait, value in row.items()}}


def standing(
    name: Annotated[str, typer.Argument(help="Principal, key:… included; without it, all that do not stand as everybody.")] = "",
    set_: Annotated[str, typer.Option("--set", help="normal, watched, limited or suspended; stays until it is set again.")] = "",
    note: Annotated[str, typer.Option(help="Why; goes on record.")] = "",
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Show how principals stand, or set it: what findings have watched or limited, and until when.

    \b
    Examples:
      tos-proxy principal standing
      tos-proxy principal standing key:3f9a1c07d2be --set normal --note "a load test of ours"
      tos-proxy principal standing lab-7 --set suspended
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    if set_ and not name:
        raise typer.BadParameter("whose? name a principal", param_hint="--set")
    if set_:
        items = [call("POST", f"/standings/{quote(name, safe='')}", {"standing": set_, "note": note})]
    else:
        items = [call("GET", f"/standings/{quote(name, safe='')}")] if name else _all()
    if json_:
        print(json.dumps(items, indent=2))
        return
    heads = ("principal", "standing", "in force", "group", "until", "set by", "note")
    print_table(heads, [_shown(item) for item in items])


def _all() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = call("GET", f"/standings?limit=500&cursor={quote(cursor)}")
        items += page["items"]
        cursor = page.get("next_cursor") or ""
        if not cursor:
            return items


def _shown(item: dict[str, Any]) -> tuple[object, ...]:
    from datetime import UTC, datetime

    until = item["until"]
    ends = datetime.fromtimestamp(until / 1e6, UTC).strftime("%Y-%m-%d %H:%M") if until else "-"
    held = item["effective"], item["group_key"] or "-", ends
    return item["principal"], item["standing"], *held, item["set_by"] or "-", item["note"] or "-"
