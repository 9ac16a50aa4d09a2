"""`tos-proxy terms adopt`: a named person has read rows of the terms."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

import typer

from proxy.cli.api import call
from proxy.cli.catalogues import Known, known, unknown
from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.cli.tables import print_table


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(adopt)


def adopt(
    by: Annotated[str, typer.Option("--by", help="Who has read them, by name.")],
    rows: Annotated[list[str] | None, typer.Argument(metavar="[ROW]...", help="Rows as terms list names them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All rows that nobody has read as they are.")] = False,
    version: Annotated[str | None, typer.Option("--version", help="A version of the terms, to be in force from now on.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Record that a named person has read rows as they are now; another text of a row is unread again. Or put a version of the
    terms in force: it stays so when a newer one is installed, whose verdicts are recorded beside until somebody adopts it.

    \b
    Examples:
      tos-proxy terms show openai.api
      tos-proxy terms adopt --by "J. Doe, counsel" openai.api anthropic.api
      tos-proxy terms adopt --by "J. Doe, counsel" --version 2026-11-22
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.core.terms import CATALOGUE
    from proxy.terms.telling import UNREAD, day_of, read_by

    settle(config, data_dir)
    if bool(rows) + every + (version is not None) != 1:
        raise typer.BadParameter("name the rows that were read, or --all, or a --version")
    found = known()
    in_force = found.terms.rows
    for row in rows or []:
        if row not in in_force:
            raise unknown("row", row, in_force)
    names = list(dict.fromkeys(rows or [name for name, row in in_force.items() if read_by(row, found.adoptions) == UNREAD]))
    read = [{"row": name, "digest": in_force[name].digest, "version": in_force[name].version} for name in names]
    if version is not None:
        read = [_catalogue(found, version)]
        names = [CATALOGUE]
    items = call("POST", "/terms/adoptions", {"by": by, "rows": read})["items"] if read else []
    adopted = [item for item in items if item["row"] in names]
    if json_:
        print(json.dumps(adopted, indent=2, ensure_ascii=False))
    elif adopted:
        heads = ("row", "text of", "read by counsel")
        print_table(heads, [(item["row"], item["version"] or "-", f"{item['by']} on {day_of(item['at'])}") for item in adopted])
    else:
        print("nothing is unread")


def _catalogue(found: Known, version: str) -> dict[str, str]:
    """A whole version that is shipped or was released."""
    from proxy.core.terms import CATALOGUE
    from proxy.terms import releases
    from proxy.terms.catalog import read

    if found.settings.terms.version is not None:
        raise typer.BadParameter(f"the configuration pins {found.settings.terms.version}, so no other version can be adopted")
    folder = releases.terms_folder()
    versions = releases.released(folder)
    shipped = read(folder)
    if version not in (*versions, shipped.version):
        raise unknown("version of the terms", version, [*versions, shipped.version])
    whole = shipped if version == shipped.version else releases.load(folder, version)
    digest = hashlib.sha256(releases.canonical(whole)).hexdigest()[:16]
    return {"row": CATALOGUE, "digest": digest, "version": version}
