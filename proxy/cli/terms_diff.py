"""`tos-proxy terms diff`: what changes from one version of the terms to another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.cli.options import JsonOption

if TYPE_CHECKING:
    from proxy.terms.catalog import Catalogue

_SHIPPED = "shipped"


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(diff)


def diff(
    old: Annotated[str, typer.Argument(help="A released version, shipped, or the path of a folder of terms or of a release.")],
    new: Annotated[str, typer.Argument(help="Likewise.")] = _SHIPPED,
    json_: JsonOption = False,
) -> None:
    """Show which cells change on which days, which clauses, rows and models. Exit 1 when anything does.

    \b
    Examples:
      tos-proxy terms diff 2026-11-22
      tos-proxy terms diff 2026-11-22 ./policies/terms --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.terms.differences import changed, differences

    found = differences(_catalogue(old), _catalogue(new))
    if json_:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _print(found)
    raise typer.Exit(1 if changed(found) else 0)


def _catalogue(named: str) -> Catalogue:
    from proxy.terms import releases
    from proxy.terms.catalog import read

    folder = releases.terms_folder()
    path = Path(named)
    if named == _SHIPPED:
        return read(folder)
    if named in releases.released(folder):
        return releases.load(folder, named)
    if path.suffix == ".json" and path.is_file():
        return releases.parsed(path.read_bytes(), named)
    if path.is_dir():
        return read(path)
    known = ", ".join([*releases.released(folder), _SHIPPED])
    raise typer.BadParameter(f"{named!r} is neither a version ({known}) nor a folder or a release")


def _print(found: dict[str, Any]) -> None:
    for word, sign in (("added", "+"), ("removed", "-")):
        for row in found["rows"][word]:
            print(f"{sign} {row}")
    for cell in found["cells"]:
        days = " ".join(f"{word} {cell[word]}" for word in ("from", "until") if cell[word]) or "always"
        before, after = cell["verdict"]
        verdict = f"{before} -> {after}" if before != after else f"{after}, other {', '.join(cell['changed'])}"
        print(f"~ {cell['row']} {cell['purpose']}: {verdict}  ({days})")
        gone, come = ([each for each in one if each not in other] for one, other in (cell["clauses"], cell["clauses"][::-1]))
        for sign, clauses in (("-", gone), ("+", come)):
            for clause in clauses:
                print(f"    {sign} {clause}")
    for clause in found["clauses"]:
        fields = "; ".join(f"{name}: {old} -> {new}" for name, (old, new) in clause.get("fields", {}).items())
        print(f"~ clause {clause['clause']}: {clause['change']}" + (f"  {fields}" if fields else ""))
    for model in found["models"]:
        print(f"~ model {model['glob']}: {model['row'][0] or 'nothing'} -> {model['row'][1] or 'nothing'}")
    cells = len(found["cells"])
    print(f"{found['old'] or '-'} -> {found['new'] or '-'}: {cells} changed cells, {len(found['clauses'])} clauses")
