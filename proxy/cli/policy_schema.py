"""`tos-proxy policy schema`: what editors need to complete and check policy files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(schema)


def schema(
    kind: Annotated[str, typer.Argument(help="policy, or pack for a pack's own file.")] = "policy",
    write: Annotated[Path | None, typer.Option(help="Write the schemas of all kinds to this folder instead.")] = None,
) -> None:
    """Print the JSON Schema of policy files, for editors.

    \b
    Examples:
      tos-proxy policy schema > policy.json
      tos-proxy policy schema pack
      tos-proxy policy schema --write .vscode/schemas
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.policy.editors import MODELS, json_schema

    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for word in MODELS:
            (write / f"{word}.json").write_text(printed(json_schema(word)), encoding="utf-8")
        return
    if kind not in MODELS:
        raise typer.BadParameter(f"no kind {kind!r}: {', '.join(MODELS)}")
    print(printed(json_schema(kind)), end="")


def printed(found: dict[str, object]) -> str:
    """A schema as it stands in a file."""
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
