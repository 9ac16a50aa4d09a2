"""`tos-proxy terms show`: a row's cells, or a clause."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from proxy.cli.catalogues import instant, known, purpose, unknown
from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(show)


def show(
    name: Annotated[str, typer.Argument(metavar="ROW|CLAUSE", help="As terms list and verdicts name them.")],
    of_purpose: Annotated[str | None, typer.Option("--purpose", help="The cells of this purpose alone.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="What holds on this day alone.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Show what a row says of each purpose, since when and by which clauses, or what a clause says and where it was read.

    \b
    Examples:
      tos-proxy terms show openai.api --purpose train.general
      tos-proxy terms show aws.bedrock --on 2026-01-22
      tos-proxy terms show openai.services.3.3e
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.terms.telling import cells_told, clause_told, row_told

    settle(config, data_dir)
    found = known()
    terms, name = found.terms, name.partition("@")[0]
    at = None if on is None else instant(on)
    clauses = [each.id for each in terms.clauses]
    if name in terms.rows:
        row = terms.rows[name]
        told = row_told(terms.catalogue, row, found.adoptions, instant(on))
        told["cells"] = list(cells_told(terms.catalogue, row, found.adoptions, purpose(of_purpose), at))
    elif name in clauses:
        told = clause_told(terms.catalogue, name, at)
    else:
        raise unknown("row or clause", name, [*terms.rows, *clauses])
    if json_:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    elif "cells" in told:
        _print_row(told)
    else:
        _print_clause(told, "")


def _print_row(told: Mapping[str, Any]) -> None:
    facts = [told["kind"], told["tier"], told["region"], f"text of {told['version']}" if told["version"] else ""]
    facts += [f"stands on {told['base']}" if told["base"] else "", f"read by counsel: {told['read_by_counsel']}"]
    print(f"{told['row']}  {told['title']}".rstrip())
    print("  " + ", ".join(each for each in facts if each))
    for cell in told["cells"]:
        _print_cell(cell)
    if not told["cells"]:
        print("\nnothing is said of that: review")


def _print_cell(cell: Mapping[str, Any]) -> None:
    days = " ".join(f"{word} {cell[word]}" for word in ("from", "until") if cell[word])
    marks = [cell["basis"], days, "" if cell["confirmed"] else "not confirmed", "CONFLICT" if cell["conflict"] else ""]
    print(f"\n{cell['purpose']}: {cell['verdict']}  ({', '.join(each for each in marks if each)})")
    for attribute, value in cell["requires"].items():
        print(f"  if {attribute} is {value}; else {cell['otherwise']}, review where it is not said")
    if cell["unless"]:
        print(f"  unless the attribute {cell['unless']} names an approval that has not ended")
    for obligation in cell["obligations"]:
        print(f"  duty: {obligation}")
    if cell["note"]:
        print(f"  {cell['note']}")
    print(f"  read by counsel: {cell['read_by_counsel']}")
    for clause in cell["clauses"]:
        _print_clause(clause, "  ")


def _print_clause(clause: Mapping[str, Any], margin: str) -> None:
    section = f" {clause['section']}" if clause["section"] else ""
    text = f"text from {clause['text_from']}" + (f" until {clause['text_until']}" if clause["text_until"] else "")
    print(f"{margin}{clause['id']}: {clause['title'] or clause['document']}{section}, {text}")
    print(f"{margin}  {clause['summary']}")
    seen = clause["seen"]
    source = " ".join(str(seen[key]) for key in ("source", "commit") if seen[key])
    source += f" on {seen['on']}" if seen["on"] else ""
    facts = [clause["confidence"], clause["rank"], clause["updates"], f"bound: {', '.join(clause['applies_to'])}"]
    facts += [f"seen: {source.strip()}" if source.strip() else "", f"line {seen['fingerprint']}" if seen["fingerprint"] else ""]
    facts += [
        f"read again by {clause['review_by']}" if clause["review_by"] else "",
        f"gone {clause['gone']}" if clause["gone"] else "",
    ]
    print(f"{margin}  {'; '.join(each for each in facts if each)}")
    if clause["url"]:
        print(f"{margin}  {clause['url']}")
