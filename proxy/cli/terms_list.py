"""`tos-proxy terms list`: the rows of the matrix."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from proxy.cli.catalogues import instant, known
from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.cli.tables import print_table

_HEADS = ("row", "kind", "tier", "text of", "allow", "duties", "review", "forbid", "model", "read by counsel")


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("list")(list_)


def list_(
    on: Annotated[str | None, typer.Option("--on", help="The day to count verdicts for; today if not given.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """List contracts and licences: tier, day of the newest text, how many purposes have which verdict, and who has read the row.

    \b
    Examples:
      tos-proxy terms list
      tos-proxy terms list --on 2024-06-01 --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.terms.telling import row_told

    settle(config, data_dir)
    found = known()
    terms, at = found.terms, instant(on)
    told = [row_told(terms.catalogue, row, found.adoptions, at) for row in terms.rows.values()]
    if json_:
        print(json.dumps({"version": terms.version, "items": told}, indent=2, ensure_ascii=False))
        return
    print_table(
        _HEADS,
        [
            (
                *(each[key] or "-" for key in ("row", "kind", "tier", "version")),
                *(count or "" for count in each["verdicts"].values()),
                each["read_by_counsel"],
            )
            for each in told
        ],
    )
    print(f"\n{len(told)} rows, version {terms.version or '-'} of the terms; what a row says nothing of is a review")
